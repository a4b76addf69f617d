/* SPDX-License-Identifier: MIT */
/* Kernels that wait for something always get it, with one worker and with several. */
#include "harness.h"
#include "kernels.h"
#include "softgpu/cu/dispatch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct bench bench;

static int setup_one_worker(void **state) {
    (void)state;
    bench_init(&bench, 104, 1);
    return 0;
}
static int setup_three_workers(void **state) {
    (void)state;
    bench_init(&bench, 104, 3);
    return 0;
}
static int setup_two_units(void **state) {
    (void)state;
    bench_init(&bench, 2, 1);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    bench_fini(&bench);
    return 0;
}

/* A run of one dispatch on a thread of its own. */
struct runner {
    pthread_t thread;
    struct sg_dispatch *dispatch;
    struct sg_fault fault;
    enum sg_run_state result;
};

static void *runner_main(void *argument) {
    struct runner *runner = argument;
    runner->result = sg_dispatch_run(runner->dispatch, UINT64_MAX, false, &runner->fault);
    return NULL;
}

static void runner_start(struct runner *runner, const struct sg_dispatch_config *config) {
    runner->dispatch = sg_dispatch_create(bench.cu);
    assert_non_null(runner->dispatch);
    assert_int_equal(sg_dispatch_init(runner->dispatch, config, false), SG_DISPATCH_OK);
    assert_int_equal(pthread_create(&runner->thread, NULL, runner_main, runner), 0);
}

static enum sg_run_state runner_join(struct runner *runner) {
    pthread_join(runner->thread, NULL);
    sg_dispatch_destroy(runner->dispatch);
    return runner->result;
}

static uint32_t load(size_t index) {
    return __atomic_load_n((uint32_t *)bench.data + index, __ATOMIC_ACQUIRE);
}
static void store(size_t index, uint32_t value) {
    __atomic_store_n((uint32_t *)bench.data + index, value, __ATOMIC_RELEASE);
}
static void wait_for(size_t index, uint32_t value) {
    while (load(index) != value) {
        usleep(100);
    }
}

static void two_groups_may_wait_for_each_other(void **state) {
    (void)state;
    struct sg_fault fault;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_meet, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 2 * 64, 64);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_DONE);
    assert_int_equal(load(0), 1);
    assert_int_equal(load(1), 1);
}

static void all_resident_groups_may_wait_for_each_other(void **state) {
    (void)state;
    enum { GROUPS = 2 * 32, OUT = 4096 };
    struct sg_fault fault;
    ((uint64_t *)bench.data)[0] = BENCH_DATA_VA + 64;
    ((uint64_t *)bench.data)[1] = BENCH_DATA_VA + OUT;
    ((uint64_t *)bench.data)[2] = GROUPS;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_place, NULL);
    /* Three times as many as fit: the later ones find the counter high enough. */
    const struct sg_dispatch_config config = bench_launch(kernel, 3 * GROUPS * 64, 64);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_DONE);
    bool seen[1 << 16] = {false};
    for (uint32_t i = 0; i < GROUPS; i++) { /* these were all there at once */
        const uint32_t id = load(OUT / 4 + i);
        assert_true((id >> 13 & 7) < 2 && (id >> 8 & 0xf) == 0); /* units 0 and 1 */
        assert_false(seen[id & 0xffff]);
        seen[id & 0xffff] = true;
    }
}

static void no_more_groups_are_resident_than_fit(void **state) {
    (void)state;
    enum { GROUPS = 2 * 32, OUT = 4096 };
    ((uint64_t *)bench.data)[0] = BENCH_DATA_VA + 64;
    ((uint64_t *)bench.data)[1] = BENCH_DATA_VA + OUT;
    ((uint64_t *)bench.data)[2] = GROUPS + 1; /* waits for one that is not let in */
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_place, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 3 * GROUPS * 64, 64);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(16, GROUPS);
    usleep(100000);
    assert_int_equal(load(16), GROUPS);
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
    assert_int_equal(runner.fault.cause, SG_FAULT_KILLED);
}

static void mask_shrinks_residency(void **state) {
    (void)state;
    enum { GROUPS = 3 * 32, OUT = 4096 };
    const uint32_t mask[] = {0, 0, 0, 0x00000086}; /* units 97, 98 and 103 */
    ((uint64_t *)bench.data)[0] = BENCH_DATA_VA + 64;
    ((uint64_t *)bench.data)[1] = BENCH_DATA_VA + OUT;
    ((uint64_t *)bench.data)[2] = GROUPS;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_place, NULL);
    struct sg_dispatch_config config = bench_launch(kernel, 2 * GROUPS * 64, 64);
    config.cu_mask = mask;
    config.cu_mask_count = 128;
    struct sg_fault fault;
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_DONE);
    for (uint32_t i = 0; i < 2 * GROUPS; i++) {
        const uint32_t id = load(OUT / 4 + i);
        const uint32_t unit = (id >> 8 & 0xf) * 8 + (id >> 13 & 7);
        assert_true(unit == 97 || unit == 98 || unit == 103);
    }
    ((uint64_t *)bench.data)[2] = GROUPS + 1;
    store(16, 0);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(16, GROUPS);
    usleep(50000);
    assert_int_equal(load(16), GROUPS);
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
}

