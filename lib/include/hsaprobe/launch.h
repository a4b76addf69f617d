/* SPDX-License-Identifier: MIT */
/// The short way: one kernel of one file on one queue.
///
/// A launch owns what every experiment needs around a kernel: the open file, the executable, bound
/// arguments, a block of kernarg memory and a completion signal. It hides nothing: the queue is the
/// caller's, and hsp_launch_prepare hands out the dispatch, to be changed and submitted by the
/// functions of dispatch.h. One launch has one dispatch in flight at a time.
///
///     hsp_check(hsp_runtime_init());
///     hsp_check(hsp_agent_select(NULL, &gpu));
///     hsp_check(hsp_queue_create(gpu, NULL, &queue));
///     hsp_check(hsp_launch_create(queue, "saxpy.hipfb", "saxpy", &launch));
///     hsp_check(hsp_arguments_bind_f32(hsp_launch_arguments(launch), "a", 2));
///     ...
///     hsp_check(hsp_launch_run(launch, &geometry, HSP_WAIT_FOREVER, &phases));
///
/// Thread safety: hsp_check from any thread; a launch belongs to one thread at a time.
#ifndef HSAPROBE_LAUNCH_H
#define HSAPROBE_LAUNCH_H

#include <hsaprobe/dispatch.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Returns when `status` is HSP_OK. Otherwise says on standard error, after the program's name, why
/// this thread's last call failed, then its hint, if any, on a line of its own, and ends the
/// process by exit(): with 77 where there is no device (HSP_ERROR_NO_DEVICE, HSP_ERROR_NO_RUNTIME,
/// no /dev/kfd), else with 1.
HSP_API void hsp_check(hsp_status status);

struct hsp_launch;

/// Opens the file, or compiles it when its name is a source's (compile.h), finds the kernel for the
/// queue's agent (hsp_code_object_find_kernel says by which names) and loads it. Fails as the
/// functions of code_object.h and compile.h do. Enters the driver; 1 ms, for a source that isn't in
/// the cache a second.
HSP_API hsp_status hsp_launch_create(struct hsp_queue *queue, const char *path,
                                     const char *kernel_name, struct hsp_launch **out_launch);
/// NULL is fine. Its kernel must not be in flight; the queue must still exist.
HSP_API void hsp_launch_destroy(struct hsp_launch *launch);

/// Owned by the launch.
HSP_API struct hsp_arguments *hsp_launch_arguments(struct hsp_launch *launch);
/// Owned by the launch.
HSP_API const struct hsp_kernel *hsp_launch_kernel(const struct hsp_launch *launch);

/// Checks geometry and arguments, writes the kernarg block, sets the completion signal to 1 and
/// gives the dispatch. LDS of OpenCL's local pointers is added to the geometry's. The launch before
/// must be over. Doesn't allocate or enter the driver.
HSP_API hsp_status hsp_launch_prepare(struct hsp_launch *launch,
                                      const struct hsp_geometry *geometry,
                                      struct hsp_dispatch *out_dispatch);
/// hsp_launch_prepare, then hsp_dispatch_time_phases with an active wait. `out_phases` may be NULL.
/// After HSP_ERROR_TIMEOUT the kernel is still in flight.
HSP_API hsp_status hsp_launch_run(struct hsp_launch *launch, const struct hsp_geometry *geometry,
                                  uint64_t timeout_ns, struct hsp_phases *out_phases);

#ifdef __cplusplus
}
#endif

#endif
