/* SPDX-License-Identifier: MIT */
/* Doorbells: no store is lost in any mode, trapped stores do what the processor would have done. */
#include "doorbell_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { EMPTY_KERNEL = 0x1000, SPINNING_KERNEL = 0x2000, LONG_KERNEL = 0x3000 };

/* A machine that is busy with other things may take this long for what takes it microseconds when
 * idle; a mode gets fewer rings there. */
enum { PATIENCE_US = 20 * 1000 * 1000, STRESS_US = 10 * 1000 * 1000 };

/* `--long` as the program's argument: more rings. */
static uint32_t stress_rings = 20000;
static uint64_t stress_us = STRESS_US;

static struct doorbell_fixture fixture;

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void idle_us(uint64_t us) {
    const uint64_t end = now_us() + us;
    if (us >= 200) {
        const struct timespec time = {.tv_nsec = (long)us * 1000};
        nanosleep(&time, NULL);
    }
    while (now_us() < end)
        __builtin_ia32_pause();
}

/// True when a store to an unbound doorbell is trapped now.
static bool page_is_protected(void) {
    const uint64_t before = sg_doorbell_caller_ns();
    *(volatile uint64_t *)(void *)(fixture.app_page + 4096) = 1;
    return sg_doorbell_caller_ns() != before;
}

static bool page_becomes_protected(void) {
    const uint64_t end = now_us() + PATIENCE_US;
    do
        sleep_ms(20);
    while (!page_is_protected() && now_us() < end);
    return page_is_protected();
}

static bool falls_asleep(const struct sg_cp_queue *queue) {
    const uint64_t end = now_us() + PATIENCE_US;
    while (!sg_cp_queue_is_asleep(queue) && now_us() < end)
        sched_yield();
    return sg_cp_queue_is_asleep(queue);
}

/// cmocka takes SIGSEGV over at the beginning of each test.
static bool start(enum sg_doorbell_mode mode, uint32_t queues) {
    doorbell_fixture_install_handler();
    return doorbell_fixture_init(&fixture, mode, queues);
}

static void start_or_skip(enum sg_doorbell_mode mode, uint32_t queues) {
    if (!start(mode, queues))
        skip();
}

static void stress(enum sg_doorbell_mode mode) {
    enum { QUEUES = 3 };
    uint32_t random = 12345;
    start_or_skip(mode, QUEUES);
    const uint64_t end = now_us() + stress_us;
    for (uint32_t i = 0; i < stress_rings && now_us() < end; i++) {
        random = random * 1664525u + 1013904223u;
        const uint32_t dice = random >> 16 & 0x3ff;
        if (dice < 4)
            idle_us(1000);
        else if (dice < 60)
            idle_us(dice * 3);
        if (!doorbell_fixture_round_trip(&fixture, (random >> 8) % QUEUES, EMPTY_KERNEL)) {
            sg_cp_dump(fixture.harness.cp, 2);
            fail_msg("ring %u was lost", i);
        }
    }
    doorbell_fixture_fini(&fixture);
}

static void no_doorbell_is_lost_in_auto(void **state) {
    (void)state;
    stress(SG_DOORBELL_AUTO);
}

static void no_doorbell_is_lost_in_trap(void **state) {
    (void)state;
    stress(SG_DOORBELL_TRAP);
}

static void no_doorbell_is_lost_in_uffd(void **state) {
    (void)state;
    stress(SG_DOORBELL_UFFD);
}

static void no_doorbell_is_lost_in_spin(void **state) {
    (void)state;
    stress(SG_DOORBELL_SPIN);
}

struct burst {
    uint32_t queue;
    uint32_t count;
};

static void *ring_in_bursts(void *argument) {
    const struct burst *burst = argument;
    for (uint32_t i = 0; i < burst->count; i++) {
        doorbell_fixture_launch(&fixture, burst->queue, EMPTY_KERNEL);
        if (i % 100 == 0)
            idle_us(i % 300);
    }
    return NULL;
}

static void threads_ring_several_queues_at_once(void **state) {
    (void)state;
    static const enum sg_doorbell_mode modes[] = {SG_DOORBELL_AUTO, SG_DOORBELL_TRAP,
                                                  SG_DOORBELL_UFFD, SG_DOORBELL_SPIN};
    enum { THREADS = 3, COUNT = 3000 };
    for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        pthread_t threads[THREADS];
        struct burst bursts[THREADS] = {{0, COUNT}, {1, COUNT}, {1, COUNT}};
        if (!start(modes[mode], 2))
            continue;
        for (int i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, ring_in_bursts, &bursts[i]);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < 2; i++)
            assert_true(app_signal_wait(&fixture.harness, fixture.signals[i], 0, 10000));
        assert_int_equal(fixture.harness.cu->done_count, THREADS * COUNT);
        doorbell_fixture_fini(&fixture);
    }
}

