/* SPDX-License-Identifier: MIT */
/// What the operations of a child process work on. Operations in the order of ops.def: what one
/// creates, a later one uses or destroys.
#ifndef HSP_MAP_STATE_H
#define HSP_MAP_STATE_H

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsaprobe/code_object.h>

#include "map/map.h"
#include "measure/hip_calls.h"

/// The HSA functions that operations call, by HSA's own names without hsa_ or hsa_amd_: found in
/// the library that the process loads, so that nothing of ours is in between.
struct map_hsa {
#define MAP_HSA(name, function) __typeof__(&function) name;
#include "map/hsa_calls.def"
#undef MAP_HSA
};

enum { MAP_SMALL = 64 << 10, MAP_LARGE = 4 << 20 };

struct map_state {
    const struct hsp_map_child *child;
    struct map_hsa hsa;
    hsa_agent_t cpu, gpu;
    hsa_amd_memory_pool_t host, kernarg, vram;
    hsa_queue_t *queues[HSP_MAP_RUNS_MAX];
    hsa_signal_t signals[HSP_MAP_RUNS_MAX];
    hsa_signal_t gpu_signals[HSP_MAP_RUNS_MAX], ipc_signals[HSP_MAP_RUNS_MAX];
    hsa_signal_t done; ///< completion of what an operation starts
    void *small_vram[HSP_MAP_RUNS_MAX], *large_vram[HSP_MAP_RUNS_MAX];
    void *host_memory[HSP_MAP_RUNS_MAX], *arguments[HSP_MAP_RUNS_MAX];
    void *pages[HSP_MAP_RUNS_MAX]; ///< ordinary memory, touched
    void *locked[HSP_MAP_RUNS_MAX];
    const struct hsp_image *image; ///< of the kernel `spin`
    hsa_executable_t executables[HSP_MAP_RUNS_MAX];
    hsa_code_object_reader_t readers[HSP_MAP_RUNS_MAX];
    uint64_t kernel_object;
    uint32_t kernarg_bytes;
    uint64_t *stamps;

    const struct hsp_hip_calls *hip;
    void *streams[HSP_MAP_RUNS_MAX], *late_streams[HSP_MAP_RUNS_MAX];
    void *events[HSP_MAP_RUNS_MAX];
    void *modules[HSP_MAP_RUNS_MAX];
    void *function;
    void *hip_small[HSP_MAP_RUNS_MAX], *hip_large[HSP_MAP_RUNS_MAX];
    void *hip_host[HSP_MAP_RUNS_MAX], *hip_managed[HSP_MAP_RUNS_MAX];
    void *hip_target, *hip_pinned; ///< 4 MiB each
};

/// How an operation is run: prepare and finish aren't counted. Each returns 0 or an error code.
struct map_steps {
    int (*prepare)(struct map_state *state, uint32_t run); ///< may be NULL
    int (*run)(struct map_state *state, uint32_t run);
    int (*finish)(struct map_state *state, uint32_t run); ///< may be NULL
    bool is_started; ///< prepare starts what the operation waits for: run follows at once
};
/// The steps of an operation of ops.def.
#define MAP_OP(name, ...) extern const struct map_steps map_steps_##name;
#include "map/ops.def"
#undef MAP_OP

/// Opens what a group's operations need before the first of them; 0, or -1 after a line on stderr.
int map_hsa_open(struct map_state *state);
int map_hip_open(struct map_state *state);
/// `bytes` of touched memory of the process's own, aligned to pages.
void *map_pages(size_t bytes);
/// Prints "hsaprobe: map: ..." and returns -1.
int map_fail(const char *what, const char *why);
/// Path of a bundle that comes with the command.
void map_kernel_path(const struct map_state *state, const char *name, char out_path[4096]);

#endif
