/* SPDX-License-Identifier: MIT */
/* Trapped doorbells beside an application's own signals. Each case runs in a process of its own;
 * shim/signal.c is linked in and stands before libc's functions as the preloaded object does. */
#include "../kfd/doorbell_fixture.h"
#include "abi/sdma.h"
#include "softgpu/shim/signal.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

enum { PAGE = 4096, EMPTY_KERNEL = 0x1000, DEEP_KERNEL = 0x2000 };

static struct doorbell_fixture fixture;
static uint8_t *forbidden; ///< a page that can't be touched

/// One trapped doorbell that reaches its queue.
static void ring_and_check(void) {
    const uint32_t before = fixture.harness.cu->inline_done_count;
    CHECK(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
    CHECK(fixture.harness.cu->inline_done_count == before + 1);
}

/// How a child that runs `function` ends: its wait status.
static int status_of(void (*function)(void)) {
    const struct rlimit no_core = {0, 0};
    int status;
    const pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        function();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static bool was_killed_by(void (*function)(void), int number) {
    const int status = status_of(function);
    return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

static void touch(void) {
    *(volatile uint8_t *)forbidden = 1;
}

static void set_action(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(number, &action, NULL) == 0);
}

static volatile sig_atomic_t handled;
static void *volatile handled_address;
static volatile int handled_code;

static void open_page(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    handled = handled + 1;
    handled_address = info->si_addr;
    handled_code = info->si_code;
    mprotect(forbidden, PAGE, PROT_READ | PROT_WRITE);
}

static bool is_blocked(int number) {
    sigset_t set;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
    return sigismember(&set, number) == 1;
}

/* --- Cases --- */

static void doorbells_work_with_all_signals_blocked(void) {
    sigset_t all, seen;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    ring_and_check();
    CHECK(sigprocmask(SIG_BLOCK, NULL, &seen) == 0);
    for (int number = 1; number < 65; number++)
        if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
            CHECK(sigismember(&seen, number) == 1);
    sigemptyset(&all);
    sigaddset(&all, SIGSEGV);
    CHECK(sigprocmask(SIG_UNBLOCK, &all, NULL) == 0);
    CHECK(!is_blocked(SIGSEGV) && is_blocked(SIGUSR1));
    ring_and_check();
}

static void own_handler_gets_its_faults_only(void) {
    struct sigaction seen;
    set_action(SIGSEGV, open_page, 0);
    ring_and_check();
    CHECK(handled == 0);
    touch();
    CHECK(handled == 1 && handled_address == forbidden && handled_code == SEGV_ACCERR);
    CHECK(forbidden[0] == 1);
    ring_and_check();
    CHECK(sigaction(SIGSEGV, NULL, &seen) == 0);
    CHECK(seen.sa_sigaction == open_page && seen.sa_flags == SA_SIGINFO);
    CHECK(handled == 1);
}

static sigjmp_buf jump;

static void jump_out(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    siglongjmp(jump, 1);
}

static void handler_may_jump_out_again_and_again(void) {
    volatile int count = 0;
    set_action(SIGSEGV, jump_out, 0);
    while (count < 1000) {
        if (sigsetjmp(jump, 1) == 0) {
            touch();
            CHECK(false);
        }
        CHECK(!is_blocked(SIGSEGV));
        count = count + 1;
        if (count % 100 == 0)
            ring_and_check();
    }
}

static void jump_without_mask_then_fault(void) {
    set_action(SIGSEGV, jump_out, 0);
    if (sigsetjmp(jump, 0) == 0)
        touch();
    CHECK(is_blocked(SIGSEGV));
    touch();
}

static void fault_while_blocked_kills(void) {
    CHECK(was_killed_by(jump_without_mask_then_fault, SIGSEGV));
}

static void default_action_kills(void) {
    CHECK(was_killed_by(touch, SIGSEGV));
}

static void raise_segv(void) {
    raise(SIGSEGV);
}

static void sent_signal_kills_by_default(void) {
    CHECK(was_killed_by(raise_segv, SIGSEGV));
}

static void ignore_and_raise(void) {
    CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
    CHECK(raise(SIGSEGV) == 0);
}

static void ignore_and_touch(void) {
    ignore_and_raise();
    touch();
}

static void ignored_fault_kills(void) {
    CHECK(status_of(ignore_and_raise) == 0);
    CHECK(was_killed_by(ignore_and_touch, SIGSEGV));
}

static void count_and_return(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    handled = handled + 1;
    handled_code = info->si_code;
}

static void sent_signal_reaches_handler(void) {
    set_action(SIGSEGV, count_and_return, 0);
    CHECK(raise(SIGSEGV) == 0);
    CHECK(handled == 1 && handled_code == SI_TKILL);
}

static void touch_twice_with_reset(void) {
    set_action(SIGSEGV, open_page, (int)SA_RESETHAND);
    touch();
    struct sigaction seen;
    CHECK(handled == 1 && sigaction(SIGSEGV, NULL, &seen) == 0);
    CHECK(seen.sa_handler == SIG_DFL);
    mprotect(forbidden, PAGE, PROT_NONE);
    touch();
}

static void one_shot_handler_is_reset(void) {
    CHECK(was_killed_by(touch_twice_with_reset, SIGSEGV));
}

static void fault_again(int number, siginfo_t *info, void *context) {
    (void)context;
    if (handled == 0) {
        handled = 1;
        touch();
        CHECK(handled == 2);
        return;
    }
    open_page(number, info, NULL);
}

static void nest_deferred(void) {
    set_action(SIGSEGV, fault_again, 0);
    touch();
}

static void nest_undeferred(void) {
    set_action(SIGSEGV, fault_again, SA_NODEFER);
    touch();
    CHECK(handled == 2);
}

static void nested_fault_kills_unless_undeferred(void) {
    CHECK(was_killed_by(nest_deferred, SIGSEGV));
    CHECK(status_of(nest_undeferred) == 0);
}

static void check_masks(int number, siginfo_t *info, void *context) {
    CHECK(is_blocked(SIGSEGV) && is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
    open_page(number, info, context);
    ring_and_check(); /* doorbells trap inside the handler too */
}

static void handler_runs_with_its_mask(void) {
    struct sigaction action = {.sa_sigaction = check_masks, .sa_flags = SA_SIGINFO}, seen;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(sigaction(SIGSEGV, NULL, &seen) == 0);
    CHECK(sigismember(&seen.sa_mask, SIGUSR1) == 1 && sigismember(&seen.sa_mask, SIGUSR2) == 0);
    touch();
    CHECK(handled == 1);
    CHECK(!is_blocked(SIGSEGV) && !is_blocked(SIGUSR1));
}

static void ring_in_handler(int number) {
    (void)number;
    CHECK(is_blocked(SIGSEGV));
    ring_and_check();
    handled = 1;
}

static void doorbells_work_in_handlers_that_block_everything(void) {
    struct sigaction action = {.sa_handler = ring_in_handler}, seen;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &seen) == 0);
    CHECK(sigismember(&seen.sa_mask, SIGSEGV) == 1);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(handled == 1);
}

static void plain_handler(int number) {
    (void)number;
    handled = handled + 1;
    mprotect(forbidden, PAGE, PROT_READ | PROT_WRITE);
}

static void signal_returns_the_previous_handler(void) {
    CHECK(signal(SIGSEGV, plain_handler) == SIG_DFL);
    CHECK(signal(SIGSEGV, plain_handler) == plain_handler);
    CHECK(signal(64 + 1, plain_handler) == SIG_ERR);
    CHECK(sigaction(32, NULL, &(struct sigaction){0}) == -1);
    touch();
    CHECK(handled == 1);
    touch();
    CHECK(signal(SIGSEGV, SIG_DFL) == plain_handler);
    CHECK(signal(SIGUSR1, plain_handler) == SIG_DFL);
    CHECK(raise(SIGUSR1) == 0 && handled == 2);
}

static void *report_blocked(void *argument) {
    *(bool *)argument = is_blocked(SIGSEGV);
    ring_and_check();
    return NULL;
}

static void threads_inherit_the_mask(void) {
    sigset_t set;
    pthread_t thread;
    bool blocked = false;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, report_blocked, &blocked) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(blocked);
}

