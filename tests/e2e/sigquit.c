/* SPDX-License-Identifier: MIT */
/// SIGQUIT of a program whose kernel hangs prints where each of its waves stands, and it goes on.
#include "e2e.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int child(void) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    e2e_open(&e2e);
    e2e_kernel(&e2e, "hang", &kernel);
    struct {
        uint32_t *arrived;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    uint32_t *arrived = args->arrived = e2e_alloc(&e2e, e2e.host, 4096);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    const hsa_signal_t done = e2e_signal(1);
    e2e_dispatch(queue, &kernel, 2, 1, args, done);
    for (int group = 0; group < 2; ++group) {
        while (__atomic_load_n(&arrived[group], __ATOMIC_ACQUIRE) == 0) {
            usleep(1000);
        }
    }
    raise(SIGQUIT);
    fprintf(stderr, "going on\n");
    return 0;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        return child();
    }
    struct e2e e2e;
    e2e_open(&e2e);
    e2e_close();
    struct e2e_child result;
    e2e_child("child", 50, NULL, NULL, &result);
    const char *first = strstr(result.output, "hang+0x");
    CHECK(first, "no wave of the kernel in: %s", result.output);
    CHECK(strstr(first + 1, "hang+0x"), "only one of two waves in: %s", result.output);
    CHECK(strstr(result.output, "workgroup 1,0,0"), "the work-group isn't named in: %s",
          result.output);
    CHECK(result.status == 0 && strstr(result.output, "going on"), "it ended: %s", result.output);
    return 0;
}
