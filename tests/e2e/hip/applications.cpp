/* SPDX-License-Identifier: MIT */
/// Small applications, each against the host's result: what people write first, and what they
/// tune later.
#include "hip_cases.h"

#include <algorithm>
#include <cmath>
#include <thread>

static uint32_t random_word() {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static const int TILE = 16;

__global__ void multiply(const float *a, const float *b, float *c, int m, int n, int k) {
    __shared__ float left[TILE][TILE], right[TILE][TILE + 1];
    const int row = static_cast<int>(blockIdx.y) * TILE + static_cast<int>(threadIdx.y);
    const int column = static_cast<int>(blockIdx.x) * TILE + static_cast<int>(threadIdx.x);
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    float sum = 0;
    for (int first = 0; first < k; first += TILE) {
        left[y][x] = row < m && first + x < k ? a[row * k + first + x] : 0;
        right[y][x] = column < n && first + y < k ? b[(first + y) * n + column] : 0;
        __syncthreads();
        for (int i = 0; i < TILE; ++i) {
            sum += left[y][i] * right[i][x];
        }
        __syncthreads();
    }
    if (row < m && column < n) {
        c[row * n + column] = sum;
    }
}

/// Small whole numbers, so that every order of summation gives the same.
static void matrix_product() {
    const int m = 50, n = 37, k = 65;
    std::vector<float> a(m * k), b(k * n);
    for (float &value : a) {
        value = static_cast<float>(random_word() % 9) - 4;
    }
    for (float &value : b) {
        value = static_cast<float>(random_word() % 9) - 4;
    }
    float *da = to_device(a), *db = to_device(b), *dc = device_array<float>(m * n);
    multiply<<<dim3((n + TILE - 1) / TILE, (m + TILE - 1) / TILE), dim3(TILE, TILE)>>>(da, db, dc,
                                                                                       m, n, k);
    const std::vector<float> c = to_host(dc, m * n);
    for (int row = 0; row < m; ++row) {
        for (int column = 0; column < n; ++column) {
            float sum = 0;
            for (int i = 0; i < k; ++i) {
                sum += a[row * k + i] * b[i * n + column];
            }
            CHECK(c[row * n + column] == sum, "%d, %d: %g, not %g", row, column,
                  c[row * n + column], sum);
        }
    }
    HIP(hipFree(da));
    HIP(hipFree(db));
    HIP(hipFree(dc));
}

__global__ void transpose(const double *in, double *out, int width, int height) {
    __shared__ double tile[32][33];
    int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
    int y = static_cast<int>(blockIdx.y * 32 + threadIdx.y);
    for (int j = 0; j < 32; j += 8) {
        if (x < width && y + j < height) {
            tile[threadIdx.y + j][threadIdx.x] = in[(y + j) * width + x];
        }
    }
    __syncthreads();
    x = static_cast<int>(blockIdx.y * 32 + threadIdx.x);
    y = static_cast<int>(blockIdx.x * 32 + threadIdx.y);
    for (int j = 0; j < 32; j += 8) {
        if (x < height && y + j < width) {
            out[(y + j) * height + x] = tile[threadIdx.x][threadIdx.y + j];
        }
    }
}

static void matrix_transpose() {
    const int width = 123, height = 77;
    std::vector<double> in(width * height);
    for (size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<double>(i) + 0.5;
    }
    double *din = to_device(in), *dout = device_array<double>(in.size());
    transpose<<<dim3(4, 3), dim3(32, 8)>>>(din, dout, width, height);
    const std::vector<double> out = to_host(dout, in.size());
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            CHECK(out[x * height + y] == in[y * width + x], "%d, %d", x, y);
        }
    }
    HIP(hipFree(din));
    HIP(hipFree(dout));
}

__host__ __device__ static float relaxed(const float *in, int x, int y, int width) {
    const int i = y * width + x;
    return 0.25f * (in[i - 1] + in[i + 1] + in[i - width] + in[i + width]);
}