static void *ring_deep(void *argument) {
    (void)argument;
    for (int i = 0; i < 20; i++) {
        const uint32_t before = fixture.harness.cu->inline_done_count;
        CHECK(doorbell_fixture_round_trip(&fixture, 0, DEEP_KERNEL));
        CHECK(fixture.harness.cu->inline_done_count == before + 1);
    }
    return NULL;
}

static void threads_with_small_stacks_run_deep_kernels(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    fake_cu_add_kernel(fixture.harness.cu,
                       &(struct fake_kernel){.kernel_object = DEEP_KERNEL, .stack_bytes = 100000});
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 16 << 10) == 0);
    CHECK(pthread_create(&thread, &attributes, ring_deep, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void use_alternate_stack(void) {
    static _Alignas(64) uint8_t stack[64 << 10];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    CHECK(sigaltstack(&alternate, NULL) == 0);
}

static volatile size_t depth;

__attribute__((noinline)) static size_t overflow(size_t level) {
    volatile char frame[1024];
    frame[0] = (char)level;
    depth = level;
    if (level == SIZE_MAX)
        return 0;
    return overflow(level + 1) + (size_t)frame[0];
}

static void stack_overflow_reaches_handler_on_alternate_stack(void) {
    use_alternate_stack();
    set_action(SIGSEGV, jump_out, SA_ONSTACK);
    ring_and_check();
    if (sigsetjmp(jump, 1) == 0)
        overflow(0);
    CHECK(depth > 100);
    ring_and_check();
}

/// Inline work that meets vanished memory: the second fault's frame must not be laid over the
/// first one's on the alternate stack.
static void nested_device_fault_leaves_the_alternate_stack_alone(void) {
    enum { BYTES = 16384 };
    struct harness *harness = &fixture.harness;
    struct app_queue sdma;
    stack_t seen;
    const uint64_t base = UINT64_C(0x620000000000);
    use_alternate_stack();
    set_action(SIGSEGV, jump_out, SA_ONSTACK);
    uint8_t *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct sg_vm_range range = {.va = base,
                                      .bytes = BYTES,
                                      .host = memory,
                                      .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR};
    CHECK(sg_vm_map(harness->vm, &range) == 0);
    /* Unmapped, the address could be given to the next allocation, and nothing would fault. */
    CHECK(mprotect(memory, BYTES, PROT_NONE) == 0);
    app_queue_create(harness, &sdma, SG_CP_QUEUE_SDMA, 4096);
    sg_doorbell_bind(fixture.doorbell, 1, sdma.queue);
    sleep_ms(5);
    const uint64_t dst = harness_alloc(harness, BYTES);
    const struct abi_sdma_copy_linear packet = {.header = ABI_SDMA_COPY,
                                                .count = 4096 - 1,
                                                .src_lo = (uint32_t)base,
                                                .src_hi = (uint32_t)(base >> 32),
                                                .dst_lo = (uint32_t)dst,
                                                .dst_hi = (uint32_t)(dst >> 32)};
    app_sdma_publish(&sdma, (const uint32_t *)&packet, sizeof packet / 4);
    *(volatile uint64_t *)(void *)(fixture.app_page + 8) = 28;
    CHECK(wait_u32(&harness->memory_faults, 1, 5000));
    CHECK(harness->last_fault.va == base);
    CHECK(sigaltstack(NULL, &seen) == 0 && seen.ss_flags == 0 && seen.ss_size == 64 << 10);
    ring_and_check();
    sg_doorbell_unbind(fixture.doorbell, 1);
    app_queue_destroy(&sdma);
}

static void action_before_the_device_is_kept(void) {
    /* main() installed open_page before sg_signal_install for this case */
    struct sigaction seen;
    CHECK(sigaction(SIGSEGV, NULL, &seen) == 0 && seen.sa_sigaction == open_page);
    touch();
    CHECK(handled == 1);
    ring_and_check();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
#define CASE(name)                                                                                 \
    { #name, name }
    CASE(doorbells_work_with_all_signals_blocked),
    CASE(own_handler_gets_its_faults_only),
    CASE(handler_may_jump_out_again_and_again),
    CASE(fault_while_blocked_kills),
    CASE(default_action_kills),
    CASE(sent_signal_kills_by_default),
    CASE(ignored_fault_kills),
    CASE(sent_signal_reaches_handler),
    CASE(one_shot_handler_is_reset),
    CASE(nested_fault_kills_unless_undeferred),
    CASE(handler_runs_with_its_mask),
    CASE(doorbells_work_in_handlers_that_block_everything),
    CASE(signal_returns_the_previous_handler),
    CASE(threads_inherit_the_mask),
    CASE(threads_with_small_stacks_run_deep_kernels),
    CASE(stack_overflow_reaches_handler_on_alternate_stack),
    CASE(nested_device_fault_leaves_the_alternate_stack_alone),
    CASE(action_before_the_device_is_kept),
};

int main(int argc, char **argv) {
    alarm(50);
    forbidden = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc != 2 || strcmp(argv[1], cases[i].name) != 0)
            continue;
        if (cases[i].run == action_before_the_device_is_kept)
            set_action(SIGSEGV, open_page, 0);
        sg_signal_install();
        CHECK(doorbell_fixture_init(&fixture, SG_DOORBELL_TRAP, 1));
        sleep_ms(5); /* the queue's thread has started and sleeps */
        cases[i].run();
        return 0;
    }
    fprintf(stderr, "usage: %s CASE\n", argv[0]);
    return 2;
}
