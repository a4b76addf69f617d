/* SPDX-License-Identifier: MIT */
/// What HIP says about the device, contexts, limits, flags, and hipDeviceReset.
#include "hip_cases.h"

#include <string>

__global__ void increment(uint32_t *values) {
    values[threadIdx.x] += 1;
}

static int attribute(hipDeviceAttribute_t which) {
    int value = -1;
    HIP(hipDeviceGetAttribute(&value, which, 0));
    return value;
}

/// Properties and attributes agree, and where the device is the software GPU are an MI210's.
static void properties() {
    hipDeviceProp_t seen;
    HIP(hipGetDeviceProperties(&seen, 0));
    CHECK(seen.warpSize == attribute(hipDeviceAttributeWarpSize), "%d", seen.warpSize);
    CHECK(seen.multiProcessorCount == attribute(hipDeviceAttributeMultiprocessorCount), "%d",
          seen.multiProcessorCount);
    CHECK(seen.maxThreadsPerBlock == attribute(hipDeviceAttributeMaxThreadsPerBlock), "%d",
          seen.maxThreadsPerBlock);
    CHECK(seen.clockRate == attribute(hipDeviceAttributeClockRate), "%d", seen.clockRate);
    CHECK(seen.maxThreadsDim[0] == attribute(hipDeviceAttributeMaxBlockDimX), "block");
    CHECK(seen.maxGridSize[0] == attribute(hipDeviceAttributeMaxGridDimX), "grid");
    CHECK(seen.canMapHostMemory == 1 && attribute(hipDeviceAttributeCanMapHostMemory) == 1, "map");
    CHECK(seen.maxThreadsPerBlock == 1024 && seen.maxGridSize[0] > 65535, "%d threads",
          seen.maxThreadsPerBlock);
    CHECK(seen.totalGlobalMem > 0 && seen.memoryClockRate > 0 && seen.memoryBusWidth > 0,
          "memory of %zu bytes", seen.totalGlobalMem);
    CHECK(seen.l2CacheSize > 0 && seen.regsPerBlock > 0, "L2 of %d bytes", seen.l2CacheSize);
    if (environment_is("HSAPROBE_TEST_DEVICE", "soft")) {
        CHECK(std::string(seen.gcnArchName).find("gfx90a:sramecc+:xnack") == 0, "%s",
              seen.gcnArchName);
        CHECK(std::string(seen.name).find("MI210") != std::string::npos, "%s", seen.name);
        CHECK(seen.warpSize == 64 && seen.multiProcessorCount == 104, "%d, %d", seen.warpSize,
              seen.multiProcessorCount);
        CHECK(seen.sharedMemPerBlock == 65536 && seen.major == 9 && seen.minor == 0, "%zu",
              seen.sharedMemPerBlock);
        CHECK(seen.totalGlobalMem >= (1ull << 32) - (64 << 20) && seen.integrated == 0, "%zu",
              seen.totalGlobalMem);
    }
    size_t bytes = 0;
    HIP(hipDeviceTotalMem(&bytes, 0));
    CHECK(bytes == seen.totalGlobalMem, "%zu bytes", bytes);
    char name[256] = "";
    HIP(hipDeviceGetName(name, sizeof name, 0));
    CHECK(strcmp(name, seen.name) == 0, "%s", name);
    int major = 0, minor = 0, driver = 0, runtime = 0;
    HIP(hipDeviceComputeCapability(&major, &minor, 0));
    CHECK(major == seen.major && minor == seen.minor, "%d.%d", major, minor);
    HIP(hipDriverGetVersion(&driver));
    HIP(hipRuntimeGetVersion(&runtime));
    CHECK(driver > 0 && runtime > 0, "versions %d and %d", driver, runtime);
}

static void bus_id() {
    char id[64] = "", again[64] = "";
    int device = -1, domain = 0, bus = 0, slot = 0;
    hipDeviceProp_t seen;
    HIP(hipGetDeviceProperties(&seen, 0));
    HIP(hipDeviceGetPCIBusId(id, sizeof id, 0));
    CHECK(sscanf(id, "%x:%x:%x", &domain, &bus, &slot) == 3, "%s", id);
    CHECK(bus == seen.pciBusID && slot == seen.pciDeviceID && domain == seen.pciDomainID, "%s", id);
    HIP(hipDeviceGetByPCIBusId(&device, id));
    CHECK(device == 0, "device %d", device);
    HIP(hipDeviceGetPCIBusId(again, sizeof again, device));
    CHECK(strcmp(id, again) == 0, "%s and %s", id, again);
    CHECK(hipDeviceGetByPCIBusId(nullptr, id) == hipErrorInvalidValue, "no place");
    (void)hipGetLastError();
}