__global__ void stencil(const float *in, float *out, int width, int height) {
    const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x > 0 && y > 0 && x < width - 1 && y < height - 1) {
        out[y * width + x] = relaxed(in, x, y, width);
    }
}

static void heat_in_a_plate() {
    const int width = 70, height = 45, steps = 20;
    std::vector<float> plate(width * height, 0), next;
    for (int x = 0; x < width; ++x) {
        plate[x] = static_cast<float>(x);
    }
    next = plate;
    float *a = to_device(plate), *b = to_device(plate);
    for (int s = 0; s < steps; ++s) {
        stencil<<<dim3((width + 31) / 32, (height + 7) / 8), dim3(32, 8)>>>(a, b, width, height);
        std::swap(a, b);
        for (int y = 1; y < height - 1; ++y) {
            for (int x = 1; x < width - 1; ++x) {
                next[y * width + x] = relaxed(plate.data(), x, y, width);
            }
        }
        plate.swap(next);
    }
    CHECK(to_host(a, plate.size()) == plate, "after %d steps", steps);
    HIP(hipFree(a));
    HIP(hipFree(b));
}

__global__ void scan_group(const uint32_t *in, uint32_t *out, uint32_t *sums, uint32_t count) {
    __shared__ uint32_t temp[2][256];
    const uint32_t t = threadIdx.x, i = blockIdx.x * 256 + t;
    uint32_t from = 0;
    temp[0][t] = i < count ? in[i] : 0;
    for (uint32_t step = 1; step < 256; step *= 2) {
        __syncthreads();
        temp[1 - from][t] = temp[from][t] + (t >= step ? temp[from][t - step] : 0);
        from = 1 - from;
    }
    __syncthreads();
    if (i < count) {
        out[i] = t ? temp[from][t - 1] : 0; // what comes before
    }
    if (t == 255 && sums) {
        sums[blockIdx.x] = temp[from][255];
    }
}

__global__ void add_sums(uint32_t *out, const uint32_t *sums, uint32_t count) {
    const uint32_t i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) {
        out[i] += sums[blockIdx.x];
    }
}

/// Exclusive prefix sums of up to 65,536 words.
static void prefix_sums(const uint32_t *in, uint32_t *out, uint32_t count) {
    const uint32_t groups = (count + 255) / 256;
    uint32_t *sums = device_array<uint32_t>(groups);
    scan_group<<<groups, 256>>>(in, out, sums, count);
    scan_group<<<1, 256>>>(sums, sums, nullptr, groups);
    add_sums<<<groups, 256>>>(out, sums, count);
    HIP(hipFree(sums));
}

__global__ void is_clear(const uint32_t *keys, uint32_t bit, uint32_t *flags, uint32_t count) {
    const uint32_t i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) {
        flags[i] = !(keys[i] >> bit & 1);
    }
}

__global__ void scatter(const uint32_t *in, uint32_t *out, const uint32_t *flags,
                        const uint32_t *before, uint32_t count) {
    const uint32_t i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) {
        const uint32_t clear = before[count - 1] + flags[count - 1];
        out[flags[i] ? before[i] : clear + i - before[i]] = in[i];
    }
}

/// A radix sort, a bit at a time, on the prefix sums above.
static void sort() {
    const uint32_t count = 5000, groups = (count + 255) / 256;
    std::vector<uint32_t> keys(count);
    for (uint32_t &key : keys) {
        key = random_word() % 4096;
    }
    uint32_t *a = to_device(keys), *b = device_array<uint32_t>(count);
    uint32_t *flags = device_array<uint32_t>(count), *before = device_array<uint32_t>(count);
    for (uint32_t bit = 0; bit < 12; ++bit) {
        is_clear<<<groups, 256>>>(a, bit, flags, count);
        prefix_sums(flags, before, count);
        scatter<<<groups, 256>>>(a, b, flags, before, count);
        std::swap(a, b);
    }
    std::sort(keys.begin(), keys.end());
    CHECK(to_host(a, count) == keys, "sorted");
    for (void *memory : {a, b, flags, before}) {
        HIP(hipFree(memory));
    }
}

