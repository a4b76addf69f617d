/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/device.h"
#include "softgpu/cu/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The dump looks at running waves on purpose. */
#define RACY __attribute__((no_sanitize("thread")))

/* What the dump tells about a wave, copied in one place. */
struct glimpse {
    uint64_t pc;
    uint64_t exec;
    uint32_t state;
    uint32_t wave;
    uint32_t workgroup[3];
};

RACY static struct glimpse look(const struct sg_workgroup *group, uint32_t wave) {
    const struct sg_wave *w = &group->waves[wave];
    return (struct glimpse){
        .pc = w->pc,
        .exec = w->s64[SG_EXEC / 2],
        .state = (uint32_t)w->state,
        .wave = wave,
        .workgroup = {group->id[0], group->id[1], group->id[2]},
    };
}

RACY static uint32_t wave_count(const struct sg_workgroup *group) {
    const uint32_t count = group->wave_count;
    return count < SG_WORKGROUP_WAVES_MAX ? count : SG_WORKGROUP_WAVES_MAX;
}

static const char *state_name(uint32_t state) {
    static const char *const names[] = {
        [SG_WAVE_RUNNING] = "running", [SG_WAVE_BARRIER] = "at s_barrier",
        [SG_WAVE_GWS] = "at ds_gws",   [SG_WAVE_YIELDED] = "running",
        [SG_WAVE_ENDED] = "ended",     [SG_WAVE_FAULTED] = "faulted",
    };
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

static void print(const struct sg_wave_env *env, const struct glimpse *seen, int fd) {
    char text[96];
    char line[256];
    sg_isa_disassemble_at(env->vm, seen->pc, text, sizeof text);
    /* glibc's snprintf neither allocates nor locks for plain integer and string conversions. */
    const int length =
        snprintf(line, sizeof line,
                 "  workgroup %u,%u,%u wave %u: kernel 0x%llx+0x%llx: %s  exec=0x%016llx  %s\n",
                 seen->workgroup[0], seen->workgroup[1], seen->workgroup[2], seen->wave,
                 (unsigned long long)env->entry, (unsigned long long)(seen->pc - env->entry), text,
                 (unsigned long long)seen->exec, state_name(seen->state));
    if (length > 0) {
        const size_t bytes = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
        const ssize_t written = write(fd, line, bytes);
        (void)written;
    }
}

RACY void sg_dispatch_dump(const struct sg_dispatch *dispatch, int fd) {
    const int saved_errno = errno;
    uint32_t places = dispatch->launch.resident_limit;
    places = places < SG_RESIDENT_MAX ? places : SG_RESIDENT_MAX;
    for (uint32_t i = 0; i < places; i++) {
        const struct sg_workgroup *group =
            atomic_load_explicit(&dispatch->at_place[i], memory_order_acquire);
        const uint32_t waves = group ? wave_count(group) : 0;
        for (uint32_t wave = 0; wave < waves; wave++) {
            const struct glimpse seen = look(group, wave);
            if (seen.state != SG_WAVE_ENDED) {
                print(&dispatch->launch.env, &seen, fd);
            }
        }
    }
    errno = saved_errno;
}
