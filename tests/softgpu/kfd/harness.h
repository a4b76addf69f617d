/* SPDX-License-Identifier: MIT */
/// A driver without shim, ROCr and packet processors, driven through its ioctl entry.
#ifndef TEST_KFD_HARNESS_H
#define TEST_KFD_HARNESS_H

#include "abi/kfd.h"
#include "fake_cp.h"
#include "softgpu/kfd/kfd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/ioctl.h>

enum { HARNESS_VRAM = 64 << 20, HARNESS_RAM = 256 << 20, PAGE = 4096 };

struct harness {
    struct sg_kfd *kfd;
    struct sg_vm *vm;
    int page_fd;
    int bo_fd;
};

/// cmocka set-up and tear-down; *state becomes a struct harness.
int harness_setup(void **state);
int harness_teardown(void **state);

/// An ioctl with an argument of `bytes` bytes, both copied in and out.
int harness_ioctl(struct harness *harness, uint32_t nr, void *arg, size_t bytes);
#define IOCTL(harness, nr, arg) harness_ioctl(harness, nr, arg, sizeof *(arg))

/// ALLOC_MEMORY_OF_GPU with these; returns the ioctl's result.
int harness_alloc(struct harness *harness, uint64_t va, uint64_t size, uint32_t flags,
                  struct abi_kfd_alloc_memory *out_args);
/// MAP and UNMAP on the GPU.
int harness_map(struct harness *harness, uint64_t handle);
int harness_unmap(struct harness *harness, uint64_t handle);
int harness_free(struct harness *harness, uint64_t handle);
/// CREATE_EVENT; returns the id and fails the test on error.
uint32_t harness_event(struct harness *harness, uint32_t type, bool auto_reset);

#endif