static void choices() {
    int count = 0, device = -1, can = -1;
    unsigned flags = 99;
    HIP(hipGetDeviceCount(&count));
    CHECK(count >= 1, "%d", count);
    CHECK(hipSetDevice(count) == hipErrorInvalidDevice, "device %d", count);
    CHECK(hipSetDevice(-1) == hipErrorInvalidDevice, "device -1");
    (void)hipGetLastError();
    HIP(hipGetDevice(&device));
    CHECK(device == 0, "%d", device);
    hipDeviceProp_t wanted = {};
    HIP(hipGetDeviceProperties(&wanted, 0));
    HIP(hipChooseDevice(&device, &wanted));
    CHECK(device >= 0 && device < count, "%d", device);
    HIP(hipDeviceCanAccessPeer(&can, 0, 0));
    CHECK(can == 0, "a peer of itself");
    HIP(hipSetDeviceFlags(hipDeviceScheduleBlockingSync));
    HIP(hipGetDeviceFlags(&flags));
    CHECK((flags & hipDeviceScheduleMask) == hipDeviceScheduleBlockingSync, "flags %x", flags);
    uint32_t *values = device_array<uint32_t>(64);
    HIP(hipMemset(values, 0, 256));
    increment<<<1, 64>>>(values);
    HIP(hipDeviceSynchronize());
    CHECK(to_host(values, 64)[63] == 1, "after waiting asleep");
    HIP(hipSetDeviceFlags(hipDeviceScheduleAuto));
    HIP(hipFree(values));
}

static void limits() {
    size_t bytes = 0;
    HIP(hipDeviceGetLimit(&bytes, hipLimitMallocHeapSize));
    CHECK(bytes > 0, "%zu", bytes);
    CHECK(hipDeviceGetLimit(nullptr, hipLimitMallocHeapSize) == hipErrorInvalidValue, "no place");
    hipFuncCache_t cache;
    HIP(hipDeviceSetCacheConfig(hipFuncCachePreferL1));
    HIP(hipDeviceGetCacheConfig(&cache));
    hipSharedMemConfig banks;
    HIP(hipDeviceSetSharedMemConfig(hipSharedMemBankSizeFourByte));
    HIP(hipDeviceGetSharedMemConfig(&banks));
    (void)hipProfilerStart();
    (void)hipProfilerStop();
    (void)hipGetLastError();
    size_t free_bytes = 0, all = 0, less = 0;
    void *memory;
    HIP(hipMemGetInfo(&free_bytes, &all));
    HIP(hipMalloc(&memory, 64 << 20));
    HIP(hipMemGetInfo(&less, &all));
    CHECK(free_bytes <= all && free_bytes - less >= 64u << 20, "%zu then %zu of %zu", free_bytes,
          less, all);
    HIP(hipFree(memory));
}

static void contexts() {
    hipDevice_t device;
    hipCtx_t context, current;
    unsigned flags = 0;
    int active = -1;
    uint32_t *values;
    HIP(hipInit(0));
    HIP(hipDeviceGet(&device, 0));
    HIP(hipCtxCreate(&context, 0, device));
    HIP(hipCtxGetCurrent(&current));
    CHECK(current == context, "the new context isn't current");
    HIP(hipMalloc(&values, 256));
    HIP(hipMemset(values, 0, 256));
    increment<<<1, 64>>>(values);
    HIP(hipDeviceSynchronize());
    CHECK(to_host(values, 1)[0] == 1, "%u", to_host(values, 1)[0]);
    HIP(hipFree(values));
    HIP(hipCtxGetDevice(&device));
    HIP(hipCtxPushCurrent(context));
    HIP(hipCtxPopCurrent(&current));
    HIP(hipCtxSetCurrent(context));
    HIP(hipCtxDestroy(context));
    HIP(hipDevicePrimaryCtxRetain(&context, 0));
    HIP(hipDevicePrimaryCtxGetState(0, &flags, &active));
    HIP(hipDevicePrimaryCtxRelease(0));
    HIP(hipSetDevice(0));
}

/// After hipDeviceReset everything can be made again.
static void reset() {
    for (uint32_t round = 0; round < 3; ++round) {
        hipStream_t stream;
        uint32_t *values = device_array<uint32_t>(64);
        HIP(hipMemset(values, 0, 256));
        HIP(hipStreamCreate(&stream));
        for (uint32_t k = 0; k <= round; ++k) {
            increment<<<1, 64, 0, stream>>>(values);
        }
        HIP(hipStreamSynchronize(stream));
        CHECK(to_host(values, 64)[63] == round + 1, "%u", to_host(values, 64)[63]);
        HIP(hipDeviceReset());
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"properties", properties}, {"bus_id", bus_id},     {"choices", choices},
        {"limits", limits},         {"contexts", contexts}, {"reset", reset},
    };
    return run_cases(cases, argc, argv);
}
