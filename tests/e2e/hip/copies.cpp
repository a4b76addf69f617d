/* SPDX-License-Identifier: MIT */
/// Copies and fills of device memory: every kind and function, rectangles and boxes with odd
/// pitches, pools, and running out of memory.
#include "hip_cases.h"

#include <algorithm>

typedef std::vector<uint8_t> bytes;

static bytes pattern(size_t count, unsigned seed) {
    bytes values(count);
    uint32_t state = seed * 2654435761u + 1;
    for (uint8_t &value : values) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<uint8_t>(state >> 24);
    }
    return values;
}

template <typename T>
static void expect(const std::vector<T> &seen, const std::vector<T> &wanted, const char *what) {
    CHECK(seen.size() == wanted.size(), "%s: size", what);
    for (size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i] == wanted[i], "%s: element %zu of %zu is %llu, not %llu", what, i,
              seen.size(), static_cast<unsigned long long>(seen[i]),
              static_cast<unsigned long long>(wanted[i]));
    }
}

static void linear_kinds() {
    for (size_t count :
         {size_t{1}, size_t{3}, size_t{4097}, size_t{1 << 20}, (size_t{5} << 20) + 7}) {
        const bytes source = pattern(count, static_cast<unsigned>(count));
        uint8_t *a = to_device(source), *b = device_array<uint8_t>(count);
        bytes back(count), host(count);
        HIP(hipMemcpy(b, a, count, hipMemcpyDeviceToDevice));
        HIP(hipMemcpy(back.data(), b, count, hipMemcpyDefault));
        expect(back, source, "device to device");
        HIP(hipMemcpy(host.data(), source.data(), count, hipMemcpyHostToHost));
        expect(host, source, "host to host");
        HIP(hipMemset(b, 0, count));
        HIP(hipMemcpyDtoD(b, a, count));
        HIP(hipMemcpyDtoH(back.data(), b, count));
        expect(back, source, "DtoD, DtoH");
        HIP(hipMemset(b, 1, count));
        HIP(hipMemcpyHtoD(b, host.data(), count));
        HIP(hipMemset(a, 2, count));
        HIP(hipMemcpyPeer(a, 0, b, 0, count));
        expect(to_host(a, count), source, "HtoD, peer to itself");
        HIP(hipFree(a));
        HIP(hipFree(b));
    }
}

static void misaligned() {
    const size_t count = 70000;
    const bytes source = pattern(count, 9);
    uint8_t *a = to_device(source), *b = device_array<uint8_t>(count);
    for (size_t from : {size_t{0}, size_t{1}, size_t{6}, size_t{4093}}) {
        for (size_t to : {size_t{0}, size_t{3}, size_t{4099}}) {
            for (size_t length : {size_t{1}, size_t{61}, size_t{65001}}) {
                HIP(hipMemset(b, 0x5a, count));
                HIP(hipMemcpy(b + to, a + from, length, hipMemcpyDeviceToDevice));
                bytes wanted(count, 0x5a);
                std::copy_n(source.begin() + static_cast<long>(from), length,
                            wanted.begin() + static_cast<long>(to));
                expect(to_host(b, count), wanted, "misaligned");
            }
        }
    }
    HIP(hipFree(a));
    HIP(hipFree(b));
}

static void asynchronous() {
    const size_t count = 300000;
    const bytes source = pattern(count, 4);
    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    uint8_t *a = device_array<uint8_t>(count), *b = device_array<uint8_t>(count);
    bytes back(count);
    HIP(hipMemcpyAsync(a, source.data(), count, hipMemcpyHostToDevice, stream));
    HIP(hipMemcpyDtoDAsync(b, a, count, stream));
    HIP(hipMemsetAsync(a, 0, count, stream));
    HIP(hipMemcpyPeerAsync(a, 0, b, 0, count / 2, stream));
    HIP(hipMemcpyDtoHAsync(back.data(), a, count, stream));
    HIP(hipStreamSynchronize(stream));
    bytes wanted(source);
    std::fill(wanted.begin() + static_cast<long>(count / 2), wanted.end(), 0);
    expect(back, wanted, "asynchronous");
    HIP(hipMemcpyHtoDAsync(b, wanted.data(), count, stream));
    HIP(hipMemcpyWithStream(back.data(), b, count, hipMemcpyDeviceToHost, stream));
    expect(back, wanted, "with stream");
    HIP(hipFree(a));
    HIP(hipFree(b));
    HIP(hipStreamDestroy(stream));
}

