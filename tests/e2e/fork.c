/* SPDX-License-Identifier: MIT */
/// Around fork and exec: the parent goes on after a child that only ends, one that calls exec, and
/// one that uses the GPU itself from the start; a child born before hsa_init has a GPU of its own.
#include "e2e.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_exit(pid_t pid, const char *what) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "%s: status 0x%x", what, (unsigned)status);
}

static int work(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    e2e_vector_add(&e2e, queue, 5000);
    e2e_close();
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return work();
    }
    pid_t pid = fork();
    if (pid == 0) {
        exit(work());
    }
    expect_exit(pid, "forked before hsa_init");

    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    e2e_vector_add(&e2e, queue, 5000);

    pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    expect_exit(pid, "forked, _exit at once");
    e2e_vector_add(&e2e, queue, 5000);

    pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", argv[0], "work", (char *)NULL);
        _exit(126);
    }
    // Both at the same time.
    for (int i = 0; i < 5; ++i) {
        e2e_vector_add(&e2e, queue, 5000);
    }
    expect_exit(pid, "forked and executed itself");
    CHECK(system("exit 0") == 0, "system");
    e2e_vector_add(&e2e, queue, 5000);
    e2e_close();

    // The last act: this process becomes a new program, device and all.
    execl("/proc/self/exe", argv[0], "work", (char *)NULL);
    return 1;
}
