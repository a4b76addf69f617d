/* SPDX-License-Identifier: MIT */
/// Memory that the host and the device share: pinned with every flag, registered at odd offsets,
/// managed with advice and prefetch; and what HIP says about each pointer.
#include "hip_cases.h"

#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const size_t COUNT = 5000;

__global__ void add(uint32_t *values, uint32_t count, uint32_t more) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] += more;
    }
}

__global__ void invert(uint8_t *bytes, uint32_t count) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        bytes[i] = static_cast<uint8_t>(~bytes[i]);
    }
}

static void count_up(uint32_t *values, size_t count = COUNT) {
    for (size_t i = 0; i < count; ++i) {
        values[i] = static_cast<uint32_t>(i * 3);
    }
}

static void expect(const uint32_t *values, size_t count, uint32_t more, const char *what) {
    for (size_t i = 0; i < count; ++i) {
        CHECK(values[i] == i * 3 + more, "%s: element %zu is %u", what, i, values[i]);
    }
}

static void add_on_device(uint32_t *values, size_t count, uint32_t more) {
    add<<<static_cast<uint32_t>((count + 255) / 256), 256>>>(values, static_cast<uint32_t>(count),
                                                             more);
    HIP(hipGetLastError());
    HIP(hipDeviceSynchronize());
}

// HIP looks it up for hipHostMallocNumaUser; containers refuse that by default.
static bool has_numa_policy() {
    return syscall(SYS_get_mempolicy, nullptr, nullptr, 0, nullptr, 0) == 0;
}

static void pinned_with_every_flag() {
    static const unsigned sets[] = {
        hipHostMallocDefault,
        hipHostMallocPortable,
        hipHostMallocMapped,
        hipHostMallocWriteCombined,
        hipHostMallocNumaUser,
        hipHostMallocCoherent,
        hipHostMallocNonCoherent,
        hipHostMallocPortable | hipHostMallocMapped | hipHostMallocCoherent,
        hipHostMallocMapped | hipHostMallocWriteCombined | hipHostMallocNonCoherent,
    };
    for (unsigned flags : sets) {
        if (flags == hipHostMallocNumaUser && !has_numa_policy()) {
            continue;
        }
        uint32_t *host, *device;
        unsigned seen_flags = ~0u;
        HIP(hipHostMalloc(&host, COUNT * 4, flags));
        count_up(host);
        HIP(hipHostGetDevicePointer(reinterpret_cast<void **>(&device), host, 0));
        add_on_device(device, COUNT, 7);
        expect(host, COUNT, 7, "pinned");
        HIP(hipHostGetFlags(&seen_flags, host));
        const unsigned kept =
            hipHostMallocPortable | hipHostMallocMapped | hipHostMallocWriteCombined;
        CHECK((seen_flags & kept) == (flags & kept), "flags 0x%x became 0x%x", flags, seen_flags);
        hipPointerAttribute_t attributes;
        HIP(hipPointerGetAttributes(&attributes, host + 100));
        CHECK(attributes.memoryType == hipMemoryTypeHost, "type %d", attributes.memoryType);
        CHECK(attributes.devicePointer == device + 100, "device pointer %p, not %p",
              attributes.devicePointer, static_cast<void *>(device + 100));
        HIP(hipHostFree(host));
    }
    void *none;
    CHECK(hipHostMalloc(&none, 64, hipHostMallocCoherent | hipHostMallocNonCoherent) != hipSuccess,
          "coherent and not coherent at once");
    (void)hipGetLastError();
}

static void copies_to_and_from_pinned() {
    uint32_t *pinned;
    HIP(hipHostMalloc(&pinned, COUNT * 4, hipHostMallocDefault));
    uint32_t *device = device_array<uint32_t>(COUNT);
    for (size_t offset : {size_t{0}, size_t{1}, size_t{17}, size_t{1023}}) {
        count_up(pinned);
        HIP(hipMemcpy(device, pinned, COUNT * 4, hipMemcpyDefault));
        memset(pinned, 0xee, COUNT * 4);
        HIP(hipMemcpyAsync(pinned + offset, device + offset, (COUNT - offset) * 4,
                           hipMemcpyDeviceToHost, nullptr));
        HIP(hipStreamSynchronize(nullptr));
        for (size_t i = 0; i < COUNT; ++i) {
            CHECK(pinned[i] == (i < offset ? 0xeeeeeeee : i * 3), "offset %zu, element %zu: %x",
                  offset, i, pinned[i]);
        }
    }
    HIP(hipFree(device));
    HIP(hipHostFree(pinned));
}

