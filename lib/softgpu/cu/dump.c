/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/device.h"
#include "softgpu/cu/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char *state_name(const struct sg_wave *wave) {
    static const char *const names[] = {
        [SG_WAVE_RUNNING] = "running",       [SG_WAVE_BARRIER] = "at s_barrier",
        [SG_WAVE_GWS] = "at ds_gws_barrier", [SG_WAVE_YIELDED] = "running",
        [SG_WAVE_ENDED] = "ended",           [SG_WAVE_FAULTED] = "faulted",
    };
    const uint32_t state = (uint32_t)wave->state;
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

static void dump_wave(const struct sg_dispatch *dispatch, const struct sg_workgroup *group,
                      uint32_t index, int fd) {
    const struct sg_wave *wave = &group->waves[index];
    char text[96];
    char line[256];
    sg_isa_disassemble_at(dispatch->launch.env.vm, wave->pc, text, sizeof text);
    /* glibc's snprintf neither allocates nor locks for plain integer and string conversions. */
    const int length =
        snprintf(line, sizeof line,
                 "  workgroup %u,%u,%u wave %u: kernel 0x%llx+0x%llx: %s  exec=0x%016llx  %s\n",
                 group->id[0], group->id[1], group->id[2], index,
                 (unsigned long long)dispatch->launch.kernel.entry,
                 (unsigned long long)(wave->pc - dispatch->launch.kernel.entry), text,
                 (unsigned long long)sg_wave_exec(wave), state_name(wave));
    if (length > 0) {
        const size_t bytes = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
        const ssize_t written = write(fd, line, bytes);
        (void)written;
    }
}

void sg_dispatch_dump(const struct sg_dispatch *dispatch, int fd) {
    const int saved_errno = errno;
    uint32_t places = dispatch->launch.resident_limit;
    places = places < SG_RESIDENT_MAX ? places : SG_RESIDENT_MAX;
    for (uint32_t i = 0; i < places; i++) {
        const struct sg_workgroup *group =
            atomic_load_explicit(&dispatch->at_place[i], memory_order_acquire);
        if (!group) {
            continue;
        }
        const uint32_t waves = group->wave_count;
        for (uint32_t w = 0; w < waves && w < SG_WORKGROUP_WAVES_MAX; w++) {
            if (group->waves[w].state != SG_WAVE_ENDED) {
                dump_wave(dispatch, group, w, fd);
            }
        }
    }
    errno = saved_errno;
}