static void kernel_sees_what_the_host_writes_meanwhile(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_await, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(1, 1);
    usleep(20000);
    store(0, 21);
    assert_int_equal(runner_join(&runner), SG_RUN_DONE);
    assert_int_equal(load(2), 42);
}

static void waiting_kernel_leaves_the_processor_alone(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_await, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(1, 1);
    clockid_t clock;
    struct timespec before;
    struct timespec after;
    assert_int_equal(pthread_getcpuclockid(runner.thread, &clock), 0);
    /* It looks often at first, and on a busy machine that lasts. */
    int64_t used_ns = INT64_MAX;
    for (int tries = 0; tries < 20 && used_ns >= 20000000; tries++) { /* 10 % */
        clock_gettime(clock, &before);
        usleep(200000);
        clock_gettime(clock, &after);
        used_ns = (after.tv_sec - before.tv_sec) * 1000000000 + (after.tv_nsec - before.tv_nsec);
    }
    store(0, 1);
    assert_int_equal(runner_join(&runner), SG_RUN_DONE);
    assert_true(used_ns < 20000000);
}

static void kernels_of_two_queues_run_beside_each_other(void **state) {
    (void)state;
    const uint64_t waiting = BENCH_LOAD(&bench, kernel_await, NULL);
    struct runner first;
    struct sg_dispatch_config config = bench_launch(waiting, 64, 64);
    runner_start(&first, &config);
    wait_for(1, 1);
    struct sg_fault fault;
    ((uint64_t *)bench.data)[64] = 1000; /* counts down from here */
    config = bench_launch(BENCH_LOAD(&bench, kernel_countdown, NULL), 64, 64);
    config.kernarg_va = BENCH_DATA_VA + 512;
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_DONE);
    assert_int_equal(load(512 / 4 + 1), 1);
    store(0, 1);
    assert_int_equal(runner_join(&first), SG_RUN_DONE);
}

static void run_busy(uint32_t loops, uint32_t groups) {
    struct sg_fault fault;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_busy, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, groups * 64, 64);
    store(0, loops);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_DONE);
    assert_int_equal(bench.interrupts, groups);
}

static void long_grid_gets_help(void **state) {
    (void)state;
    run_busy(200000, 64);
    assert_true(bench.foreign > 0 && bench.foreign < 64); /* and the owner takes part */
}

static uint32_t thread_count(void) {
    struct stat info;
    assert_int_equal(stat("/proc/self/task", &info), 0);
    return (uint32_t)info.st_nlink; /* a directory per thread, and two */
}

static void short_grid_wakes_nobody(void **state) {
    (void)state;
    const uint32_t before = thread_count();
    run_busy(10, 16);
    assert_int_equal(bench.foreign, 0);
    assert_int_equal(thread_count(), before); /* not even started */
}

static int64_t process_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void idle_workers_burn_nothing(void **state) {
    (void)state;
    run_busy(200000, 64);
    int64_t used_ns = INT64_MAX;
    for (int tries = 0; tries < 20 && used_ns >= 3000000; tries++) { /* 1 %, once they are idle */
        const int64_t before = process_cpu_ns();
        usleep(300000);
        used_ns = process_cpu_ns() - before;
    }
    assert_true(used_ns < 3000000);
}

static void infinite_loop_can_be_killed(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 1000 * 256, 256);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(0, 1);
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
    assert_int_equal(runner.fault.cause, SG_FAULT_KILLED);
}

static void kill_before_the_run_is_not_lost(void **state) {
    (void)state;
    struct sg_fault fault;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    sg_dispatch_kill(dispatch);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    assert_int_equal(sg_dispatch_run(dispatch, UINT64_MAX, false, &fault), SG_RUN_FAULT);
    assert_int_equal(fault.cause, SG_FAULT_KILLED);
    sg_dispatch_destroy(dispatch);
}

static void budget_returns_control(void **state) {
    (void)state;
    struct sg_fault fault;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_countdown, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64 * 4, 64);
    store(0, 1000000);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    uint32_t rounds = 0;
    enum sg_run_state result;
    while ((result = sg_dispatch_run(dispatch, 100000, false, &fault)) == SG_RUN_BUDGET) {
        rounds++;
    }
    assert_int_equal(result, SG_RUN_DONE);
    /* 12 million instructions; what helpers execute, which may be nearly all, is not counted. */
    assert_true(rounds < 1000 && (rounds > 10 || bench.worker_count > 1));
    assert_int_equal(load(1), 1);
    sg_dispatch_destroy(dispatch);
}

/* Three threads and, after a while, fewer work-groups than threads: sometimes it is the owner that
 * has none. */
