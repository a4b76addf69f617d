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

/* ---- textures ---- */

static hipTextureObject_t texture_of(hipArray *array, hipTextureAddressMode address,
                                     hipTextureFilterMode filter, hipTextureReadMode read,
                                     bool normalized) {
    hipResourceDesc resource = {};
    resource.resType = hipResourceTypeArray;
    resource.res.array.array = array;
    hipTextureDesc desc = {};
    desc.addressMode[0] = desc.addressMode[1] = desc.addressMode[2] = address;
    desc.filterMode = filter;
    desc.readMode = read;
    desc.normalizedCoords = normalized;
    hipTextureObject_t texture = nullptr;
    HIP(hipCreateTextureObject(&texture, &resource, &desc, nullptr));
    return texture;
}

/* The texel that an address mode names; -1: the border. */
static long wrapped(hipTextureAddressMode mode, long at, long size) {
    if (mode == hipAddressModeWrap) {
        return ((at % size) + size) % size;
    }
    if (mode == hipAddressModeMirror) {
        at = ((at % (2 * size)) + 2 * size) % (2 * size);
        return at < size ? at : 2 * size - 1 - at;
    }
    if (mode == hipAddressModeBorder) {
        return at < 0 || at >= size ? -1 : at;
    }
    return std::min(std::max(at, 0l), size - 1);
}

struct image {
    long width, height, depth;
    const std::vector<float> &texels;
    hipTextureAddressMode mode;

    float at(long x, long y, long z) const {
        x = wrapped(mode, x, width);
        y = wrapped(mode, y, height);
        z = wrapped(mode, z, depth);
        return x < 0 || y < 0 || z < 0 ? 0
                                       : texels[static_cast<size_t>((z * height + y) * width + x)];
    }
    /* Coordinates in texels; dims without a meaning are 0.5. */
    float filtered(float x, float y, float z, bool linear) const {
        if (!linear) {
            return at(lroundf(floorf(x)), lroundf(floorf(y)), lroundf(floorf(z)));
        }
        const float c[3] = {x - 0.5f, y - 0.5f, z - 0.5f};
        float sum = 0;
        for (int corner = 0; corner < 8; ++corner) {
            long texel[3];
            float weight = 1;
            for (int axis = 0; axis < 3; ++axis) {
                const float base = floorf(c[axis]), part = c[axis] - base;
                const int second = corner >> axis & 1;
                texel[axis] = lroundf(base) + second;
                weight *= second ? part : 1 - part;
            }
            sum += weight == 0 ? 0 : weight * at(texel[0], texel[1], texel[2]);
        }
        return sum;
    }
};

static __global__ void sample_2d(hipTextureObject_t texture, const float2 *at, float *out, int n) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) {
        out[i] = tex2D<float>(texture, at[i].x, at[i].y);
    }
}

static __global__ void sample_1d(hipTextureObject_t texture, const float *at, float *out, int n) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) {
        out[i] = tex1D<float>(texture, at[i]);
    }
}

static __global__ void sample_3d(hipTextureObject_t texture, const float3 *at, float *out, int n) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) {
        out[i] = tex3D<float>(texture, at[i].x, at[i].y, at[i].z);
    }
}

static __global__ void sample_layers(hipTextureObject_t texture, const float2 *at, float *out,
                                     int layers) {
    for (int layer = 0; layer < layers; ++layer) {
        out[layer * 64 + threadIdx.x] =
            tex2DLayered<float>(texture, at[threadIdx.x].x, at[threadIdx.x].y, layer);
    }
}

/* Coordinates in steps of 1/8 texel from before the first texel to behind the last. */
static float step(size_t i, size_t count, long size) {
    const float span = static_cast<float>(size) * 3;
    return floorf((static_cast<float>(i) / static_cast<float>(count) * span -
                   static_cast<float>(size)) *
                  8) /
               8 +
           1.0f / 16;
}

/* Weights have 8 bits, and normalised coordinates are rounded once more. */
static void expect_near(float seen, float wanted, const char *what, size_t i) {
    CHECK(fabsf(seen - wanted) <= 1.0f / 64, "%s: sample %zu is %g, not %g", what, i, seen, wanted);
}

static std::vector<float> ramp(size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        values[i] = static_cast<float>(i * 2654435761u % 97) / 97;
    }
    return values;
}

static const hipTextureAddressMode all_modes[] = {hipAddressModeWrap, hipAddressModeClamp,
                                                  hipAddressModeMirror, hipAddressModeBorder};