static void idle_page_is_protected_and_busy_page_is_open(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_AUTO, 1);
    assert_true(page_is_protected());
    sleep_ms(2);
    assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
    assert_int_equal(fixture.harness.cu->inline_done_count, 1);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        bool was_open = false;
        const uint64_t end = now_us() + PATIENCE_US;
        while (!was_open && now_us() < end) {
            assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
            const uint64_t before = sg_doorbell_caller_ns();
            assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
            was_open = sg_doorbell_caller_ns() == before;
        }
        assert_true(was_open);
    }
    assert_true(page_becomes_protected());
    doorbell_fixture_fini(&fixture);
}

static void spin_never_traps(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_SPIN, 2);
    const uint64_t before = sg_doorbell_caller_ns();
    for (int i = 0; i < 100; i++) {
        assert_true(doorbell_fixture_round_trip(&fixture, (uint32_t)i % 2, EMPTY_KERNEL));
        idle_us(i % 10 == 0 ? 1000 : 0);
    }
    assert_int_equal(sg_doorbell_caller_ns(), before);
    doorbell_fixture_fini(&fixture);
}

static void trap_runs_short_kernels_on_the_ringing_thread(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_TRAP, 1);
    for (int i = 0; i < 100; i++) {
        assert_true(falls_asleep(fixture.queues[0].queue));
        assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
    }
    /* A thread that is awake for whatever reason may take a packet first. */
    assert_in_range(fixture.harness.cu->inline_done_count, 50, 100);
    assert_int_equal(*(uint64_t *)(void *)fixture.device_page, 99);
    doorbell_fixture_fini(&fixture);
}

static void trap_hands_long_kernels_over(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_TRAP, 1);
    fake_cu_add_kernel(fixture.harness.cu, &(struct fake_kernel){.kernel_object = LONG_KERNEL,
                                                                 .instructions = 1000000});
    for (int i = 0; i < 5; i++)
        assert_true(doorbell_fixture_round_trip(&fixture, 0, LONG_KERNEL));
    assert_int_equal(fixture.harness.cu->inline_done_count, 0);
    assert_int_equal(fixture.harness.cu->done_count, 5);
    doorbell_fixture_fini(&fixture);
}

/// One queue's kernel spins until another queue's kernel has run; the other doorbell must get
/// through while the first queue's thread executes.
static void doorbells_reach_other_queues_while_a_kernel_runs(void **state) {
    (void)state;
    static const enum sg_doorbell_mode modes[] = {SG_DOORBELL_AUTO, SG_DOORBELL_TRAP,
                                                  SG_DOORBELL_UFFD, SG_DOORBELL_SPIN};
    for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        static _Atomic int flag;
        if (!start(modes[mode], 2))
            continue;
        fake_cu_add_kernel(
            fixture.harness.cu,
            &(struct fake_kernel){.kernel_object = SPINNING_KERNEL, .spin_until = &flag});
        fake_cu_add_kernel(fixture.harness.cu, &(struct fake_kernel){.kernel_object = LONG_KERNEL,
                                                                     .set_at_end = &flag});
        for (int i = 0; i < 20; i++) {
            atomic_store(&flag, 0);
            /* Make the page hot first, so that auto has it open. */
            for (int j = 0; j < 50; j++)
                assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
            doorbell_fixture_launch(&fixture, 0, SPINNING_KERNEL);
            idle_us((uint64_t)i * 20);
            assert_true(doorbell_fixture_round_trip(&fixture, 1, LONG_KERNEL));
            assert_true(app_signal_wait(&fixture.harness, fixture.signals[0], 0, 5000));
        }
        doorbell_fixture_fini(&fixture);
    }
}

static void one_processor_runs_everything_inline(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    start_or_skip(SG_DOORBELL_AUTO, 1);
    assert_true(falls_asleep(fixture.queues[0].queue));
    for (int i = 0; i < COUNT; i++)
        assert_true(doorbell_fixture_round_trip(&fixture, 0, EMPTY_KERNEL));
    /* One that is interrupted by other processes takes too long and is handed over. */
    assert_in_range(fixture.harness.cu->inline_done_count, COUNT * 9 / 10, COUNT);
    doorbell_fixture_fini(&fixture);
    sched_setaffinity(0, sizeof all, &all);
}

static uint64_t process_cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// Some 200 ms in which 2 % of a processor was not used.
static bool goes_idle(void) {
    const uint64_t end = now_us() + PATIENCE_US;
    uint64_t before;
    do {
        before = process_cpu_us();
        sleep_ms(200);
    } while (process_cpu_us() - before >= 4000 && now_us() < end);
    return now_us() < end;
}

