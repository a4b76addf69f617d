/* SPDX-License-Identifier: MIT */
/// libhsaprobe-delay.so: known delays at the seams between the layers of a launch, for testing
/// instruments (tools/bench-instrument). Preloaded, and named in HSA_TOOLS_LIB too.
///
/// HSAPROBE_DELAY is a comma list of SEAM=NANOSECONDS; what isn't named isn't delayed:
///
/// * hip: in hipLaunchKernel, hipModuleLaunchKernel and hipMalloc, before HIP's own function
/// * hsa: in hsa_queue_add_write_index_screlease and hsa_amd_memory_pool_allocate, through ROCr's
/// API
///   table, so for everybody who calls them
/// * thunk: in hsaKmtAllocMemory (where the thunk is a library of its own)
/// * ioctl: in ioctl, for every request to the driver
///
/// The device's delay is HSAPROBE_SOFT_DELAY. Delays spin, so that they are time and not work.
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include "hsa/api_table.h"

#define EXPORT __attribute__((visibility("default")))

enum seam { SEAM_HIP, SEAM_HSA, SEAM_THUNK, SEAM_IOCTL, SEAM_COUNT };

static uint64_t delays_ns[SEAM_COUNT];

/* Before anything is called: constructors run first. */
__attribute__((constructor)) static void read_delays(void) {
    static const char *const names[] = {"hip=", "hsa=", "thunk=", "ioctl="};
    const char *list = getenv("HSAPROBE_DELAY");
    for (int seam = 0; list && seam < SEAM_COUNT; seam++)
        for (const char *at = list; (at = strstr(at, names[seam])); at++)
            if (at == list || at[-1] == ',')
                delays_ns[seam] = strtoull(at + strlen(names[seam]), NULL, 10);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void delay(enum seam seam) {
    if (delays_ns[seam] == 0)
        return;
    uint64_t end = now_ns() + delays_ns[seam];
    while (now_ns() < end) {
    }
}

/* The next function of this name; HIP's library may be open where RTLD_NEXT doesn't look. */
static void *next(const char *name, const char *library) {
    void *function = dlsym(RTLD_NEXT, name);
    void *handle = function ? NULL : dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    return handle ? dlsym(handle, name) : function;
}

#define NEXT(name, library)                                                                        \
    static __typeof__(&name) real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = next(#name, library)

struct dim3 {
    uint32_t x, y, z;
};

EXPORT int hipLaunchKernel(const void *function, struct dim3 grid, struct dim3 block, void **args,
                           size_t shared_bytes, void *stream) {
    NEXT(hipLaunchKernel, "libamdhip64.so.5");
    delay(SEAM_HIP);
    return real(function, grid, block, args, shared_bytes, stream);
}

EXPORT int hipModuleLaunchKernel(void *function, uint32_t grid_x, uint32_t grid_y, uint32_t grid_z,
                                 uint32_t block_x, uint32_t block_y, uint32_t block_z,
                                 uint32_t shared_bytes, void *stream, void **args, void **extra) {
    NEXT(hipModuleLaunchKernel, "libamdhip64.so.5");
    delay(SEAM_HIP);
    return real(function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream,
                args, extra);
}

EXPORT int hipMalloc(void **pointer, size_t bytes) {
    NEXT(hipMalloc, "libamdhip64.so.5");
    delay(SEAM_HIP);
    return real(pointer, bytes);
}

/* HSAKMT_STATUS and HsaMemFlags are 32 bits wide; later thunks have more arguments in registers. */
EXPORT int hsaKmtAllocMemory(uint32_t node, uint64_t bytes, uint32_t flags, void **address) {
    NEXT(hsaKmtAllocMemory, "libhsakmt.so.1");
    delay(SEAM_THUNK);
    return real(node, bytes, flags, address);
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
    enum { KFD = 'K', DRM = 'd' };
    NEXT(ioctl, "libc.so.6");
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    const unsigned type = request >> 8 & 0xff;
    if (type == KFD || type == DRM)
        delay(SEAM_IOCTL);
    return real(fd, request, argument);
}

static __typeof__(&hsa_queue_add_write_index_screlease) real_add_write_index;
static __typeof__(&hsa_amd_memory_pool_allocate) real_pool_allocate;

static uint64_t add_write_index(const hsa_queue_t *queue, uint64_t count) {
    delay(SEAM_HSA);
    return real_add_write_index(queue, count);
}

static hsa_status_t pool_allocate(hsa_amd_memory_pool_t pool, size_t bytes, uint32_t flags,
                                  void **pointer) {
    delay(SEAM_HSA);
    return real_pool_allocate(pool, bytes, flags, pointer);
}

/* Puts `function` into the slot with this name and what was there into *real. */
static bool replace(const struct hsp_api_table *table, const char *name, void *function,
                    void *out_real) {
    void **slot = hsp_api_table_slot(table, name);
    if (!slot)
        return false;
    memcpy(out_real, slot, sizeof *slot);
    *slot = function;
    return true;
}

/// ROCr's door for tools.
EXPORT bool OnLoad(void *table, uint64_t version, uint64_t tool_count, const char *const *tools) {
    (void)version, (void)tool_count, (void)tools;
    return replace(table, "hsa_queue_add_write_index_screlease", (void *)add_write_index,
                   &real_add_write_index) &&
           replace(table, "hsa_amd_memory_pool_allocate", (void *)pool_allocate,
                   &real_pool_allocate);
}

EXPORT void OnUnload(void) {}
