/* SPDX-License-Identifier: MIT */
/// The lanes of a wave among each other: shuffles of every form, type and width, votes in divergent
/// code, reductions and scans, lane masks, and the tiles of cooperative groups.
#include "hip_cases.h"

#include <hip/hip_cooperative_groups.h>

namespace cg = cooperative_groups;

template <typename T> struct shuffled { T indexed[64], up[64], down[64], crossed[64]; };

template <typename T> __global__ void shuffle(const T *in, shuffled<T> *out, int width, int by) {
    const int t = static_cast<int>(threadIdx.x);
    out->indexed[t] = __shfl(in[t], (t * 5 + by) % width, width);
    out->up[t] = __shfl_up(in[t], static_cast<unsigned>(by), width);
    out->down[t] = __shfl_down(in[t], static_cast<unsigned>(by), width);
    out->crossed[t] = __shfl_xor(in[t], by, width);
}

template <typename T> static void shuffles_of(const char *type) {
    std::vector<T> in(64);
    for (int i = 0; i < 64; ++i) {
        in[static_cast<size_t>(i)] = static_cast<T>(i * 1000003.25 - 7);
    }
    T *device = to_device(in);
    shuffled<T> *out = device_array<shuffled<T>>(1);
    for (int width = 2; width <= 64; width *= 2) {
        for (int by : {1, 3, 7, 16, 33}) {
            shuffle<<<1, 64>>>(device, out, width, by);
            const shuffled<T> seen = to_host(out, 1)[0];
            for (int t = 0; t < 64; ++t) {
                const int first = t / width * width, at = t - first;
                const int indexed = first + (t * 5 + by) % width;
                const int up = at - by < 0 ? t : t - by;
                const int down = at + by >= width ? t : t + by;
                const int crossed = (t ^ by) >= first + width ? t : t ^ by;
                const size_t lanes[] = {static_cast<size_t>(indexed), static_cast<size_t>(up),
                                        static_cast<size_t>(down), static_cast<size_t>(crossed)};
                const T got[] = {seen.indexed[t], seen.up[t], seen.down[t], seen.crossed[t]};
                for (int form = 0; form < 4; ++form) {
                    CHECK(got[form] == in[lanes[form]],
                          "%s: form %d width %d by %d lane %d isn't lane %zu's", type, form, width,
                          by, t, lanes[form]);
                }
            }
        }
    }
    HIP(hipFree(device));
    HIP(hipFree(out));
}

static void shuffles() {
    shuffles_of<int>("int");
    shuffles_of<unsigned>("unsigned");
    shuffles_of<float>("float");
    shuffles_of<double>("double");
    shuffles_of<long long>("long long");
    shuffles_of<unsigned long>("unsigned long");
}

__global__ void vote(uint64_t *out) {
    const unsigned t = threadIdx.x;
    out[t] = __ballot(t % 3 == 0);
    out[64 + t] = static_cast<uint64_t>(__any(t == 5) | __all(t < 64) << 1 | __all(t < 63) << 2 |
                                        __any(t > 63) << 3);
    uint64_t inside = 0;
    if (t & 1) {
        inside = __ballot(1) | (t % 4 == 1 && __any(t == 2) ? 1 : 0);
    } else {
        inside = __ballot(t > 31);
    }
    out[128 + t] = inside;
    uint64_t seen = 0; // lanes leave the loop one after the other
    for (unsigned i = 0; i <= t % 8; ++i) {
        seen = __ballot(1);
    }
    out[192 + t] = seen;
    out[256 + t] = __lane_id();
    out[320 + t] = __popcll(__ballot(t % 5 < 2) & __lanemask_lt());
    out[384 + t] =
        static_cast<uint64_t>(__ffsll(static_cast<unsigned long long>(__ballot(t >= 40))));
}

static void votes() {
    uint64_t *out = device_array<uint64_t>(7 * 64);
    vote<<<1, 64>>>(out);
    const std::vector<uint64_t> seen = to_host(out, 7 * 64);
    uint64_t thirds = 0, before = 0;
    for (int t = 0; t < 64; t += 3) {
        thirds |= 1ull << t;
    }
    for (size_t t = 0; t < 64; ++t) {
        CHECK(seen[t] == thirds, "ballot");
        CHECK(seen[64 + t] == 3, "any and all: %llx",
              static_cast<unsigned long long>(seen[64 + t]));
        const uint64_t inside = t & 1 ? 0xaaaaaaaaaaaaaaaaull : 0x5555555500000000ull;
        CHECK(seen[128 + t] == inside, "lane %zu: %llx", t,
              static_cast<unsigned long long>(seen[128 + t]));
        uint64_t last = 0;
        for (size_t other = 0; other < 64; ++other) {
            last |= other % 8 >= t % 8 ? 1ull << other : 0;
        }
        CHECK(seen[192 + t] == last, "lane %zu left with %llx", t,
              static_cast<unsigned long long>(seen[192 + t]));
        CHECK(seen[256 + t] == t && seen[320 + t] == before && seen[384 + t] == 41, "lane %zu", t);
        before += t % 5 < 2;
    }
    HIP(hipFree(out));
}