static void fills() {
    const size_t count = 3001;
    uint8_t *memory = device_array<uint8_t>(count * 4);
    HIP(hipMemset(memory, 0xa5, count));
    expect(to_host(memory, count), bytes(count, 0xa5), "hipMemset");
    HIP(hipMemsetD8(memory, 0x3c, count));
    expect(to_host(memory, count), bytes(count, 0x3c), "D8");
    HIP(hipMemsetD16(memory, 0xbeef, count));
    expect(to_host(reinterpret_cast<uint16_t *>(memory), count),
           std::vector<uint16_t>(count, 0xbeef), "D16");
    HIP(hipMemsetD32(memory, static_cast<int>(0xdeadbeefu), count));
    expect(to_host(reinterpret_cast<uint32_t *>(memory), count),
           std::vector<uint32_t>(count, 0xdeadbeef), "D32");
    HIP(hipMemsetD32Async(memory + 8, 7, 100, nullptr));
    std::vector<uint32_t> words(count, 0xdeadbeef);
    std::fill_n(words.begin() + 2, 100, 7);
    expect(to_host(reinterpret_cast<uint32_t *>(memory), count), words, "D32 in the middle");
    HIP(hipFree(memory));
}

struct rectangle {
    size_t width, height, host_pitch;
};

static const rectangle rectangles[] = {{1, 1, 1},    {7, 5, 7},      {7, 5, 13},     {64, 9, 64},
                                       {33, 3, 101}, {257, 17, 300}, {1024, 8, 1031}};

/// What lies outside the rectangle stays as it was.
static void expect_rectangle(const bytes &seen, const bytes &source, const rectangle &r) {
    for (size_t i = 0; i < seen.size(); ++i) {
        const uint8_t wanted = i % r.host_pitch < r.width ? source[i] : 0xcc;
        CHECK(seen[i] == wanted, "%zux%zu pitch %zu: byte %zu is %u, not %u", r.width, r.height,
              r.host_pitch, i, seen[i], wanted);
    }
}

static void rectangles_of_every_kind() {
    for (const rectangle &r : rectangles) {
        const bytes source = pattern(r.host_pitch * r.height, 3);
        bytes back(source.size(), 0xcc);
        uint8_t *pitched;
        size_t pitch;
        HIP(hipMallocPitch(reinterpret_cast<void **>(&pitched), &pitch, r.width, r.height));
        CHECK(pitch >= r.width, "pitch %zu", pitch);
        HIP(hipMemset2D(pitched, pitch, 0x77, r.width, r.height));
        HIP(hipMemcpy2D(back.data(), r.host_pitch, pitched, pitch, r.width, r.height,
                        hipMemcpyDeviceToHost));
        expect_rectangle(back, bytes(back.size(), 0x77), r);
        HIP(hipMemcpy2D(pitched, pitch, source.data(), r.host_pitch, r.width, r.height,
                        hipMemcpyHostToDevice));
        const size_t tight = r.width + 3; // a pitch of no alignment on the device
        uint8_t *other = device_array<uint8_t>(tight * r.height);
        HIP(hipMemcpy2D(other, tight, pitched, pitch, r.width, r.height, hipMemcpyDeviceToDevice));
        HIP(hipMemset2DAsync(pitched, pitch, 0, r.width, r.height, nullptr));
        std::fill(back.begin(), back.end(), 0xcc);
        HIP(hipMemcpy2DAsync(back.data(), r.host_pitch, other, tight, r.width, r.height,
                             hipMemcpyDefault, nullptr));
        HIP(hipStreamSynchronize(nullptr));
        expect_rectangle(back, source, r);
        bytes host(source.size(), 0xcc);
        HIP(hipMemcpy2D(host.data(), r.host_pitch, source.data(), r.host_pitch, r.width, r.height,
                        hipMemcpyHostToHost));
        expect_rectangle(host, source, r);
        HIP(hipFree(other));
        HIP(hipFree(pitched));
    }
}

