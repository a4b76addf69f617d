/* SPDX-License-Identifier: MIT */
/// The driver of the software GPU: what amdkfd and amdgpu would answer.
///
/// One sg_kfd is one process's view of its GPUs, as amdkfd keeps one kfd_process. It owns buffer
/// objects, queues and events; each GPU's address space and packet processors are given to it. All
/// functions return 0 (or a value >= 0) or -errno exactly as the kernel's driver would.
///
/// Threads: any, at any time. Memory, queues and event ids have a lock each; none is held while a
/// thread waits for events, and none is needed for a kernel to reach its next yield point.
/// Raising an event (the packet processors' sink) takes no lock at all.
///
/// Who may wait for whom. `memory` and `queues` are never held together; an address space's lock
/// and a doorbell page's are the innermost; those of event ids and SMI clients are taken alone.
/// Holding `memory`, UNMAP and FREE wait for steps and slices that are under way (sg_cp_drain).
/// Holding `queues`, DESTROY_QUEUE waits for its queue's thread, for inline runs and scans that
/// know the queue, and for drains (cp.h). So whatever runs between the begin and the end of a step
/// or a slice (packets, waves, the sinks, a store to a doorbell) must not wait for `memory` or
/// `queues`, nor for an owner of a queue; a signal handler may interrupt a thread that holds
/// either.
#ifndef SG_KFD_KFD_H
#define SG_KFD_KFD_H

#include "softgpu/common/options.h"
#include "softgpu/cp/cp.h"
#include "softgpu/kfd/topology.h"
#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sg_kfd;
struct sg_gpu;
struct sg_doorbell;

/// How many GPUs a process may have (SG_GPU_LIMIT) and who they are: amdkfd's 16-bit hash of a
/// device, here the architecture's name (the first GPU's) below the GPU's number.
enum { SG_GPU_ID = 0x90a, SG_GPU_ID_STEP = 0x1000 };
static inline uint32_t sg_gpu_id(uint32_t index) {
    return SG_GPU_ID + index * SG_GPU_ID_STEP;
}

/// Layout of the file behind /dev/kfd: for each GPU the doorbell page (8 KiB: 1024 doorbells of 8
/// bytes), then the page of remapped registers (HDP flush).
enum {
    SG_KFD_DOORBELL_OFFSET = 0,
    SG_KFD_DOORBELL_BYTES = 8192,
    SG_KFD_MMIO_OFFSET = 8192,
    SG_KFD_MMIO_BYTES = 4096,
    SG_KFD_GPU_BYTES = 12288,
};

/// The part of the host's memory that GPUs may reach: amdgpu's default GTT limit is half of it.
enum { SG_GTT_LIMIT_DIVISOR = 2 };

struct sg_kfd_config {
    int page_fd;         ///< memfd of gpu_count * SG_KFD_GPU_BYTES; stays the caller's
    uint64_t vram_bytes; ///< limit of all VRAM allocations of one GPU
    uint64_t ram_bytes;  ///< the host's memory; system allocations are limited to 15/16 of it
    uint32_t cu_count;   ///< of each GPU
    uint32_t gpu_count;  ///< 1 to SG_GPU_LIMIT
    struct {
        struct sg_vm *vm; ///< its address space
        int bo_fd;        ///< memfd behind its render node, sized here; stays the caller's
    } gpus[SG_GPU_LIMIT];
};

/// Returns NULL when out of memory or when the files can't be mapped (errno says why).
struct sg_kfd *sg_kfd_create(const struct sg_kfd_config *config);
/// Gives the driver the engines of one GPU; before the first ioctl. `cu` and `doorbell` may be
/// NULL.
void sg_kfd_attach(struct sg_kfd *kfd, uint32_t index, struct sg_cp *cp, struct sg_cu *cu,
                   struct sg_doorbell *doorbell);
