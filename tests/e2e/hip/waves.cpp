/* SPDX-License-Identifier: MIT */
/// What the work-items of a work-group do together: LDS with barriers, dynamic LDS, shuffles,
/// votes, atomics of several types in LDS and memory, divergent branches.
#include "hip_e2e.h"

static const int GROUP = 256;
static const int GROUPS = 20;

__global__ void reverse_and_scan(const uint32_t *in, uint32_t *reversed, uint32_t *scanned) {
    extern __shared__ uint32_t lds[];
    const uint32_t t = threadIdx.x, i = blockIdx.x * GROUP + t;
    lds[t] = in[i];
    __syncthreads();
    reversed[i] = lds[GROUP - 1 - t];
    for (uint32_t step = 1; step < GROUP; step *= 2) {
        const uint32_t left = t >= step ? lds[t - step] : 0;
        __syncthreads();
        lds[t] += left;
        __syncthreads();
    }
    scanned[i] = lds[t];
}

__global__ void lanes(const uint32_t *in, uint32_t *sums, unsigned long long *votes) {
    const uint32_t i = blockIdx.x * GROUP + threadIdx.x;
    uint32_t value = in[i];
    const unsigned long long odd = __ballot(value & 1);
    for (int step = warpSize / 2; step > 0; step /= 2) {
        value += __shfl_xor(value, step);
    }
    sums[i] = value;
    if (threadIdx.x % warpSize == 0) {
        votes[i / warpSize] = odd;
    }
}

__global__ void atomics(const uint32_t *in, uint32_t *words, unsigned long long *wide, float *real,
                        uint32_t *histogram) {
    __shared__ uint32_t bins[16];
    const uint32_t t = threadIdx.x, i = blockIdx.x * GROUP + t, value = in[i];
    if (t < 16) {
        bins[t] = 0;
    }
    __syncthreads();
    atomicAdd(&bins[value % 16], 1u);
    __syncthreads();
    if (t < 16) {
        atomicAdd(&histogram[t], bins[t]);
    }
    atomicMax(&words[0], value);
    atomicMin(&words[1], value);
    atomicXor(&words[2], value);
    atomicOr(&words[3], 1u << (value % 32));
    atomicAdd(wide, static_cast<unsigned long long>(value) << 20);
    atomicAdd(real, static_cast<float>(value % 8));
    for (uint32_t seen = words[4], wanted = seen;;) { // a counter by compare and swap
        wanted = seen;
        seen = atomicCAS(&words[4], wanted, wanted + 1);
        if (seen == wanted) {
            break;
        }
    }
}

int main() {
    need_gpu();
    const uint32_t count = GROUP * GROUPS;
    std::vector<uint32_t> in(count);
    for (uint32_t i = 0; i < count; ++i) {
        in[i] = (i * 2654435761u) >> 12;
    }
    uint32_t *values = to_device(in);
    uint32_t *reversed = device_array<uint32_t>(count), *scanned = device_array<uint32_t>(count);
    reverse_and_scan<<<GROUPS, GROUP, GROUP * sizeof(uint32_t)>>>(values, reversed, scanned);
    std::vector<uint32_t> seen_reversed = to_host(reversed, count);
    std::vector<uint32_t> seen_scanned = to_host(scanned, count);
    uint32_t *sums = device_array<uint32_t>(count);
    auto *votes = device_array<unsigned long long>(count / 32);
    lanes<<<GROUPS, GROUP>>>(values, sums, votes);
    std::vector<uint32_t> seen_sums = to_host(sums, count);
    std::vector<unsigned long long> seen_votes = to_host(votes, count / 32);

    std::vector<uint32_t> start = {0, UINT32_MAX, 0, 0, 0};
    uint32_t *words = to_device(start);
    auto *wide = to_device(std::vector<unsigned long long>{0});
    float *real = to_device(std::vector<float>{0});
    uint32_t *histogram = to_device(std::vector<uint32_t>(16, 0));
    atomics<<<GROUPS, GROUP>>>(values, words, wide, real, histogram);
    HIP(hipDeviceSynchronize());

    int wave = 0;
    HIP(hipDeviceGetAttribute(&wave, hipDeviceAttributeWarpSize, 0));
    std::vector<uint32_t> bins(16, 0), expected = start;
    uint32_t running = 0;
    unsigned long long sum = 0, vote = 0;
    float sum_real = 0;
    for (uint32_t i = 0; i < count; ++i) {
        running = i % GROUP ? running + in[i] : in[i];
        CHECK(seen_reversed[i] == in[i / GROUP * GROUP + GROUP - 1 - i % GROUP], "reversed %u", i);
        CHECK(seen_scanned[i] == running, "scanned %u", i);
        uint32_t wave_sum = 0;
        for (uint32_t k = i / wave * wave; k < (i / wave + 1) * wave; ++k) {
            wave_sum += in[k];
        }
        CHECK(seen_sums[i] == wave_sum, "sum over the wave at %u", i);
        vote = (i % wave ? vote : 0) | (in[i] & 1ull) << (i % wave);
        CHECK((i + 1) % wave || seen_votes[i / wave] == vote, "vote %u", i / wave);
        bins[in[i] % 16]++;
        expected[0] = in[i] > expected[0] ? in[i] : expected[0];
        expected[1] = in[i] < expected[1] ? in[i] : expected[1];
        expected[2] ^= in[i];
        expected[3] |= 1u << (in[i] % 32);
        expected[4]++;
        sum += static_cast<unsigned long long>(in[i]) << 20;
        sum_real += static_cast<float>(in[i] % 8);
    }
    CHECK(to_host(words, 5) == expected, "atomics on 32 bits");
    CHECK(to_host(wide, 1)[0] == sum, "atomics on 64 bits");
    CHECK(to_host(real, 1)[0] == sum_real, "float atomics: %g", to_host(real, 1)[0]);
    CHECK(to_host(histogram, 16) == bins, "atomics in LDS");
    return 0;
}