__global__ void bin(const uint8_t *in, uint32_t count, uint32_t *bins) {
    __shared__ uint32_t own[256];
    own[threadIdx.x] = 0;
    __syncthreads();
    for (uint32_t i = blockIdx.x * 256 + threadIdx.x; i < count; i += gridDim.x * 256) {
        atomicAdd(&own[in[i]], 1u);
    }
    __syncthreads();
    atomicAdd(&bins[threadIdx.x], own[threadIdx.x]);
}

static void histogram() {
    const uint32_t count = 40001;
    std::vector<uint8_t> in(count);
    std::vector<uint32_t> wanted(256, 0);
    for (uint8_t &value : in) {
        value = static_cast<uint8_t>(random_word() % 100 * (random_word() % 3));
        ++wanted[value];
    }
    uint8_t *device = to_device(in);
    uint32_t *bins = to_device(std::vector<uint32_t>(256, 0));
    bin<<<12, 256>>>(device, count, bins);
    CHECK(to_host(bins, 256) == wanted, "bins");
    HIP(hipFree(device));
    HIP(hipFree(bins));
}

/// A wave for each row, as in libraries of sparse matrices.
__global__ void multiply_sparse(const uint32_t *rows, const uint32_t *columns, const double *values,
                                const double *x, double *y, uint32_t count) {
    const uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / 64, lane = threadIdx.x % 64;
    if (row >= count) {
        return;
    }
    double sum = 0;
    for (uint32_t i = rows[row] + lane; i < rows[row + 1]; i += 64) {
        sum += values[i] * x[columns[i]];
    }
    for (unsigned step = 32; step > 0; step /= 2) {
        sum += __shfl_down(sum, step);
    }
    if (lane == 0) {
        y[row] = sum;
    }
}

static void sparse_matrix_by_vector() {
    const uint32_t count = 200;
    std::vector<uint32_t> rows{0}, columns;
    std::vector<double> values, x(count), wanted(count, 0);
    for (uint32_t i = 0; i < count; ++i) {
        x[i] = static_cast<double>(random_word() % 100) - 50;
    }
    for (uint32_t row = 0; row < count; ++row) {
        for (uint32_t length = row * 7 % 150; length > 0; --length) {
            columns.push_back(random_word() % count);
            values.push_back(static_cast<double>(random_word() % 16) * 0.25);
            wanted[row] += values.back() * x[columns.back()];
        }
        rows.push_back(static_cast<uint32_t>(columns.size()));
    }
    uint32_t *drows = to_device(rows), *dcolumns = to_device(columns);
    double *dvalues = to_device(values), *dx = to_device(x), *dy = device_array<double>(count);
    multiply_sparse<<<(count + 3) / 4, 256>>>(drows, dcolumns, dvalues, dx, dy, count);
    CHECK(to_host(dy, count) == wanted, "the product");
    for (void *memory : std::initializer_list<void *>{drows, dcolumns, dvalues, dx, dy}) {
        HIP(hipFree(memory));
    }
}

__global__ void attract(const float4 *bodies, float3 *forces, int count) {
    extern __shared__ float4 tile[];
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const float4 own = bodies[i < count ? i : 0];
    float3 force = make_float3(0, 0, 0);
    for (int first = 0; first < count; first += static_cast<int>(blockDim.x)) {
        const int other = first + static_cast<int>(threadIdx.x);
        tile[threadIdx.x] = other < count ? bodies[other] : make_float4(0, 0, 0, 0);
        __syncthreads();
        for (unsigned j = 0; j < blockDim.x; ++j) {
            const float dx = tile[j].x - own.x, dy = tile[j].y - own.y, dz = tile[j].z - own.z;
            const float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + 0.01f);
            const float scale = tile[j].w * inverse * inverse * inverse;
            force.x += dx * scale;
            force.y += dy * scale;
            force.z += dz * scale;
        }
        __syncthreads();
    }
    if (i < count) {
        forces[i] = force;
    }
}