static void textures_2d() {
    const long width = 37, height = 19;
    const std::vector<float> texels = ramp(static_cast<size_t>(width * height));
    const hipChannelFormatDesc format = hipCreateChannelDesc<float>();
    hipArray *array = nullptr;
    HIP(hipMallocArray(&array, &format, width, height));
    HIP(hipMemcpy2DToArray(array, 0, 0, texels.data(), width * 4, width * 4, height,
                           hipMemcpyHostToDevice));
    const size_t n = 1000;
    for (int which = 0; which < 16; ++which) {
        const bool linear = which & 1, normalized = which & 2;
        const hipTextureAddressMode mode = all_modes[which / 4];
        if (!normalized && (mode == hipAddressModeWrap || mode == hipAddressModeMirror)) {
            continue; // these are for normalised coordinates only
        }
        hipTextureObject_t texture =
            texture_of(array, mode, linear ? hipFilterModeLinear : hipFilterModePoint,
                       hipReadModeElementType, normalized);
        std::vector<float2> at(n), given(n);
        for (size_t i = 0; i < n; ++i) {
            at[i] = make_float2(step(i, n, width), step(i * 7 % n, n, height));
            given[i] = normalized ? make_float2(at[i].x / width, at[i].y / height) : at[i];
        }
        float2 *device = to_device(given);
        float *out = device_array<float>(n);
        sample_2d<<<4, 256>>>(texture, device, out, static_cast<int>(n));
        HIP(hipGetLastError());
        const std::vector<float> seen = to_host(out, n);
        const image reference = {width, height, 1, texels, mode};
        for (size_t i = 0; i < n; ++i) {
            expect_near(seen[i], reference.filtered(at[i].x, at[i].y, 0.5f, linear), "tex2D", i);
        }
        HIP(hipDestroyTextureObject(texture));
        HIP(hipFree(device));
        HIP(hipFree(out));
    }
    HIP(hipFreeArray(array));
}

static void textures_1d() {
    const long width = 50;
    const std::vector<float> texels = ramp(width);
    const hipChannelFormatDesc format = hipCreateChannelDesc<float>();
    hipArray *array = nullptr;
    HIP(hipMallocArray(&array, &format, width, 0));
    HIP(hipMemcpyToArray(array, 0, 0, texels.data(), width * 4, hipMemcpyHostToDevice));
    const size_t n = 200;
    for (int linear = 0; linear < 2; ++linear) {
        hipTextureObject_t texture = texture_of(array, hipAddressModeClamp,
                                                linear ? hipFilterModeLinear : hipFilterModePoint,
                                                hipReadModeElementType, false);
        std::vector<float> at(n);
        for (size_t i = 0; i < n; ++i) {
            at[i] = step(i, n, width);
        }
        float *device = to_device(at), *out = device_array<float>(n);
        sample_1d<<<1, 256>>>(texture, device, out, static_cast<int>(n));
        HIP(hipGetLastError());
        const std::vector<float> seen = to_host(out, n);
        const image reference = {width, 1, 1, texels, hipAddressModeClamp};
        for (size_t i = 0; i < n; ++i) {
            expect_near(seen[i], reference.filtered(at[i], 0.5f, 0.5f, linear), "tex1D", i);
        }
        HIP(hipDestroyTextureObject(texture));
    }
    HIP(hipFreeArray(array));
}

static void textures_3d() {
    const long width = 13, height = 9, depth = 11;
    std::vector<float> texels = ramp(static_cast<size_t>(width * height * depth));
    const hipChannelFormatDesc format = hipCreateChannelDesc<float>();
    hipArray *array = nullptr;
    HIP(hipMalloc3DArray(&array, &format, make_hipExtent(width, height, depth), hipArrayDefault));
    hipMemcpy3DParms in = {};
    in.srcPtr = make_hipPitchedPtr(texels.data(), width * 4, width, height);
    in.dstArray = array;
    in.extent = make_hipExtent(width, height, depth);
    in.kind = hipMemcpyHostToDevice;
    HIP(hipMemcpy3D(&in));
    const size_t n = 500;
    for (int linear = 0; linear < 2; ++linear) {
        hipTextureObject_t texture = texture_of(array, hipAddressModeClamp,
                                                linear ? hipFilterModeLinear : hipFilterModePoint,
                                                hipReadModeElementType, false);
        std::vector<float3> at(n);
        for (size_t i = 0; i < n; ++i) {
            at[i] = make_float3(step(i, n, width), step(i * 7 % n, n, height),
                                step(i * 11 % n, n, depth));
        }
        float3 *device = to_device(at);
        float *out = device_array<float>(n);
        sample_3d<<<2, 256>>>(texture, device, out, static_cast<int>(n));
        HIP(hipGetLastError());
        const std::vector<float> seen = to_host(out, n);
        const image reference = {width, height, depth, texels, hipAddressModeClamp};
        for (size_t i = 0; i < n; ++i) {
            expect_near(seen[i], reference.filtered(at[i].x, at[i].y, at[i].z, linear), "tex3D", i);
        }
        HIP(hipDestroyTextureObject(texture));
    }
    HIP(hipFreeArray(array));
}

