/* SPDX-License-Identifier: MIT */
/// The driver by its ioctls alone: what is left of an operation without ROCr.
///
/// Works in a process that uses ROCr (amdkfd knows a process, however often it opens the device;
/// the thunk has then acquired the GPU's address space) and in one that doesn't, after
/// hsp_kfd_acquire. Linked without ROCr.
///
/// All functions return 0 or a negative errno. Thread safety: one caller at a time.
#ifndef HSP_MEASURE_KFD_H
#define HSP_MEASURE_KFD_H

#include <stddef.h>
#include <stdint.h>

#include "abi/kfd.h"

struct hsp_kfd {
    int fd;
    int render_fd; ///< -1 before hsp_kfd_acquire
    uint32_t node;
    uint32_t gpu_id;
};

/// Opens /dev/kfd for the GPU of a node of the topology.
int hsp_kfd_open(uint32_t node, struct hsp_kfd *out_kfd);
/// Opens the node's render device and binds its address space to the process.
int hsp_kfd_acquire(struct hsp_kfd *kfd);
/// Accepts one that is zeroed or was never opened (fd 0 counts as none).
void hsp_kfd_close(struct hsp_kfd *kfd);
/// An ioctl of struct `argument`; repeated when a signal interrupts it.
int hsp_kfd_call(const struct hsp_kfd *kfd, enum abi_kfd_nr number, void *argument, size_t bytes);
/// A number of the node's properties ("simd_count"); -ENOENT.
int hsp_kfd_property(uint32_t node, const char *name, uint64_t *out_value);
/// The first node that is a GPU; -ENODEV.
int hsp_kfd_first_gpu(uint32_t *out_node);

/// Memory mapped for the GPU.
struct hsp_kfd_memory {
    void *address; ///< where the GPU sees it; the host too, but for memory registered
    size_t bytes;  ///< whole pages
    uint64_t handle;
    void *reserved; ///< address space of ours; NULL: the caller's
};
/// Device memory that only the GPU sees.
int hsp_kfd_alloc(const struct hsp_kfd *kfd, size_t bytes, struct hsp_kfd_memory *out_memory);
/// Host memory, executable too, at one address for both.
int hsp_kfd_alloc_host(const struct hsp_kfd *kfd, size_t bytes, struct hsp_kfd_memory *out_memory);
/// The caller's pages, pinned, at the same address.
int hsp_kfd_register(const struct hsp_kfd *kfd, void *host, size_t bytes,
                     struct hsp_kfd_memory *out_memory);
/// Unmaps and frees; accepts a zeroed one.
int hsp_kfd_free(const struct hsp_kfd *kfd, struct hsp_kfd_memory *memory);

#endif
