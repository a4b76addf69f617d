/* SPDX-License-Identifier: MIT */
/// hipExtStreamCreateWithCUMask: kernels of the stream see only the compute units of its mask in
/// HW_ID, however large their grid; other streams keep all; the mask can be read back.
#include "hip_cases.h"

#include <algorithm>
#include <set>

/// HW_ID of every block: SE_ID (bits 13 to 15), SH_ID (12), CU_ID (8 to 11).
__global__ void where(uint32_t *ids) {
    uint32_t id;
    asm volatile("s_getreg_b32 %0, hwreg(HW_REG_HW_ID)" : "=s"(id));
    if (threadIdx.x == 0) {
        ids[blockIdx.x] = id >> 8 & 0xff;
    }
}

static std::set<uint32_t> units_of(hipStream_t stream, uint32_t blocks) {
    uint32_t *ids;
    HIP(hipMalloc(&ids, blocks * 4));
    where<<<blocks, 64, 0, stream>>>(ids);
    HIP(hipStreamSynchronize(stream));
    const std::vector<uint32_t> seen = to_host(ids, blocks);
    HIP(hipFree(ids));
    return std::set<uint32_t>(seen.begin(), seen.end());
}

static uint32_t mask_words() {
    int units = 0;
    HIP(hipDeviceGetAttribute(&units, hipDeviceAttributeMultiprocessorCount, 0));
    return (static_cast<uint32_t>(units) + 31) / 32;
}

static size_t overlap(const std::set<uint32_t> &a, const std::set<uint32_t> &b) {
    return static_cast<size_t>(
        std::count_if(a.begin(), a.end(), [&](uint32_t unit) { return b.count(unit) > 0; }));
}

static void limits_the_units() {
    const uint32_t words = mask_words();
    for (uint32_t wanted : {1u, 2u, 8u}) {
        std::vector<uint32_t> mask(words, 0), seen(words, 0);
        hipStream_t stream;
        mask[0] = (1u << wanted) - 1;
        HIP(hipExtStreamCreateWithCUMask(&stream, words, mask.data()));
        HIP(hipExtStreamGetCUMask(stream, words, seen.data()));
        CHECK(seen[0] == mask[0], "mask %x became %x", mask[0], seen[0]);
        const size_t units = units_of(stream, 300).size();
        CHECK(units >= 1 && units <= wanted, "%zu units for a mask of %u", units, wanted);
        HIP(hipStreamDestroy(stream));
    }
}

/// Masks with no unit in common show no unit in common.
static void disjoint() {
    const uint32_t words = mask_words();
    hipStream_t streams[4];
    std::set<uint32_t> units[4];
    for (uint32_t s = 0; s < 4; ++s) {
        std::vector<uint32_t> mask(words, 0);
        mask[0] = 0xfu << s * 8;
        HIP(hipExtStreamCreateWithCUMask(&streams[s], words, mask.data()));
    }
    for (int s = 0; s < 4; ++s) {
        units[s] = units_of(streams[s], 400);
        CHECK(!units[s].empty() && units[s].size() <= 4, "%zu units", units[s].size());
        for (int other = 0; other < s; ++other) {
            CHECK(overlap(units[s], units[other]) == 0, "streams %d and %d share units", s, other);
        }
    }
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
}

static void others_keep_all() {
    const uint32_t words = mask_words();
    std::vector<uint32_t> mask(words, 0);
    hipStream_t masked, plain;
    mask[0] = 1;
    HIP(hipStreamCreateWithFlags(&plain, hipStreamNonBlocking));
    HIP(hipExtStreamCreateWithCUMask(&masked, words, mask.data()));
    const std::set<uint32_t> one = units_of(masked, 100), all = units_of(plain, 2000);
    CHECK(one.size() == 1, "%zu units", one.size());
    CHECK(all.size() > 1, "a plain stream has %zu units", all.size());
    HIP(hipStreamDestroy(masked));
    HIP(hipStreamDestroy(plain));
}

static void refused() {
    hipStream_t stream;
    uint32_t mask = 1;
    CHECK(hipExtStreamCreateWithCUMask(&stream, 0, &mask) == hipErrorInvalidValue, "no words");
    CHECK(hipExtStreamCreateWithCUMask(&stream, 1, nullptr) == hipErrorInvalidValue, "no mask");
    (void)hipGetLastError();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"limits_the_units", limits_the_units},
        {"disjoint", disjoint},
        {"others_keep_all", others_keep_all},
        {"refused", refused},
    };
    return run_cases(cases, argc, argv);
}