static void rectangle_by_parameters() {
    const size_t pitch = 100, height = 40;
    const bytes source = pattern(pitch * height, 8);
    uint8_t *device = device_array<uint8_t>(pitch * height);
    HIP(hipMemset(device, 0, pitch * height));
    hip_Memcpy2D copy = {};
    copy.srcMemoryType = hipMemoryTypeHost;
    copy.srcHost = source.data();
    copy.srcPitch = pitch;
    copy.srcXInBytes = 5;
    copy.srcY = 7;
    copy.dstMemoryType = hipMemoryTypeDevice;
    copy.dstDevice = device;
    copy.dstPitch = pitch;
    copy.dstXInBytes = 11;
    copy.dstY = 2;
    copy.WidthInBytes = 60;
    copy.Height = 30;
    HIP(hipMemcpyParam2D(&copy));
    bytes wanted(pitch * height, 0);
    for (size_t y = 0; y < 30; ++y) {
        for (size_t x = 0; x < 60; ++x) {
            wanted[(y + 2) * pitch + x + 11] = source[(y + 7) * pitch + x + 5];
        }
    }
    expect(to_host(device, pitch * height), wanted, "by parameters");
    HIP(hipFree(device));
}

static void boxes() {
    const size_t width = 37, height = 11, depth = 6;
    const bytes source = pattern(width * height * depth, 6);
    bytes back(source.size());
    const hipExtent extent = make_hipExtent(width, height, depth);
    hipPitchedPtr a, b;
    HIP(hipMalloc3D(&a, extent));
    HIP(hipMalloc3D(&b, extent));
    CHECK(a.pitch >= width && a.ysize == height, "pitch %zu, height %zu", a.pitch, a.ysize);
    HIP(hipMemset3D(b, 0x42, extent));
    hipMemcpy3DParms in = {}, across = {}, out = {};
    in.srcPtr = make_hipPitchedPtr(const_cast<uint8_t *>(source.data()), width, width, height);
    in.dstPtr = a;
    in.extent = extent;
    in.kind = hipMemcpyHostToDevice;
    HIP(hipMemcpy3D(&in));
    across.srcPtr = a; // a smaller box, moved
    across.srcPos = make_hipPos(3, 2, 1);
    across.dstPtr = b;
    across.dstPos = make_hipPos(7, 4, 2);
    across.extent = make_hipExtent(20, 5, 3);
    across.kind = hipMemcpyDeviceToDevice;
    HIP(hipMemcpy3DAsync(&across, nullptr));
    out.srcPtr = b;
    out.dstPtr = make_hipPitchedPtr(back.data(), width, width, height);
    out.extent = extent;
    out.kind = hipMemcpyDeviceToHost;
    HIP(hipMemcpy3D(&out));
    bytes wanted(source.size(), 0x42);
    for (size_t z = 0; z < 3; ++z) {
        for (size_t y = 0; y < 5; ++y) {
            for (size_t x = 0; x < 20; ++x) {
                wanted[((z + 2) * height + y + 4) * width + x + 7] =
                    source[((z + 1) * height + y + 2) * width + x + 3];
            }
        }
    }
    expect(back, wanted, "box");
    HIP(hipFree(a.ptr));
    HIP(hipFree(b.ptr));
}

static __global__ void fill(uint32_t *values, uint32_t count, uint32_t first) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] = first + i;
    }
}

