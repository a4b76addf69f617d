/* SPDX-License-Identifier: MIT */
/// The thread that rings has every signal blocked (sigfillset: SIGSEGV too) through each of the
/// calls that block, and rings after the device went idle. The program's own view of its mask stays
/// what it set.
#include "e2e.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct e2e e2e;
static hsa_queue_t *queue;

static void dispatch_from_idle(void) {
    usleep(50000);
    e2e_vector_add(&e2e, queue, 1000);
}

static void expect_mask(bool blocked) {
    sigset_t now;
    sigemptyset(&now);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0, "pthread_sigmask");
    CHECK(sigismember(&now, SIGSEGV) == blocked, "the mask says that SIGSEGV is %sblocked",
          blocked ? "not " : "");
    CHECK(sigismember(&now, SIGUSR1) == blocked, "the mask lost SIGUSR1");
}

static void *child_of_blocked(void *unused) {
    (void)unused;
    expect_mask(true); // inherited
    dispatch_from_idle();
    return NULL;
}

int main(void) {
    sigset_t all, none, before;
    pthread_t thread;
    sigfillset(&all);
    sigemptyset(&none);

    // Before the software GPU even exists.
    CHECK(sigprocmask(SIG_SETMASK, &all, &before) == 0, "sigprocmask");
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    expect_mask(true);
    dispatch_from_idle();
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0, "sigprocmask");
    expect_mask(false);
    dispatch_from_idle();

    CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0, "pthread_sigmask");
    expect_mask(true);
    dispatch_from_idle();
    CHECK(pthread_create(&thread, NULL, child_of_blocked, NULL) == 0, "pthread_create");
    CHECK(pthread_join(thread, NULL) == 0, "pthread_join");
    CHECK(pthread_sigmask(SIG_UNBLOCK, &all, NULL) == 0, "pthread_sigmask");
    expect_mask(false);
    dispatch_from_idle();
    e2e_close();
    return 0;
}
