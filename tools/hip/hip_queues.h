/* SPDX-License-Identifier: MIT */
/// The queues that HIP makes, and the packets that it writes into them.
///
/// libhsaprobe-hip.so defines hsa_queue_create, and the loader finds it before libhsa-runtime64's
/// because the library stands before its dependencies in the scope in which libamdhip64's symbols
/// are looked up. So HIP's queues become known, and nothing lies on the path of a launch. (A
/// libhsa-runtime64 in the global scope, as with LD_PRELOAD, comes first: then no queue is seen.)
///
/// To read a packet before the packet processor consumes it, a barrier packet that waits for a
/// signal of ours is put into HIP's queue; the launch queues up behind it, is read, and released.
#ifndef TOOL_HIP_QUEUES_H
#define TOOL_HIP_QUEUES_H

#include <hsaprobe/queue.h>

/// Runs `launch(state)`, which must submit exactly one kernel to one HIP stream without waiting and
/// return 0, and copies the dispatch packet that it wrote. The stream must be idle; `wait(state)`
/// waits for it. Returns NULL, or a static text that says why there is no packet.
const char *hip_queues_capture(int (*launch)(void *state), int (*wait)(void *state), void *state,
                               union hsp_packet *out_packet);

#endif