static void stream_ordered() {
    int supported = 0;
    HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeMemoryPoolsSupported, 0));
    if (!supported) {
        printf("no memory pools\n");
        return;
    }
    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    hipMemPool_t pool;
    HIP(hipDeviceGetDefaultMemPool(&pool, 0));
    uint64_t threshold = UINT64_MAX;
    HIP(hipMemPoolSetAttribute(pool, hipMemPoolAttrReleaseThreshold, &threshold));
    for (uint32_t round = 0; round < 20; ++round) {
        const uint32_t count = 1000 + round * 517;
        uint32_t *values;
        std::vector<uint32_t> back(count);
        HIP(hipMallocAsync(reinterpret_cast<void **>(&values), count * 4, stream));
        fill<<<(count + 255) / 256, 256, 0, stream>>>(values, count, round);
        HIP(hipMemcpyAsync(back.data(), values, count * 4, hipMemcpyDeviceToHost, stream));
        HIP(hipFreeAsync(values, stream));
        HIP(hipStreamSynchronize(stream));
        for (uint32_t i = 0; i < count; ++i) {
            CHECK(back[i] == round + i, "round %u: element %u is %u", round, i, back[i]);
        }
    }
    uint64_t used = 1;
    HIP(hipMemPoolGetAttribute(pool, hipMemPoolAttrUsedMemCurrent, &used));
    CHECK(used == 0, "%llu bytes in use", static_cast<unsigned long long>(used));
    HIP(hipMemPoolTrimTo(pool, 0));
    hipMemPoolProps properties = {};
    properties.allocType = hipMemAllocationTypePinned;
    properties.location.type = hipMemLocationTypeDevice;
    hipMemPool_t own;
    HIP(hipMemPoolCreate(&own, &properties));
    uint32_t *values;
    HIP(hipMallocFromPoolAsync(reinterpret_cast<void **>(&values), 4096, own, stream));
    fill<<<4, 256, 0, stream>>>(values, 1024, 5);
    HIP(hipStreamSynchronize(stream));
    CHECK(to_host(values, 1024)[1023] == 1028, "from an own pool");
    HIP(hipFreeAsync(values, stream));
    HIP(hipStreamSynchronize(stream));
    HIP(hipMemPoolDestroy(own));
    HIP(hipStreamDestroy(stream));
}

static void out_of_memory_and_on() {
    if (!environment_is("HSAPROBE_TEST_DEVICE", "soft")) {
        return; // a real GPU's memory may be in use by others
    }
    size_t free_before, free_after, total;
    void *impossible;
    HIP(hipMemGetInfo(&free_before, &total));
    CHECK(hipMalloc(&impossible, total + (1u << 20)) == hipErrorOutOfMemory, "more than there is");
    CHECK(hipGetLastError() == hipErrorOutOfMemory, "the last error");
    std::vector<void *> pieces;
    const size_t piece = total / 16;
    hipError_t error = hipSuccess;
    while (pieces.size() < 32 && error == hipSuccess) {
        void *memory;
        error = hipMalloc(&memory, piece);
        if (error == hipSuccess) {
            pieces.push_back(memory);
        }
    }
    CHECK(error == hipErrorOutOfMemory, "%zu pieces, then %s", pieces.size(),
          hipGetErrorName(error));
    CHECK(pieces.size() >= 14, "%zu pieces of a sixteenth", pieces.size());
    (void)hipGetLastError();
    HIP(hipMemset(pieces.back(), 3, 1 << 20)); // what was given is usable
    CHECK(to_host(static_cast<uint8_t *>(pieces.back()), 1 << 20)[1000] == 3, "the last piece");
    for (void *memory : pieces) {
        HIP(hipFree(memory));
    }
    uint32_t *values = device_array<uint32_t>(1024);
    fill<<<4, 256>>>(values, 1024, 9);
    CHECK(to_host(values, 1024)[1023] == 1032, "goes on");
    HIP(hipFree(values));
    HIP(hipMemGetInfo(&free_after, &total));
    CHECK(free_after + (64u << 20) >= free_before, "free: %zu before, %zu after", free_before,
          free_after);
}

static void many_allocations() {
    std::vector<uint32_t *> all;
    for (uint32_t i = 0; i < 1000; ++i) {
        all.push_back(device_array<uint32_t>(1 + i * 37 % 5000));
        HIP(hipMemset(all.back(), 0, 4));
    }
    fill<<<1, 1>>>(all[500], 1, 77);
    CHECK(to_host(all[500], 1)[0] == 77 && to_host(all[501], 1)[0] == 0, "neighbours");
    for (size_t i = 0; i < all.size(); i += 2) {
        HIP(hipFree(all[i]));
    }
    CHECK(to_host(all[999], 1)[0] == 0, "those left");
    for (size_t i = 1; i < all.size(); i += 2) {
        HIP(hipFree(all[i]));
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"linear_kinds", linear_kinds},
        {"misaligned", misaligned},
        {"asynchronous", asynchronous},
        {"fills", fills},
        {"rectangles_of_every_kind", rectangles_of_every_kind},
        {"rectangle_by_parameters", rectangle_by_parameters},
        {"boxes", boxes},
        {"stream_ordered", stream_ordered},
        {"many_allocations", many_allocations},
        {"out_of_memory_and_on", out_of_memory_and_on},
    };
    return run_cases(cases, argc, argv);
}
