/* SPDX-License-Identifier: MIT */
/// printf on the device: a host call that the kernel waits for.
#include "hip_e2e.h"

#include <string>
#include <unistd.h>

__global__ void say(int base) {
    printf("item %d says %s %.2f\n", base + (int)threadIdx.x, "hello", 1.5);
}

int main() {
    need_gpu();
    char path[] = "/tmp/hsaprobe-printf-XXXXXX";
    const int file = mkstemp(path);
    CHECK(file >= 0, "mkstemp");
    unlink(path);
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    dup2(file, STDOUT_FILENO);
    say<<<1, 4>>>(100);
    HIP(hipDeviceSynchronize());
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    char text[4096] = "";
    CHECK(pread(file, text, sizeof text - 1, 0) > 0, "nothing was printed");
    for (int i = 100; i < 104; ++i) {
        const std::string line = "item " + std::to_string(i) + " says hello 1.50\n";
        CHECK(strstr(text, line.c_str()), "no line '%s' in '%s'", line.c_str(), text);
    }
    return 0;
}
