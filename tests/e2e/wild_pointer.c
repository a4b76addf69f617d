/* SPDX-License-Identifier: MIT */
/// A store to an unmapped address ends in ROCr's own memory-fault report, which names the page, and
/// in abort(); likewise a store to memory that was freed.
#include "e2e.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define WILD 0x7d0000123000ull

static int child(const char *what) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "wild_store", &kernel);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    uint64_t *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    void *memory = e2e_alloc(&e2e, e2e.device, 64u << 20);
    const hsa_signal_t done = e2e_signal(1);
    *args = WILD + 0x468;
    if (strcmp(what, "freed") == 0) {
        // The last thing before the dispatch, so that nothing else takes its place.
        HSA(hsa_amd_memory_pool_free(memory));
        *args = (uint64_t)(uintptr_t)memory;
    }
    fprintf(stderr, "storing to 0x%lx\n", *args);
    e2e_dispatch(queue, &kernel, 64, 64, args, done);
    e2e_wait(done);
    e2e_close();
    return 0;
}

static void expect_fault(const char *what) {
    struct e2e_child result;
    unsigned long stored = 0, reported = 0;
    e2e_child(what, 30, NULL, NULL, &result);
    const char *said = strstr(result.output, "storing to ");
    const char *report = strstr(result.output, "Memory access fault by GPU node-");
    CHECK(said && report, "%s", result.output);
    const char *address = strstr(report, "on address ");
    CHECK(address && sscanf(address, "on address %lx", &reported) == 1, "%s", result.output);
    CHECK(sscanf(said, "storing to %lx", &stored) == 1, "%s", result.output);
    CHECK(reported == (stored & ~0xffful), "stored to 0x%lx: %s", stored, result.output);
    CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGABRT, "status 0x%x: %s",
          (unsigned)result.status, result.output);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return child(argv[1]);
    }
    struct e2e e2e;
    e2e_open(&e2e);
    e2e_close();
    expect_fault("wild");
    expect_fault("freed");
    return 0;
}