/// The GPU of that number (below gpu_count): what the sinks below take. Lives as long as the
/// driver.
struct sg_gpu *sg_kfd_gpu(struct sg_kfd *kfd, uint32_t index);
/// What a live file of GPU `index` says now. Waits for a lock.
uint64_t sg_kfd_live(struct sg_kfd *kfd, uint32_t index, enum sg_live live);
/// Destroys queues, buffer objects and events. No other thread may be inside. NULL is accepted.
void sg_kfd_destroy(struct sg_kfd *kfd);

/// An ioctl on /dev/kfd. `arg` is copied in and out as `cmd` says; a struct size other than ours is
/// zero-extended or cut. Blocks for WAIT_EVENTS only.
int sg_kfd_ioctl(struct sg_kfd *kfd, unsigned long cmd, void *arg);
/// An ioctl on a GPU's render node.
int sg_kfd_drm_ioctl(struct sg_gpu *gpu, unsigned long cmd, void *arg);

/// Translates an mmap of /dev/kfd: offset of the file behind it. Returns 0 or -EINVAL.
int sg_kfd_mmap(struct sg_kfd *kfd, uint64_t offset, uint64_t bytes, uint64_t *out_file_offset);
/// Translates an mmap of a render node: file descriptor (the driver's own) and offset of the
/// buffer object's bytes. Returns 0, or -EINVAL where no object is.
int sg_kfd_drm_mmap(struct sg_gpu *gpu, uint64_t offset, uint64_t bytes, int *out_fd,
                    uint64_t *out_file_offset);
/// True if `fd`, a render node's file (any process's), is the descriptor of one buffer object, and
/// where its bytes are in that file. A few system calls; any thread, no driver needed.
bool sg_dmabuf_find(int fd, uint64_t *out_offset, uint64_t *out_bytes);
/// An ioctl on such a descriptor. Returns 0 or -ENOTTY.
int sg_dmabuf_ioctl(unsigned long cmd);
/// Tells that the application mapped bytes of /dev/kfd at `address`: doorbells are protected as
/// their mode says. Returns 0 or -errno.
int sg_kfd_mapped(struct sg_kfd *kfd, uint64_t file_offset, void *address, uint64_t bytes);
/// True if a doorbell page may be mapped in [address, address + bytes). Two loads.
bool sg_kfd_may_map_doorbells(const struct sg_kfd *kfd, const void *address, uint64_t bytes);
/// Tells that the application unmaps or replaces its mappings of [address, address + bytes).
void sg_kfd_unmapping(struct sg_kfd *kfd, const void *address, uint64_t bytes);

/// The device's own mapping of a GPU's doorbell page.
void *sg_kfd_doorbell_page(struct sg_gpu *gpu);
/// The caller's `bo_fd` of this GPU has a new number.
void sg_kfd_set_bo_fd(struct sg_gpu *gpu, int fd);

/// The packet processors' sink: raises an event; unknown ids are ignored as the interrupt handler
/// of the driver would. Async-signal-safe, lock-free. `context` is the sg_gpu, here and below.
void sg_kfd_raise_event(void *context, uint32_t event_id);
/// The compute units' sink: s_sendmsg(MSG_INTERRUPT) with `message` in M0. The device libraries
/// send only the low 8 bits of an id, so all events whose id ends in a message below 256 are raised
/// (the driver searches the event page for them; who waits looks at his signal again). As above.
void sg_kfd_wave_interrupt(void *context, uint32_t message);
/// The packet processors' sink: raises all memory events with the fault's data. As above.
void sg_kfd_memory_fault(void *context, const struct sg_fault *fault);
/// The packet processors' sink: prints the line that names a faulting kernel and instruction, or a
/// packet's queue.
void sg_kfd_report(void *context, const struct sg_fault *fault);
/// SIGQUIT: sg_cp_dump with kernels named. Allocates nothing and takes no lock.
void sg_kfd_dump(struct sg_kfd *kfd, int fd);

#endif
