/* SPDX-License-Identifier: MIT */
/// Ways to leave with kernels running: return from main, exit from another thread, _exit, a signal.
/// All end long before the kernels do, with the status that they give.
#include "e2e.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void start_long_work(void) {
    struct e2e e2e;
    struct e2e_kernel spin;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "spin", &spin);
    struct {
        uint64_t ticks;
        uint64_t *stamps;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    args->ticks = 60ull * 100000000; // a minute
    args->stamps = e2e_alloc(&e2e, e2e.host, 4096);
    const hsa_signal_t none = {0};
    for (int i = 0; i < 2; ++i) {
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        for (int k = 0; k < 10; ++k) {
            e2e_dispatch(queue, &spin, 256, 64, args, none);
        }
    }
    usleep(100000);
}

static void *leave(void *unused) {
    (void)unused;
    exit(13);
}

static int child(const char *way) {
    start_long_work();
    if (strcmp(way, "thread") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, leave, NULL);
        pause();
    } else if (strcmp(way, "_exit") == 0) {
        _exit(13);
    } else if (strcmp(way, "signal") == 0) {
        raise(SIGTERM);
    }
    return 13;
}

int main(int argc, char **argv) {
    static const char *const ways[] = {"return", "thread", "_exit", "signal"};
    if (argc > 1) {
        return child(argv[1]);
    }
    struct e2e e2e;
    e2e_open(&e2e);
    e2e_close();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
        struct e2e_child result;
        e2e_child(ways[i], 40, NULL, NULL, &result); // the first kernels take 60 s
        CHECK(!result.timed_out, "%s waits for its kernels", ways[i]);
        if (strcmp(ways[i], "signal") == 0) {
            CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGTERM, "status 0x%x",
                  (unsigned)result.status);
        } else {
            CHECK(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 13,
                  "%s: status 0x%x: %s", ways[i], (unsigned)result.status, result.output);
        }
    }
    return 0;
}