static void budget_returns_control_while_workers_hold_everything(void **state) {
    (void)state;
    struct sg_fault fault;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_straggler, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 3 * 64, 64);
    store(0, 1000000);
    alarm(50); /* it would never return; sanitizers are slow */
    for (int i = 0; i < 5; i++) {
        struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
        assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
        assert_int_equal(sg_dispatch_run(dispatch, 10000000, false, &fault), SG_RUN_BUDGET);
        sg_dispatch_kill(dispatch);
        assert_int_equal(sg_dispatch_run(dispatch, 1, false, &fault), SG_RUN_FAULT);
        sg_dispatch_destroy(dispatch);
    }
    alarm(0);
}

/* What idle threads look at: were it true while another holds all, they would try without end. */
static void held_groups_are_not_offered(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(0, 1);
    alarm(50); /* it would always be offered, not just between two visits */
    while (atomic_load(&runner.dispatch->takeable) != 0)
        usleep(200);
    alarm(0);
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
}

static void drain_waits_only_for_a_yield_point(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    struct runner runner;
    runner_start(&runner, &config);
    wait_for(0, 1);
    for (int i = 0; i < 100; i++) {
        sg_cu_drain(bench.cu); /* would never return if it waited for the kernel */
    }
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
}

static void drained_memory_is_not_touched_again(void **state) {
    (void)state;
    const uint64_t va = UINT64_C(0x7f0000a00000);
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(words, MAP_FAILED);
    const struct sg_vm_range range = {
        .va = va, .bytes = 4096, .host = (uint8_t *)words, .flags = SG_VM_READ | SG_VM_WRITE};
    assert_int_equal(sg_vm_map(bench.vm, &range), 0);
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_poll, NULL);
    struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    config.kernarg_va = va;
    struct runner runner;
    runner_start(&runner, &config);
    while (__atomic_load_n(&words[1], __ATOMIC_ACQUIRE) == 0) {
        usleep(100);
    }
    assert_int_equal(sg_vm_unmap(bench.vm, va, 4096), 0);
    sg_cu_drain(bench.cu);
    munmap(words, 4096); /* touching it now would be SIGSEGV */
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
    assert_int_equal(runner.fault.cause, SG_FAULT_MEMORY_UNMAPPED);
    assert_int_equal(runner.fault.va, va);
}

/* What a dump says; the wave that comes last may take its time to begin. */
static bool dump_has_all_waves(const struct sg_dispatch *dispatch, uint64_t kernel) {
    int ends[2];
    char text[4096];
    char wanted[128];
    size_t length = 0;
    ssize_t part;
    assert_int_equal(pipe(ends), 0);
    sg_dispatch_dump(dispatch, ends[1]);
    close(ends[1]);
    while ((part = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)part;
    }
    close(ends[0]);
    text[length] = 0;
    for (uint32_t group = 0; group < 2; group++) {
        for (uint32_t wave = 0; wave < 2; wave++) {
            snprintf(wanted, sizeof wanted, "workgroup %u,0,0 wave %u: kernel 0x%llx+0x", group,
                     wave, (unsigned long long)kernel + 256);
            if (!strstr(text, wanted)) {
                return false;
            }
        }
    }
    assert_non_null(strstr(text, "s_branch"));
    assert_non_null(strstr(text, "exec=0xffffffffffffffff"));
    return true;
}

static void dump_shows_where_waves_are(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 2 * 128, 128);
    struct runner runner;
    runner_start(&runner, &config);
    while (!dump_has_all_waves(runner.dispatch, kernel)) { /* CTest's timeout is the limit */
        usleep(1000);
    }
    sg_dispatch_kill(runner.dispatch);
    assert_int_equal(runner_join(&runner), SG_RUN_FAULT);
}

#define ONE(test)   cmocka_unit_test_setup_teardown(test, setup_one_worker, teardown)
#define THREE(test) cmocka_unit_test_setup_teardown(test, setup_three_workers, teardown)
#define SMALL(test) cmocka_unit_test_setup_teardown(test, setup_two_units, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(two_groups_may_wait_for_each_other),
        THREE(two_groups_may_wait_for_each_other),
        SMALL(all_resident_groups_may_wait_for_each_other),
        SMALL(no_more_groups_are_resident_than_fit),
        ONE(mask_shrinks_residency),
        THREE(mask_shrinks_residency),
        ONE(kernel_sees_what_the_host_writes_meanwhile),
        ONE(waiting_kernel_leaves_the_processor_alone),
        THREE(kernels_of_two_queues_run_beside_each_other),
        THREE(long_grid_gets_help),
        THREE(short_grid_wakes_nobody),
        THREE(idle_workers_burn_nothing),
        ONE(infinite_loop_can_be_killed),
        THREE(infinite_loop_can_be_killed),
        ONE(kill_before_the_run_is_not_lost),
        ONE(budget_returns_control),
        THREE(budget_returns_control),
        THREE(budget_returns_control_while_workers_hold_everything),
        ONE(held_groups_are_not_offered),
        ONE(drain_waits_only_for_a_yield_point),
        ONE(drained_memory_is_not_touched_again),
        THREE(dump_shows_where_waves_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
