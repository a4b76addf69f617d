/* SPDX-License-Identifier: MIT */
/// The process's software GPUs: composition root. Creates the driver and, for each GPU
/// (HSAPROBE_SOFT_GPUS), address space, compute units, packet processors and doorbells at the first
/// open of a device node, and injects the sinks.
///
/// Nothing exists before that open, so a process that never opens the GPU pays nothing. A forked
/// child gets GPUs of its own when it opens the node itself; what it inherited answers as the
/// kernel's driver would (EBADF). Nothing is torn down at exit: threads end with the process, all
/// memory is anonymous, and no file is ever created, so that exit with work in flight is prompt and
/// a killed process leaves nothing behind.
#ifndef SG_DEVICE_H
#define SG_DEVICE_H

#include "softgpu/common/options.h"

#include <stdbool.h>
#include <sys/stat.h>

struct sg_kfd;

/// The device nodes' files: /dev/kfd, and each GPU's render node at SG_DEVICE_RENDER + its number.
enum sg_device_file {
    SG_DEVICE_KFD,
    SG_DEVICE_RENDER,
    SG_DEVICE_FILES = SG_DEVICE_RENDER + SG_GPU_LIMIT,
    SG_DEVICE_NONE,
};

/// Names of the memfds behind the nodes begin with this; the node's path follows.
#define SG_MEMFD_PREFIX "hsaprobe:"

/// Opens a device node, creating the GPUs if this process has none. Of `flags`, O_CLOEXEC counts.
/// Returns a new file descriptor or -errno (-ENODEV: an option can't be had, already reported, or
/// there is no such GPU).
int sg_device_open(enum sg_device_file which, int flags);
/// The driver of this process's GPUs, or NULL (none, or it belongs to the parent).
struct sg_kfd *sg_device_kfd(void);
/// As above without asking whether it is still the same process: for what is harmless in a child.
struct sg_kfd *sg_device_any_kfd(void);
/// True once this process or an ancestor has opened a node. A load.
bool sg_device_exists(void);
/// Which device node of this process's GPUs a file is, by inode, and the driver behind it.
enum sg_device_file sg_device_identify(const struct stat *file, struct sg_kfd **out_kfd);
/// True if `fd` is one that a GPU itself needs; the application must not close it.
bool sg_device_owns_fd(int fd);
/// The lowest of the GPUs' own file descriptors that is >= `fd`, or -1.
int sg_device_next_fd(unsigned fd);
/// Moves a GPU's own file descriptor away from this number. Returns false if it can't.
bool sg_device_vacate_fd(int fd);

#endif
