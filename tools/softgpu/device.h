/* SPDX-License-Identifier: MIT */
/// Compute units with memory and code of their own: everything below the packet processor, driven
/// directly.
#ifndef SOFTGPU_BENCH_DEVICE_H
#define SOFTGPU_BENCH_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The code objects that the program carries.
enum image { IMAGE_FAMILIES, IMAGE_KERNELS_O0, IMAGE_KERNELS_O3, IMAGE_COUNT };

/// GPU addresses are host addresses + this, so that a mixed-up one can't work by accident.
#define DEVICE_VA_OFFSET (UINT64_C(1) << 45)

struct device;

/// A launch in one or two dimensions.
struct launch {
    const char *kernel;
    enum image image;
    uint32_t grid[2];
    uint16_t group[2];
    const void *arguments;
    size_t argument_bytes;
};

/// Creates a device whose interpreter is that of `level` (2, 3, 4) and that runs work-groups on
/// `threads` threads. `counts`: for device_count_instructions. Ends the program on failure.
struct device *device_create(uint32_t level, uint32_t threads, bool counts);
void device_destroy(struct device *device);

/// Memory of all devices, zeroed; freed with free(). `device_va` is its GPU address.
void *device_memory(size_t bytes);
uint64_t device_va(const void *host);
/// Lets the device see it; ends the program on failure.
void device_map(struct device *device, void *host, size_t bytes);

/// Runs a kernel to its end. Ends the program when it faults.
void device_run(struct device *device, const struct launch *launch);
/// Wave instructions that all runs so far executed.
uint64_t device_instructions(const struct device *device);
/// Forgets all decoded instructions.
void device_forget_code(struct device *device);

/// Prints "hsaprobe-softgpu-bench: ..." and exits with 1.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
