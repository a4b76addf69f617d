/* SPDX-License-Identifier: MIT */
/// Arrays, textures and surfaces: copies of every kind against the host, filters and address modes.
#include "hip_cases.h"

#include <algorithm>
#include <cmath>

template <typename T> static std::vector<T> pattern(size_t count, unsigned seed) {
    std::vector<T> values(count);
    uint8_t *bytes = reinterpret_cast<uint8_t *>(values.data());
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count * sizeof(T); ++i) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = static_cast<uint8_t>(state >> 24);
    }
    return values;
}

template <typename T>
static void expect(const std::vector<T> &seen, const std::vector<T> &wanted, const char *what) {
    CHECK(seen.size() == wanted.size(), "%s: size", what);
    for (size_t i = 0; i < seen.size(); ++i) {
        CHECK(memcmp(&seen[i], &wanted[i], sizeof(T)) == 0, "%s: element %zu of %zu differs", what,
              i, seen.size());
    }
}

/* There and back again through an array, by rectangles and from one array to another. */
template <typename T> static void copies_2d(size_t width, size_t height) {
    const hipChannelFormatDesc format = hipCreateChannelDesc<T>();
    const std::vector<T> source = pattern<T>(width * height, static_cast<unsigned>(width));
    const size_t row = width * sizeof(T);
    std::vector<T> back(width * height);
    hipArray *array = nullptr, *other = nullptr;
    HIP(hipMallocArray(&array, &format, width, height));
    HIP(hipMallocArray(&other, &format, width, height));
    HIP(hipMemcpy2DToArray(array, 0, 0, source.data(), row, row, height, hipMemcpyHostToDevice));
    HIP(hipMemcpy2DFromArray(back.data(), row, array, 0, 0, row, height, hipMemcpyDeviceToHost));
    expect(back, source, "host to array to host");

    T *device = to_device(source);
    HIP(hipMemcpy2DToArray(other, 0, 0, device, row, row, height, hipMemcpyDeviceToDevice));
    HIP(hipMemset(device, 0, width * height * sizeof(T)));
    HIP(hipMemcpy2DFromArray(device, row, other, 0, 0, row, height, hipMemcpyDeviceToDevice));
    expect(to_host(device, width * height), source, "device to array to device");

    const std::vector<T> patch = pattern<T>(width * height, 77);
    std::vector<T> wanted = source;
    for (size_t y = 0; y < height / 2; ++y) {
        std::copy_n(&patch[y * width], width / 2, &wanted[(y + height / 4) * width + width / 3]);
    }
    HIP(hipMemcpy2DToArray(array, width / 3 * sizeof(T), height / 4, patch.data(), row,
                           width / 2 * sizeof(T), height / 2, hipMemcpyHostToDevice));
    HIP(hipMemcpy2DFromArray(back.data(), row, array, 0, 0, row, height, hipMemcpyDeviceToHost));
    expect(back, wanted, "a rectangle");
    HIP(hipFree(device));
    HIP(hipFreeArray(array));
    HIP(hipFreeArray(other));
}

static void arrays_2d() {
    copies_2d<uint8_t>(16, 16);
    copies_2d<uint8_t>(513, 70);
    copies_2d<char2>(100, 33);
    copies_2d<uchar4>(100, 100);
    copies_2d<short>(77, 31);
    copies_2d<ushort2>(300, 41);
    copies_2d<short4>(65, 65);
    copies_2d<float>(513, 129);
    copies_2d<int2>(100, 100);
    copies_2d<float4>(100, 70);
    copies_2d<float4>(1, 5);
}

template <typename T> static void copies_1d(size_t width) {
    const hipChannelFormatDesc format = hipCreateChannelDesc<T>();
    const std::vector<T> source = pattern<T>(width, 5);
    std::vector<T> back(width);
    hipArray *array = nullptr;
    HIP(hipMallocArray(&array, &format, width, 0));
    HIP(hipMemcpyToArray(array, 0, 0, source.data(), width * sizeof(T), hipMemcpyHostToDevice));
    HIP(hipMemcpyFromArray(back.data(), array, 0, 0, width * sizeof(T), hipMemcpyDeviceToHost));
    expect(back, source, "one dimension");
    HIP(hipFreeArray(array));
}

static void arrays_1d() {
    copies_1d<uint8_t>(100);
    copies_1d<short2>(1000);
    copies_1d<float>(513);
    copies_1d<float4>(4097);
}

template <typename T>
static void copies_3d(size_t width, size_t height, size_t depth, unsigned flags) {
    const hipChannelFormatDesc format = hipCreateChannelDesc<T>();
    const size_t count = width * height * depth;
    std::vector<T> source = pattern<T>(count, static_cast<unsigned>(depth)), back(count);
    hipArray *array = nullptr;
    HIP(hipMalloc3DArray(&array, &format, make_hipExtent(width, height, depth), flags));
    hipMemcpy3DParms in = {};
    in.srcPtr = make_hipPitchedPtr(source.data(), width * sizeof(T), width, height);
    in.dstArray = array;
    in.extent = make_hipExtent(width, height, depth);
    in.kind = hipMemcpyHostToDevice;
    HIP(hipMemcpy3D(&in));
    hipMemcpy3DParms out = {};
    out.srcArray = array;
    out.dstPtr = make_hipPitchedPtr(back.data(), width * sizeof(T), width, height);
    out.extent = in.extent;
    out.kind = hipMemcpyDeviceToHost;
    HIP(hipMemcpy3D(&out));
    expect(back, source, "a volume");

    hipArray *other = nullptr; // and a box from array to array
    HIP(hipMalloc3DArray(&other, &format, make_hipExtent(width, height, depth), flags));
    const std::vector<T> ground = pattern<T>(count, 1234);
    in.srcPtr.ptr = const_cast<T *>(ground.data());
    in.dstArray = other;
    HIP(hipMemcpy3D(&in));
    hipMemcpy3DParms box = {};
    box.srcArray = array;
    box.dstArray = other;
    box.srcPos = make_hipPos(1, 2, 0);
    box.dstPos = make_hipPos(3, 1, 1);
    box.extent = make_hipExtent(width - 4, height - 3, depth - 1);
    box.kind = hipMemcpyDeviceToDevice;
    HIP(hipMemcpy3D(&box));
    std::vector<T> wanted = ground;
    for (size_t z = 0; z < box.extent.depth; ++z) {
        for (size_t y = 0; y < box.extent.height; ++y) {
            std::copy_n(&source[(z * height + y + 2) * width + 1], box.extent.width,
                        &wanted[((z + 1) * height + y + 1) * width + 3]);
        }
    }
    out.srcArray = other;
    HIP(hipMemcpy3D(&out));
    expect(back, wanted, "a box from array to array");
    HIP(hipFreeArray(array));
    HIP(hipFreeArray(other));
}

static void arrays_3d() {
    copies_3d<uint8_t>(33, 17, 9, hipArrayDefault);
    copies_3d<float>(70, 20, 3, hipArrayDefault);
    copies_3d<short2>(40, 40, 20, hipArrayDefault);
    copies_3d<float4>(20, 30, 10, hipArrayDefault);
}

static void arrays_layered() {
    copies_3d<uchar4>(65, 33, 5, hipArrayLayered);
    copies_3d<float2>(100, 50, 4, hipArrayLayered);
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"arrays_1d", arrays_1d},
        {"arrays_2d", arrays_2d},
        {"arrays_3d", arrays_3d},
        {"arrays_layered", arrays_layered},
    };
    return run_cases(cases, argc, argv);
}
