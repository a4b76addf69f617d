/* SPDX-License-Identifier: MIT */
/* The operations on HIP. */
#include <dlfcn.h>
#include <string.h>

#include "map/state.h"

enum { SPIN_TICKS = 500000 };

#define STEPS(name, prepare, run, finish)                                                          \
    const struct map_steps map_steps_##name = {prepare, run, finish, false}
/* Of a wait: what it waits for is started by `start`. */
#define WAIT(name, start, run) const struct map_steps map_steps_##name = {start, run, NULL, true}

int map_hip_open(struct map_state *state) {
    const char *path = state->child->hip_library;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library)
        return map_fail("HIP", path ? dlerror() : "this build has no libhsaprobe-hip.so");
    state->hip = dlsym(library, HSP_HIP_CALLS_SYMBOL);
    if (!state->hip || state->hip->version != HSP_HIP_CALLS_VERSION)
        return map_fail("HIP", "libhsaprobe-hip.so is of another version");
    for (size_t i = 0; i < HSP_MAP_RUNS_MAX; i++)
        state->pages[i] = map_pages(MAP_LARGE);
    if (state->child->group == HSP_MAP_HIP_BLOCKING)
        return state->hip->set_device_flags(HSP_HIP_BLOCKING_SYNC);
    return 0;
}

static int init_run(struct map_state *state, uint32_t run) {
    (void)run;
    return state->hip->init();
}
STEPS(hip_init, NULL, init_run, NULL);

static int malloc_small_run(struct map_state *state, uint32_t run) {
    return state->hip->malloc(&state->hip_small[run], MAP_SMALL);
}
STEPS(hip_malloc_64K, NULL, malloc_small_run, NULL);

static int malloc_large_run(struct map_state *state, uint32_t run) {
    return state->hip->malloc(&state->hip_large[run], MAP_LARGE);
}
STEPS(hip_malloc_4M, NULL, malloc_large_run, NULL);

static int free_run(struct map_state *state, uint32_t run) {
    return state->hip->free(state->hip_large[run]);
}
STEPS(hip_free_4M, NULL, free_run, NULL);

static int host_malloc_run(struct map_state *state, uint32_t run) {
    return state->hip->host_malloc(&state->hip_host[run], MAP_SMALL);
}
STEPS(hip_host_malloc_64K, NULL, host_malloc_run, NULL);

static int register_run(struct map_state *state, uint32_t run) {
    return state->hip->host_register(state->pages[run], MAP_SMALL);
}
static int register_finish(struct map_state *state, uint32_t run) {
    return state->hip->host_unregister(state->pages[run]);
}
STEPS(hip_host_register_64K, NULL, register_run, register_finish);

static int managed_run(struct map_state *state, uint32_t run) {
    return state->hip->managed_malloc(&state->hip_managed[run], MAP_SMALL);
}
STEPS(hip_managed_64K, NULL, managed_run, NULL);

static int stream_run(struct map_state *state, uint32_t run) {
    return state->hip->stream_create(&state->streams[run], HSP_HIP_NON_BLOCKING);
}
STEPS(hip_stream_create, NULL, stream_run, NULL);

static int late_stream_run(struct map_state *state, uint32_t run) {
    return state->hip->stream_create(&state->late_streams[run], HSP_HIP_NON_BLOCKING);
}
STEPS(hip_stream_create_5th, NULL, late_stream_run, NULL);

static int copy_small_run(struct map_state *state, uint32_t run) {
    return state->hip->memcpy(state->hip_small[0], state->pages[run], MAP_SMALL);
}
STEPS(hip_memcpy_64K, NULL, copy_small_run, NULL);

static int copy_large_prepare(struct map_state *state, uint32_t run) {
    if (run > 0)
        return 0;
    int error = state->hip->malloc(&state->hip_target, MAP_LARGE);
    return error ? error : state->hip->host_malloc(&state->hip_pinned, MAP_LARGE);
}
static int copy_large_run(struct map_state *state, uint32_t run) {
    return state->hip->memcpy(state->hip_target, state->pages[run], MAP_LARGE);
}
STEPS(hip_memcpy_4M, copy_large_prepare, copy_large_run, NULL);

static int copy_pinned_run(struct map_state *state, uint32_t run) {
    (void)run;
    return state->hip->memcpy(state->hip_target, state->hip_pinned, MAP_LARGE);
}
STEPS(hip_memcpy_pinned_4M, NULL, copy_pinned_run, NULL);

static int event_create_run(struct map_state *state, uint32_t run) {
    return state->hip->event_create(&state->events[run]);
}
STEPS(hip_event_create, NULL, event_create_run, NULL);

static int event_record_run(struct map_state *state, uint32_t run) {
    return state->hip->event_record(state->events[run], state->streams[0]);
}
static int event_record_finish(struct map_state *state, uint32_t run) {
    return state->hip->event_synchronize(state->events[run]);
}
STEPS(hip_event_record, NULL, event_record_run, event_record_finish);

static int module_run(struct map_state *state, uint32_t run) {
    char path[4096];
    map_kernel_path(state, "spin", path);
    return state->hip->module_load(&state->modules[run], path);
}
STEPS(hip_module_load, NULL, module_run, NULL);

static int launch_spin(struct map_state *state, uint64_t ticks) {
    void *arguments[] = {&ticks, &state->hip_host[0]};
    return state->hip->launch(state->function, 1, 1, state->streams[0], arguments);
}
static int launch_prepare(struct map_state *state, uint32_t run) {
    return run ? 0 : state->hip->module_function(&state->function, state->modules[0], "spin");
}
static int launch_run(struct map_state *state, uint32_t run) {
    (void)run;
    return launch_spin(state, 0);
}
static int synchronize_run(struct map_state *state, uint32_t run) {
    (void)run;
    return state->hip->stream_synchronize(state->streams[0]);
}
STEPS(hip_launch, launch_prepare, launch_run, synchronize_run);

static int synchronize_prepare(struct map_state *state, uint32_t run) {
    (void)run;
    return launch_spin(state, SPIN_TICKS);
}
WAIT(hip_stream_synchronize, synchronize_prepare, synchronize_run);

/* The only operation of its process: makes itself what it needs. */
static int blocking_prepare(struct map_state *state, uint32_t run) {
    int error = 0;
    if (run == 0)
        error = state->hip->host_malloc(&state->hip_host[0], MAP_SMALL);
    if (run == 0 && !error)
        error = stream_run(state, 0);
    if (run == 0 && !error)
        error = module_run(state, 0);
    if (!error)
        error = launch_prepare(state, run);
    return error ? error : launch_spin(state, SPIN_TICKS);
}
WAIT(hip_stream_synchronize_blocking, blocking_prepare, synchronize_run);
