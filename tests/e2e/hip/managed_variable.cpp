/* SPDX-License-Identifier: MIT */
/// Variables that host and device share by name. Without a GPU such a program dies in HIP 5.2
/// before main.
#include "hip_cases.h"

__managed__ uint32_t words[64] = {7, 8, 9};
__managed__ double scalar;

__global__ void add(uint32_t more) {
    words[threadIdx.x] += more;
    if (threadIdx.x == 0) {
        scalar += 0.5;
    }
}

static void host_and_device_in_turn() {
    CHECK(words[0] == 7 && words[2] == 9 && words[63] == 0 && scalar == 0, "%u %u", words[0],
          words[2]);
    for (uint32_t round = 1; round <= 5; ++round) {
        words[1] += 100;
        add<<<1, 64>>>(2);
        HIP(hipGetLastError());
        HIP(hipDeviceSynchronize());
        CHECK(words[0] == 7 + 2 * round && words[1] == 8 + 102 * round && words[63] == 2 * round,
              "round %u: %u %u %u", round, words[0], words[1], words[63]);
        CHECK(scalar == 0.5 * round, "round %u: %g", round, scalar);
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {{"host_and_device_in_turn", host_and_device_in_turn}};
    return run_cases(cases, argc, argv);
}