static void bodies_that_attract() {
    const int count = 300;
    std::vector<float4> bodies(count);
    for (float4 &body : bodies) {
        body = make_float4(static_cast<float>(random_word() % 1000) / 100,
                           static_cast<float>(random_word() % 1000) / 100,
                           static_cast<float>(random_word() % 1000) / 100, 1);
    }
    float4 *device = to_device(bodies);
    float3 *forces = device_array<float3>(count);
    attract<<<(count + 63) / 64, 64, 64 * sizeof(float4)>>>(device, forces, count);
    const std::vector<float3> seen = to_host(forces, count);
    for (size_t i = 0; i < seen.size(); ++i) {
        double x = 0, size = 0;
        for (const float4 &other : bodies) {
            const double dx = static_cast<double>(other.x) - bodies[i].x;
            const double dy = static_cast<double>(other.y) - bodies[i].y;
            const double dz = static_cast<double>(other.z) - bodies[i].z;
            const double scale = pow(dx * dx + dy * dy + dz * dz + 0.01, -1.5);
            x += dx * scale;
            size += fabs(dx * scale);
        }
        CHECK(fabs(x - static_cast<double>(seen[i].x)) <= 1e-5 * size + 1e-5,
              "body %zu: %g, not %g", i, static_cast<double>(seen[i].x), x);
    }
    HIP(hipFree(device));
    HIP(hipFree(forces));
}

__host__ __device__ static uint32_t escape(int x, int y, int width) {
    const double cx = x * 3.0 / width - 2.2, cy = y * 3.0 / width - 1.5;
    double zx = 0, zy = 0;
    uint32_t steps = 0;
    for (; steps < 100 && zx * zx + zy * zy < 4; ++steps) {
        const double next = zx * zx - zy * zy + cx;
        zy = 2 * zx * zy + cy;
        zx = next;
    }
    return steps;
}

__global__ void mandelbrot(uint8_t *image, int width) {
    const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x < width && y < width) {
        image[y * width + x] = static_cast<uint8_t>(escape(x, y, width));
    }
}

static void mandelbrot_set() {
    const int width = 90;
    uint8_t *device = device_array<uint8_t>(width * width);
    mandelbrot<<<dim3(6, 12), dim3(16, 8)>>>(device, width);
    const std::vector<uint8_t> image = to_host(device, width * width);
    for (int i = 0; i < width * width; ++i) {
        CHECK(image[i] == escape(i % width, i / width, width), "%d, %d: %u", i % width, i / width,
              image[i]);
    }
    HIP(hipFree(device));
}

/// 256 points in LDS, a butterfly for each of 128 work-items.
__global__ void fourier(float2 *values, float direction) {
    __shared__ float2 points[256];
    const unsigned t = threadIdx.x;
    for (unsigned i = t; i < 256; i += 128) {
        points[__brev(i) >> 24] = values[blockIdx.x * 256 + i];
    }
    for (unsigned half = 1; half < 256; half *= 2) {
        __syncthreads();
        const unsigned at = t % half, i = t / half * 2 * half + at;
        float s, c;
        sincosf(direction * 3.14159265f * static_cast<float>(at) / static_cast<float>(half), &s,
                &c);
        const float2 a = points[i], b = points[i + half];
        const float2 turned = make_float2(b.x * c - b.y * s, b.x * s + b.y * c);
        points[i] = a + turned;
        points[i + half] = a - turned;
    }
    __syncthreads();
    for (unsigned i = t; i < 256; i += 128) {
        values[blockIdx.x * 256 + i] = points[i];
    }
}