static void textures_layered() {
    const long width = 20, height = 10, layers = 3;
    std::vector<float> texels = ramp(static_cast<size_t>(width * height * layers));
    const hipChannelFormatDesc format = hipCreateChannelDesc<float>();
    hipArray *array = nullptr;
    HIP(hipMalloc3DArray(&array, &format, make_hipExtent(width, height, layers), hipArrayLayered));
    hipMemcpy3DParms in = {};
    in.srcPtr = make_hipPitchedPtr(texels.data(), width * 4, width, height);
    in.dstArray = array;
    in.extent = make_hipExtent(width, height, layers);
    in.kind = hipMemcpyHostToDevice;
    HIP(hipMemcpy3D(&in));
    hipTextureObject_t texture =
        texture_of(array, hipAddressModeClamp, hipFilterModeLinear, hipReadModeElementType, false);
    std::vector<float2> at(64);
    for (size_t i = 0; i < 64; ++i) {
        at[i] = make_float2(step(i, 64, width), step(i * 5 % 64, 64, height));
    }
    float2 *device = to_device(at);
    float *out = device_array<float>(64 * layers);
    sample_layers<<<1, 64>>>(texture, device, out, layers);
    HIP(hipGetLastError());
    const std::vector<float> seen = to_host(out, 64 * layers);
    for (size_t layer = 0; layer < layers; ++layer) {
        const long count = width * height;
        const std::vector<float> plane(texels.begin() + static_cast<long>(layer) * count,
                                       texels.begin() + static_cast<long>(layer + 1) * count);
        const image reference = {width, height, 1, plane, hipAddressModeClamp};
        for (size_t i = 0; i < 64; ++i) {
            expect_near(seen[layer * 64 + i], reference.filtered(at[i].x, at[i].y, 0.5f, true),
                        "tex2DLayered", i);
        }
    }
    HIP(hipDestroyTextureObject(texture));
    HIP(hipFreeArray(array));
}

/* ---- reads as numbers, linear memory, surfaces ---- */

template <typename T, typename R> __global__ void read_all(hipTextureObject_t texture, R *out) {
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(blockIdx.x);
    out[y * 32 + x] = tex2D<R>(texture, static_cast<float>(x), static_cast<float>(y));
}

/* Every texel as its element, or divided by `highest`. */
template <typename T, typename R> static void read_texels(hipTextureReadMode mode, float highest) {
    const size_t width = 32, height = 8;
    const std::vector<T> source = pattern<T>(width * height, sizeof(T));
    const hipChannelFormatDesc format = hipCreateChannelDesc<T>();
    hipArray *array = nullptr;
    HIP(hipMallocArray(&array, &format, width, height));
    HIP(hipMemcpy2DToArray(array, 0, 0, source.data(), width * sizeof(T), width * sizeof(T), height,
                           hipMemcpyHostToDevice));
    hipTextureObject_t texture =
        texture_of(array, hipAddressModeClamp, hipFilterModePoint, mode, false);
    R *out = device_array<R>(width * height);
    read_all<T, R><<<height, width>>>(texture, out);
    HIP(hipGetLastError());
    const std::vector<R> seen = to_host(out, width * height);
    for (size_t i = 0; i < width * height; ++i) {
        const R wanted =
            mode == hipReadModeElementType
                ? static_cast<R>(source[i])
                : static_cast<R>(std::max(-1.0f, static_cast<float>(source[i]) / highest));
        CHECK(fabs(static_cast<double>(seen[i]) - static_cast<double>(wanted)) < 1e-6,
              "%zu bytes, mode %d: texel %zu is %g, not %g", sizeof(T), mode, i,
              static_cast<double>(seen[i]), static_cast<double>(wanted));
    }
    HIP(hipDestroyTextureObject(texture));
    HIP(hipFreeArray(array));
    HIP(hipFree(out));
}

static void read_modes() {
    read_texels<unsigned char, unsigned char>(hipReadModeElementType, 1);
    read_texels<char, char>(hipReadModeElementType, 1);
    read_texels<unsigned short, unsigned short>(hipReadModeElementType, 1);
    read_texels<short, short>(hipReadModeElementType, 1);
    read_texels<int, int>(hipReadModeElementType, 1);
    read_texels<unsigned int, unsigned int>(hipReadModeElementType, 1);
    read_texels<unsigned char, float>(hipReadModeNormalizedFloat, 255);
    read_texels<char, float>(hipReadModeNormalizedFloat, 127);
    read_texels<unsigned short, float>(hipReadModeNormalizedFloat, 65535);
    read_texels<short, float>(hipReadModeNormalizedFloat, 32767);
}