static void idle_queues_burn_no_processor_time(void **state) {
    (void)state;
    static const enum sg_doorbell_mode modes[] = {SG_DOORBELL_AUTO, SG_DOORBELL_TRAP,
                                                  SG_DOORBELL_UFFD};
    for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        if (!start(modes[mode], 4))
            continue;
        for (int i = 0; i < 100; i++)
            assert_true(doorbell_fixture_round_trip(&fixture, (uint32_t)i % 4, EMPTY_KERNEL));
        assert_true(goes_idle());
        doorbell_fixture_fini(&fixture);
    }
}

static _Atomic bool is_ending;

static void *ring_for_ever(void *argument) {
    (void)argument;
    while (!atomic_load(&is_ending))
        for (uint32_t i = 0; i < FIXTURE_MAX_QUEUES; i++)
            __atomic_store_n((uint64_t *)(void *)(fixture.app_page + i * 8), 1, __ATOMIC_RELEASE);
    return NULL;
}

static void queues_come_and_go_under_ringing_threads(void **state) {
    (void)state;
    static const enum sg_doorbell_mode modes[] = {SG_DOORBELL_AUTO, SG_DOORBELL_TRAP,
                                                  SG_DOORBELL_UFFD, SG_DOORBELL_SPIN};
    for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        pthread_t thread;
        if (!start(modes[mode], 1))
            continue;
        atomic_store(&is_ending, false);
        pthread_create(&thread, NULL, ring_for_ever, NULL);
        for (int i = 0; i < 100; i++) {
            struct app_queue queue;
            const uint64_t signal = app_signal_create(&fixture.harness, 1, 0);
            app_queue_create(&fixture.harness, &queue, SG_CP_QUEUE_AQL, 16);
            sg_doorbell_bind(fixture.doorbell, 2, queue.queue);
            const struct abi_aql_dispatch packet = dispatch_packet(EMPTY_KERNEL, signal);
            app_queue_publish(&queue, &packet);
            assert_true(app_signal_wait(&fixture.harness, signal, 0, 5000));
            sg_doorbell_unbind(fixture.doorbell, 2);
            app_queue_destroy(&queue);
        }
        atomic_store(&is_ending, true);
        pthread_join(thread, NULL);
        doorbell_fixture_fini(&fixture);
    }
}

static void unmapped_page_is_forgotten(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_TRAP, 1);
    assert_true(sg_doorbell_owns(fixture.app_page + 8));
    assert_true(sg_doorbell_owns(fixture.app_page + FIXTURE_PAGE_BYTES - 1));
    assert_false(sg_doorbell_owns(fixture.app_page + FIXTURE_PAGE_BYTES));
    sg_doorbell_unmapped(fixture.doorbell, fixture.app_page - 4096, 4096);
    assert_true(sg_doorbell_owns(fixture.app_page));
    sg_doorbell_unmapped(fixture.doorbell, fixture.app_page, FIXTURE_PAGE_BYTES);
    assert_false(sg_doorbell_owns(fixture.app_page));
    doorbell_fixture_fini(&fixture);
}

static void device_side_store_rings(void **state) {
    (void)state;
    start_or_skip(SG_DOORBELL_AUTO, 1);
    const uint64_t signal = app_signal_create(&fixture.harness, 1, 0);
    const struct abi_aql_dispatch packet = dispatch_packet(EMPTY_KERNEL, signal);
    app_queue_publish(&fixture.queues[0], &packet);
    sg_doorbell_ring(fixture.doorbell, 0);
    sg_doorbell_ring(fixture.doorbell, 5);
    sg_doorbell_ring(fixture.doorbell, 1u << 30);
    assert_true(app_signal_wait(&fixture.harness, signal, 0, 5000));
    doorbell_fixture_fini(&fixture);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--long") == 0) {
        stress_rings = 100000;
        stress_us = 20 * (uint64_t)STRESS_US;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trap_runs_short_kernels_on_the_ringing_thread),
        cmocka_unit_test(trap_hands_long_kernels_over),
        cmocka_unit_test(idle_page_is_protected_and_busy_page_is_open),
        cmocka_unit_test(spin_never_traps),
        cmocka_unit_test(doorbells_reach_other_queues_while_a_kernel_runs),
        cmocka_unit_test(one_processor_runs_everything_inline),
        cmocka_unit_test(idle_queues_burn_no_processor_time),
        cmocka_unit_test(threads_ring_several_queues_at_once),
        cmocka_unit_test(queues_come_and_go_under_ringing_threads),
        cmocka_unit_test(unmapped_page_is_forgotten),
        cmocka_unit_test(device_side_store_rings),
        cmocka_unit_test(no_doorbell_is_lost_in_trap),
        cmocka_unit_test(no_doorbell_is_lost_in_auto),
        cmocka_unit_test(no_doorbell_is_lost_in_uffd),
        cmocka_unit_test(no_doorbell_is_lost_in_spin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