static void fourier_transform() {
    const size_t batches = 5, count = 256 * batches;
    std::vector<float2> in(count);
    for (float2 &value : in) {
        value = make_float2(static_cast<float>(random_word() % 200) / 100 - 1,
                            static_cast<float>(random_word() % 200) / 100 - 1);
    }
    float2 *device = to_device(in);
    fourier<<<batches, 128>>>(device, -1);
    const std::vector<float2> there = to_host(device, count);
    for (size_t k = 0; k < 256; k += 17) { // the definition
        double real = 0;
        for (size_t n = 0; n < 256; ++n) {
            const double angle = -2 * 3.14159265358979 * static_cast<double>(k * n) / 256;
            real += static_cast<double>(in[256 + n].x) * cos(angle) -
                    static_cast<double>(in[256 + n].y) * sin(angle);
        }
        CHECK(fabs(real - static_cast<double>(there[256 + k].x)) < 1e-3, "point %zu: %g, not %g", k,
              static_cast<double>(there[256 + k].x), real);
    }
    fourier<<<batches, 128>>>(device, 1);
    const std::vector<float2> back = to_host(device, count);
    for (size_t i = 0; i < count; ++i) {
        CHECK(fabs(static_cast<double>(back[i].x) / 256 - static_cast<double>(in[i].x)) < 1e-4 &&
                  fabs(static_cast<double>(back[i].y) / 256 - static_cast<double>(in[i].y)) < 1e-4,
              "there and back: point %zu", i);
    }
    HIP(hipFree(device));
}

static const uint32_t SLOTS = 8;

struct ring {
    uint32_t produced, consumed, items[SLOTS];
};

__global__ void consume(ring *in, ring *out, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        while (__hip_atomic_load(&in->produced, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) <= i) {
            __builtin_amdgcn_s_sleep(1);
        }
        const uint32_t item = in->items[i % SLOTS];
        __hip_atomic_store(&in->consumed, i + 1, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
        while (i - __hip_atomic_load(&out->consumed, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) >=
               SLOTS) {
            __builtin_amdgcn_s_sleep(1);
        }
        out->items[i % SLOTS] = item * item + 1;
        __hip_atomic_store(&out->produced, i + 1, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    }
}

/// Host thread, kernel, host thread: rings in mapped memory.
static void producer_and_consumer() {
    if (!launches_return_early()) {
        return;
    }
    const uint32_t count = 500;
    ring *rings = shared_array<ring>(2), *in = rings, *out = rings + 1;
    consume<<<1, 1>>>(in, out, count);
    HIP(hipGetLastError());
    (void)hipStreamQuery(nullptr);
    std::thread producer([=] {
        for (uint32_t i = 0; i < count; ++i) {
            while (i - __atomic_load_n(&in->consumed, __ATOMIC_ACQUIRE) >= SLOTS) {
                std::this_thread::yield();
            }
            in->items[i % SLOTS] = i * 3;
            __atomic_store_n(&in->produced, i + 1, __ATOMIC_RELEASE);
        }
    });
    for (uint32_t i = 0; i < count; ++i) {
        while (__atomic_load_n(&out->produced, __ATOMIC_ACQUIRE) <= i) {
            std::this_thread::yield();
        }
        CHECK(out->items[i % SLOTS] == i * 3 * i * 3 + 1, "item %u: %u", i, out->items[i % SLOTS]);
        __atomic_store_n(&out->consumed, i + 1, __ATOMIC_RELEASE);
    }
    producer.join();
    HIP(hipDeviceSynchronize());
    HIP(hipHostFree(rings));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"matrix_product", matrix_product},
        {"matrix_transpose", matrix_transpose},
        {"heat_in_a_plate", heat_in_a_plate},
        {"sort", sort},
        {"histogram", histogram},
        {"sparse_matrix_by_vector", sparse_matrix_by_vector},
        {"bodies_that_attract", bodies_that_attract},
        {"mandelbrot_set", mandelbrot_set},
        {"fourier_transform", fourier_transform},
        {"producer_and_consumer", producer_and_consumer},
    };
    return run_cases(cases, argc, argv);
}