static void registered_at_odd_offsets() {
    static const unsigned sets[] = {hipHostRegisterDefault, hipHostRegisterPortable,
                                    hipHostRegisterMapped};
    std::vector<uint8_t> heap(64 * 1024);
    for (unsigned flags : sets) {
        for (size_t offset : {size_t{0}, size_t{1}, size_t{13}, size_t{4095}, size_t{4097}}) {
            const uint32_t bytes = 9001;
            uint8_t *host = heap.data() + offset, *device;
            for (size_t i = 0; i < heap.size(); ++i) {
                heap[i] = static_cast<uint8_t>(i * 5);
            }
            HIP(hipHostRegister(host, bytes, flags));
            HIP(hipHostGetDevicePointer(reinterpret_cast<void **>(&device), host, 0));
            invert<<<(bytes + 255) / 256, 256>>>(device, bytes);
            HIP(hipDeviceSynchronize());
            HIP(hipHostUnregister(host));
            for (size_t i = 0; i < heap.size(); ++i) {
                const uint8_t before = static_cast<uint8_t>(i * 5);
                const bool inside = i >= offset && i < offset + bytes;
                CHECK(heap[i] == static_cast<uint8_t>(inside ? ~before : before),
                      "offset %zu: byte %zu is %u", offset, i, heap[i]);
            }
        }
    }
    if (has_xnack())
        return;
    void *device;
    CHECK(hipHostGetDevicePointer(&device, heap.data(), 0) != hipSuccess, "not registered now");
    CHECK(hipHostUnregister(heap.data()) != hipSuccess, "unregistered twice");
    (void)hipGetLastError();
}

static void registered_mapping() {
    const size_t bytes = 3 << 20;
    void *mapping =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapping != MAP_FAILED, "mmap");
    uint32_t *host = static_cast<uint32_t *>(mapping), *device;
    count_up(host, bytes / 4);
    HIP(hipHostRegister(host, bytes, hipHostRegisterMapped));
    HIP(hipHostGetDevicePointer(reinterpret_cast<void **>(&device), host, 0));
    add_on_device(device, bytes / 4, 11);
    expect(host, bytes / 4, 11, "registered mapping");
    // The same memory by a copy from its middle.
    uint32_t *copy = device_array<uint32_t>(1000);
    HIP(hipMemcpy(copy, host + 777, 4000, hipMemcpyHostToDevice));
    const std::vector<uint32_t> seen = to_host(copy, 1000);
    CHECK(seen[0] == 777 * 3 + 11 && seen[999] == 1776 * 3 + 11, "%u %u", seen[0], seen[999]);
    HIP(hipFree(copy));
    HIP(hipHostUnregister(host));
    munmap(mapping, bytes);
}

static void managed() {
    const size_t bytes = COUNT * 4;
    uint32_t *values;
    HIP(hipMallocManaged(&values, bytes, hipMemAttachGlobal));
    count_up(values);
    HIP(hipMemPrefetchAsync(values, bytes, 0, nullptr));
    add_on_device(values, COUNT, 5);
    HIP(hipMemPrefetchAsync(values, bytes, hipCpuDeviceId, nullptr));
    HIP(hipStreamSynchronize(nullptr));
    expect(values, COUNT, 5, "prefetched");
    for (uint32_t round = 1; round <= 10; ++round) { // host and device in turn
        values[round] += 1;
        add_on_device(values, COUNT, 1);
        CHECK(values[round] == round * 3 + 5 + round + 1, "round %u: %u", round, values[round]);
        CHECK(values[4000] == 12005 + round, "round %u: %u", round, values[4000]);
    }
    hipPointerAttribute_t attributes;
    HIP(hipPointerGetAttributes(&attributes, values));
    CHECK(attributes.isManaged, "is managed");
    HIP(hipFree(values));
}

