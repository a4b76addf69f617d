/* SPDX-License-Identifier: MIT */
/// The GPU and HIP as experiments use them: every failure ends the experiment as undecided.
#ifndef HSP_CLAIMS_GPU_H
#define HSP_CLAIMS_GPU_H

#include <hsaprobe/launch.h>
#include <hsaprobe/memory.h>

#include "claims/claim.h"
#include "measure/hip_calls.h"

/// The first GPU with one queue.
struct claim_gpu {
    const struct hsp_agent *agent;
    const struct hsp_pool *host; ///< fine-grained host memory
    const struct hsp_pool *vram;
    struct hsp_queue *queue;
};

void claim_gpu_open(struct claim *claim, struct claim_gpu *out_gpu);
/// Zeroed host memory that the GPU sees at the same address.
void *claim_gpu_host_memory(struct claim *claim, const struct claim_gpu *gpu, size_t bytes);
/// A kernel of the bundle of the same name, for one work-item.
struct hsp_launch *claim_gpu_kernel(struct claim *claim, struct hsp_queue *queue, const char *name);
/// Submits it for one work-item and doesn't wait; returns its completion signal, which then
/// holds 1.
hsa_signal_t claim_gpu_start(struct claim *claim, struct hsp_queue *queue,
                             struct hsp_launch *launch);
/// Starts heartbeat.hip on the queue and returns when its first beat was seen.
struct hsp_launch *claim_gpu_heartbeat(struct claim *claim, struct hsp_queue *queue,
                                       _Atomic uint64_t *beats, _Atomic uint32_t *stop);

/// HIP, opened on the first call.
const struct hsp_hip_calls *claim_hip(struct claim *claim);
/// Ends the experiment unless `error` is 0.
void claim_hip_check(struct claim *claim, int error, const char *what);
/// A kernel of the bundle of the same name.
void *claim_hip_kernel(struct claim *claim, const char *name);

#endif