/// The sum of a work-group of any size: shuffles in each wave, then LDS between the waves.
__global__ void reduce(const double *in, double *out, uint32_t count) {
    __shared__ double waves[16];
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    double sum = i < count ? in[i] : 0;
    for (int step = warpSize / 2; step > 0; step /= 2) {
        sum += __shfl_down(sum, static_cast<unsigned>(step));
    }
    if (threadIdx.x % warpSize == 0) {
        waves[threadIdx.x / warpSize] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (uint32_t w = 1; w < blockDim.x / warpSize; ++w) {
            sum += waves[w];
        }
        atomicAdd(out, sum);
    }
}

/// Prefix sums of a wave.
__global__ void scan(uint32_t *values) {
    uint32_t value = values[threadIdx.x];
    for (unsigned step = 1; step < 64; step *= 2) {
        const uint32_t left = __shfl_up(value, step);
        value += threadIdx.x % 64 >= step ? left : 0;
    }
    values[threadIdx.x] = value;
}

static void reductions_and_scans() {
    const uint32_t count = 10001;
    std::vector<double> in(count);
    for (uint32_t i = 0; i < count; ++i) {
        in[i] = i * 0.25;
    }
    double *device = to_device(in), *sum = device_array<double>(1);
    for (uint32_t group : {64u, 256u, 1024u}) {
        HIP(hipMemset(sum, 0, 8));
        reduce<<<(count + group - 1) / group, group>>>(device, sum, count);
        CHECK(to_host(sum, 1)[0] == count * 0.25 * (count - 1) / 2, "groups of %u: %f", group,
              to_host(sum, 1)[0]);
    }
    std::vector<uint32_t> values(128, 3);
    uint32_t *scanned = to_device(values);
    scan<<<1, 128>>>(scanned);
    values = to_host(scanned, 128);
    for (uint32_t i = 0; i < 128; ++i) {
        CHECK(values[i] == 3 * (i % 64 + 1), "prefix %u is %u", i, values[i]);
    }
    HIP(hipFree(device));
    HIP(hipFree(sum));
    HIP(hipFree(scanned));
}

template <unsigned SIZE> __global__ void tiles(uint32_t *out) {
    const cg::thread_block block = cg::this_thread_block();
    const cg::thread_block_tile<SIZE> tile = cg::tiled_partition<SIZE>(block);
    uint32_t value = block.thread_rank() + 1;
    for (unsigned step = tile.size() / 2; step > 0; step /= 2) {
        value += tile.shfl_down(value, step);
    }
    tile.sync();
    uint32_t first = tile.shfl(value, 0), neighbour = tile.shfl_xor(tile.thread_rank(), 1);
    block.sync();
    const uint32_t i = threadIdx.y * blockDim.x + threadIdx.x;
    out[i * 3] = first;
    out[i * 3 + 1] = neighbour;
    out[i * 3 + 2] = tile.thread_rank() + block.size() * 1000;
}

template <unsigned SIZE> static void tiles_of() {
    const uint32_t items = 192;
    uint32_t *out = device_array<uint32_t>(items * 3);
    tiles<SIZE><<<1, dim3(64, 3)>>>(out);
    const std::vector<uint32_t> seen = to_host(out, items * 3);
    for (uint32_t i = 0; i < items; ++i) {
        const uint32_t first = i / SIZE * SIZE;
        uint32_t sum = 0;
        for (uint32_t k = first; k < first + SIZE; ++k) {
            sum += k + 1;
        }
        CHECK(seen[i * 3] == sum, "tiles of %u: item %u sees %u, not %u", SIZE, i, seen[i * 3],
              sum);
        CHECK(seen[i * 3 + 1] == (i % SIZE ^ 1) && seen[i * 3 + 2] == i % SIZE + items * 1000,
              "tiles of %u: item %u", SIZE, i);
    }
    HIP(hipFree(out));
}

static void tiles_of_cooperative_groups() {
    tiles_of<2>();
    tiles_of<8>();
    tiles_of<16>();
    tiles_of<32>();
    tiles_of<64>();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"shuffles", shuffles},
        {"votes", votes},
        {"reductions_and_scans", reductions_and_scans},
        {"tiles_of_cooperative_groups", tiles_of_cooperative_groups},
    };
    return run_cases(cases, argc, argv);
}