static void managed_with_advice() {
    const size_t bytes = 1 << 20;
    uint32_t *values;
    HIP(hipMallocManaged(&values, bytes));
    count_up(values, bytes / 4);
    HIP(hipMemAdvise(values, bytes, hipMemAdviseSetReadMostly, 0));
    HIP(hipMemAdvise(values, bytes, hipMemAdviseSetPreferredLocation, 0));
    HIP(hipMemAdvise(values, bytes, hipMemAdviseSetAccessedBy, 0));
    int read_mostly = -1, preferred = -9, accessed_by[2] = {-9, -9};
    HIP(hipMemRangeGetAttribute(&read_mostly, 4, hipMemRangeAttributeReadMostly, values, bytes));
    HIP(hipMemRangeGetAttribute(&preferred, 4, hipMemRangeAttributePreferredLocation, values,
                                bytes));
    HIP(hipMemRangeGetAttribute(accessed_by, 8, hipMemRangeAttributeAccessedBy, values, bytes));
    CHECK(read_mostly == 1, "read mostly %d", read_mostly);
    CHECK(preferred == 0, "preferred location %d", preferred);
    CHECK(accessed_by[0] == 0, "accessed by %d", accessed_by[0]);
    HIP(hipMemAdvise(values, bytes, hipMemAdviseUnsetReadMostly, 0));
    HIP(hipMemRangeGetAttribute(&read_mostly, 4, hipMemRangeAttributeReadMostly, values, bytes));
    CHECK(read_mostly == 0, "read mostly %d", read_mostly);
    HIP(hipMemAdvise(values, bytes, hipMemAdviseSetPreferredLocation, hipCpuDeviceId));
    HIP(hipMemRangeGetAttribute(&preferred, 4, hipMemRangeAttributePreferredLocation, values,
                                bytes));
    CHECK(preferred == hipCpuDeviceId, "preferred location %d", preferred);
    HIP(hipMemAdvise(values, bytes, hipMemAdviseSetCoarseGrain, 0));
    add_on_device(values, bytes / 4, 9);
    expect(values, bytes / 4, 9, "advised");
    HIP(hipMemAdvise(values, bytes, hipMemAdviseUnsetCoarseGrain, 0));
    HIP(hipMemPrefetchAsync(values + 1024, 8192, 0, nullptr));
    HIP(hipDeviceSynchronize());
    int last = -9;
    HIP(hipMemRangeGetAttribute(&last, 4, hipMemRangeAttributeLastPrefetchLocation, values + 1024,
                                8192));
    CHECK(last == 0, "last prefetched to %d", last);
    HIP(hipFree(values));
}

static void what_pointers_say() {
    uint32_t *device = device_array<uint32_t>(COUNT);
    hipPointerAttribute_t attributes;
    HIP(hipPointerGetAttributes(&attributes, device + 3));
    CHECK(attributes.memoryType == hipMemoryTypeDevice && attributes.device == 0, "type %d of %d",
          attributes.memoryType, attributes.device);
    CHECK(attributes.devicePointer == device + 3 && !attributes.hostPointer, "%p",
          attributes.devicePointer);
    hipDeviceptr_t base;
    size_t bytes;
    HIP(hipMemGetAddressRange(&base, &bytes, device + 1234));
    CHECK(base == device && bytes == COUNT * 4, "base %p of %p, %zu bytes", base,
          static_cast<void *>(device), bytes);
    HIP(hipMemPtrGetInfo(device, &bytes));
    CHECK(bytes == COUNT * 4, "%zu bytes", bytes);
    uint32_t on_stack;
    if (!has_xnack())
        CHECK(hipPointerGetAttributes(&attributes, &on_stack) == hipErrorInvalidValue,
              "of the stack");
    HIP(hipFree(device));
    if (!has_xnack()) {
        CHECK(hipFree(device) != hipSuccess, "freed twice");
        CHECK(hipFree(&on_stack) != hipSuccess, "freed the stack");
    }
    HIP(hipFree(nullptr));
    (void)hipGetLastError();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"pinned_with_every_flag", pinned_with_every_flag},
        {"copies_to_and_from_pinned", copies_to_and_from_pinned},
        {"registered_at_odd_offsets", registered_at_odd_offsets},
        {"registered_mapping", registered_mapping},
        {"managed", managed},
        {"managed_with_advice", managed_with_advice},
        {"what_pointers_say", what_pointers_say},
    };
    return run_cases(cases, argc, argv);
}