template <typename T> __global__ void fetch(hipTextureObject_t texture, T *out, int n) {
    for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) {
        out[i] = tex1Dfetch<T>(texture, i);
    }
}

template <typename T> static void fetch_all() {
    const size_t count = 1000;
    const std::vector<T> source = pattern<T>(count, 3);
    T *memory = to_device(source), *out = device_array<T>(count);
    hipResourceDesc resource = {};
    resource.resType = hipResourceTypeLinear;
    resource.res.linear.devPtr = memory;
    resource.res.linear.desc = hipCreateChannelDesc<T>();
    resource.res.linear.sizeInBytes = count * sizeof(T);
    hipTextureDesc desc = {};
    desc.readMode = hipReadModeElementType;
    hipTextureObject_t texture = nullptr;
    HIP(hipCreateTextureObject(&texture, &resource, &desc, nullptr));
    fetch<<<1, 256>>>(texture, out, static_cast<int>(count));
    HIP(hipGetLastError());
    expect(to_host(out, count), source, "tex1Dfetch");
    HIP(hipDestroyTextureObject(texture));
    HIP(hipFree(memory));
    HIP(hipFree(out));
}

static void linear_memory() {
    fetch_all<unsigned char>();
    fetch_all<short>();
    fetch_all<int>();
    fetch_all<uchar4>();
    fetch_all<short2>();
    fetch_all<int2>();
    fetch_all<int4>();
}

template <typename T> __global__ void turn(hipSurfaceObject_t from, hipSurfaceObject_t to, int n) {
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(blockIdx.x);
    T value;
    surf2Dread(&value, from, x * static_cast<int>(sizeof(T)), y);
    surf2Dwrite(value, to, y * static_cast<int>(sizeof(T)), n - 1 - x);
}

static hipSurfaceObject_t surface_of(hipArray *array) {
    hipResourceDesc resource = {};
    resource.resType = hipResourceTypeArray;
    resource.res.array.array = array;
    hipSurfaceObject_t surface = nullptr;
    HIP(hipCreateSurfaceObject(&surface, &resource));
    return surface;
}

/* Turns an image by a quarter. */
template <typename T> static void turn_surface() {
    const size_t n = 48;
    const std::vector<float> numbers = ramp(n * n * sizeof(T) / sizeof(float));
    std::vector<T> source(n * n), wanted(n * n), seen(n * n);
    memcpy(static_cast<void *>(source.data()), numbers.data(), n * n * sizeof(T));
    const hipChannelFormatDesc format = hipCreateChannelDesc<T>();
    hipArray *from = nullptr, *to = nullptr;
    HIP(hipMallocArray(&from, &format, n, n));
    HIP(hipMallocArray(&to, &format, n, n));
    HIP(hipMemcpy2DToArray(from, 0, 0, source.data(), n * sizeof(T), n * sizeof(T), n,
                           hipMemcpyHostToDevice));
    hipSurfaceObject_t in = surface_of(from), out = surface_of(to);
    turn<T><<<n, n>>>(in, out, static_cast<int>(n));
    HIP(hipGetLastError());
    HIP(hipMemcpy2DFromArray(seen.data(), n * sizeof(T), to, 0, 0, n * sizeof(T), n,
                             hipMemcpyDeviceToHost));
    for (size_t y = 0; y < n; ++y) {
        for (size_t x = 0; x < n; ++x) {
            wanted[(n - 1 - x) * n + y] = source[y * n + x];
        }
    }
    expect(seen, wanted, "surf2D");
    HIP(hipDestroySurfaceObject(in));
    HIP(hipDestroySurfaceObject(out));
    HIP(hipFreeArray(from));
    HIP(hipFreeArray(to));
}

/* HIP 5.2 reads and writes surfaces as floats only, whatever the format. */
static void surfaces() {
    turn_surface<float>();
    turn_surface<float2>();
    turn_surface<float4>();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"arrays_1d", arrays_1d},     {"arrays_2d", arrays_2d},
        {"arrays_3d", arrays_3d},     {"arrays_layered", arrays_layered},
        {"textures_1d", textures_1d}, {"textures_2d", textures_2d},
        {"textures_3d", textures_3d}, {"textures_layered", textures_layered},
        {"read_modes", read_modes},   {"linear_memory", linear_memory},
        {"surfaces", surfaces},
    };
    return run_cases(cases, argc, argv);
}
