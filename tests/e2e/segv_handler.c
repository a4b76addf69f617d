/* SPDX-License-Identifier: MIT */
/// The application's own SIGSEGV handler gets the application's faults, with the right address, and
/// not the device's; sigaction gives back what the application set; and a fault that nobody handles
/// still kills.
#include "e2e.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct e2e e2e;
static hsa_queue_t *queue;
static sigjmp_buf back;
static volatile sig_atomic_t caught;
static void *volatile caught_address;

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    caught++;
    caught_address = info->si_addr;
    siglongjmp(back, 1);
}

static void on_fault_plain(int number) {
    (void)number;
    caught++;
    siglongjmp(back, 1);
}

static void dispatch_from_idle(void) {
    usleep(50000);
    e2e_vector_add(&e2e, queue, 1000);
}

static void fault_at(volatile char *address, bool with_address) {
    const int before = caught;
    if (sigsetjmp(back, 1) == 0) {
        *address = 1;
    }
    CHECK(caught == before + 1, "the handler ran %d times", caught - before);
    CHECK(!with_address || caught_address == address, "handler saw %p", caught_address);
}

static int die_of_fault(volatile char *address) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    dispatch_from_idle();
    fprintf(stderr, "crashing now\n");
    *address = 1;
    return 0;
}

static void handlers(char *forbidden, bool installed_before) {
    struct sigaction action = {.sa_flags = SA_SIGINFO}, old;
    action.sa_sigaction = on_fault;
    if (!installed_before) {
        CHECK(sigaction(SIGSEGV, &action, &old) == 0, "sigaction");
        CHECK(old.sa_handler == SIG_DFL, "a handler that the application never set");
    }
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_sigaction == on_fault,
          "sigaction's answer");
    dispatch_from_idle();
    CHECK(caught == 0, "the application got a fault of the device");
    fault_at(forbidden, true);
    dispatch_from_idle();
    fault_at(forbidden + 1234, true);
    CHECK(signal(SIGSEGV, on_fault_plain) != SIG_ERR, "signal");
    fault_at(forbidden, false);
    dispatch_from_idle();
    CHECK(signal(SIGSEGV, SIG_DFL) == on_fault_plain, "signal's answer");
    dispatch_from_idle();
}

int main(int argc, char **argv) {
    char *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (argc > 1 && strcmp(argv[1], "die") == 0) {
        return die_of_fault(forbidden);
    }
    const bool before = argc > 1; // installed before the device is opened
    if (before) {
        struct sigaction action = {.sa_flags = SA_SIGINFO};
        action.sa_sigaction = on_fault;
        CHECK(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
    }
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    handlers(forbidden, before);
    e2e_close();
    if (!before) {
        struct e2e_child result;
        e2e_child("before", 40, NULL, NULL, &result);
        CHECK(result.status == 0, "handler installed before hsa_init: %s", result.output);
        e2e_child("die", 20, NULL, NULL, &result);
        CHECK(strstr(result.output, "crashing now"), "%s", result.output);
        CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGSEGV,
              "an unhandled fault ended in status 0x%x", (unsigned)result.status);
    }
    return 0;
}
