/* SPDX-License-Identifier: MIT */
/// The arms: complete ways to launch one and the same kernel.
///
/// What the arms share is a hsp_arm_case: the same code-object bytes, argument bytes, geometry and
/// packets, so that what differs between two arms is only the code that submits.
///
/// The packets are HIP's. A launch is one kernel-dispatch packet without completion signal, with
/// the barrier bit and the fences that HIP uses (`header`); to wait, one barrier-AND packet with
/// system-scope fences and a completion signal follows, on which the host spins (that is what
/// hipStreamSynchronize does in ROCm 5.2: rocvirtual.cpp, dispatchBarrierPacket).
///
/// Thread safety: arms and case belong to one thread.
#ifndef HSP_MEASURE_ARM_H
#define HSP_MEASURE_ARM_H

#include <hsaprobe/dispatch.h>
#include <hsaprobe/memory.h>

#include "measure/rounds.h"

/// What all arms launch. Everything is unowned and must outlive the arms.
struct hsp_arm_case {
    const struct hsp_agent *agent;
    const struct hsp_kernel *kernel;
    const struct hsp_image *image; ///< for the arms that load it themselves
    struct hsp_kernel_code code;   ///< as loaded for the ring and hsa arms
    struct hsp_geometry geometry;
    const void *kernarg;     ///< the kernarg segment, written; each launch copies it
    struct hsp_queue *queue; ///< shared by ring and hsa
    uint16_t header;         ///< of the dispatch packet: hsp_arm_header or what HIP wrote
};

/// Most launches between two waits; a kernarg block is kept for each.
#define HSP_ARM_IN_FLIGHT_MAX 256

/// One of the arms of arms.def, which says what each does. On failure *out_arm is untouched.
#define HSP_ARM_CREATE(name)                                                                       \
    hsp_status hsp_arm_##name##_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm)
HSP_ARM_CREATE(timer);
HSP_ARM_CREATE(store);
HSP_ARM_CREATE(packet);
HSP_ARM_CREATE(soft_queue);
HSP_ARM_CREATE(doorbell);
HSP_ARM_CREATE(barrier);
HSP_ARM_CREATE(barrier_done);
HSP_ARM_CREATE(ring);
HSP_ARM_CREATE(fence_none);
HSP_ARM_CREATE(fence_agent);
HSP_ARM_CREATE(fence_system);
HSP_ARM_CREATE(kernarg_alloc);
HSP_ARM_CREATE(scratch);
HSP_ARM_CREATE(signal);
HSP_ARM_CREATE(profiling);
/// Needs hsp_runtime_request_table before the runtime was started.
HSP_ARM_CREATE(intercept);
HSP_ARM_CREATE(library);
HSP_ARM_CREATE(recording);
/// HSA's functions are those of the libhsa-runtime64 that the library opened.
HSP_ARM_CREATE(hsa);
#undef HSP_ARM_CREATE
/// Frees an arm of any kind; accepts a zeroed one.
void hsp_arm_destroy(struct hsp_arm *arm);

/// Header of a dispatch packet with the barrier bit and both fences of this scope. HIP's, in ROCm
/// 5.2 with its default settings, is that of HSA_FENCE_SCOPE_AGENT.
uint16_t hsp_arm_header(hsa_fence_scope_t fence);
/// Header of the barrier packet that ends a wait.
uint16_t hsp_arm_barrier_header(void);
/// The dispatch packet of the ring and hsa arms, but for the kernarg address.
void hsp_arm_packet(const struct hsp_arm_case *launch, union hsp_packet *out_packet);

#endif
