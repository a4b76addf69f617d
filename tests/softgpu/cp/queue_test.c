/* SPDX-License-Identifier: MIT */
/* Who runs a queue: creation, suspend and resume, destruction under load, inline runs. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { KERNEL = 0x1000, ENDLESS = 0x2000, LONG = 0x3000, UNDECODED = 0x4000, TIMEOUT_MS = 5000 };

static const _Atomic int never;

struct fixture {
    struct harness harness;
    struct app_queue app;
};

static int setup(void **state) {
    static struct fixture fixture;
    harness_init(&fixture.harness, NULL);
    fake_cu_add_kernel(fixture.harness.cu,
                       &(struct fake_kernel){.kernel_object = ENDLESS, .spin_until = &never});
    fake_cu_add_kernel(fixture.harness.cu,
                       &(struct fake_kernel){.kernel_object = LONG, .instructions = 5000000});
    fake_cu_add_kernel(fixture.harness.cu,
                       &(struct fake_kernel){.kernel_object = UNDECODED, .is_undecoded = true});
    app_queue_create(&fixture.harness, &fixture.app, SG_CP_QUEUE_AQL, 64);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    app_queue_destroy(&fixture->app);
    harness_fini(&fixture->harness);
    return 0;
}

static void publish(struct fixture *fixture, uint64_t kernel, uint64_t signal) {
    const struct abi_aql_dispatch packet = dispatch_packet(kernel, signal);
    app_queue_publish(&fixture->app, &packet);
}

static void creation_checks_its_arguments(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t memory = harness_alloc(harness, 8192);
    const struct sg_cp_queue_config good = {.type = SG_CP_QUEUE_AQL,
                                            .ring_va = memory,
                                            .ring_bytes = 4096,
                                            .read_ptr_va = memory + 4096 + 128,
                                            .write_ptr_va = memory + 4096 + 56,
                                            .percentage = 100};
    struct sg_cp_queue *queue = NULL;
    struct sg_cp_queue_config config = good;
    config.ring_bytes = 4000;
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), -EINVAL);
    config = good;
    config.ring_va = 0x1000;
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), -EFAULT);
    config = good;
    config.read_ptr_va = 0x1000;
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), -EFAULT);
    config = good;
    config.write_ptr_va += 1;
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), -EINVAL);
    config = good;
    config.type = SG_CP_QUEUE_PM4 + 1;
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), -EINVAL);
    assert_null(queue);
    assert_int_equal(sg_cp_queue_create(harness->cp, &good, &queue), 0);
    sg_cp_queue_destroy(queue);
    sg_cp_queue_destroy(NULL);
}

/* A program of the driver alone has two indices and no amd_queue_t. */
static void two_indices_are_enough_for_a_queue(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t before_va = harness_alloc(harness, sizeof(struct abi_queue) + 64);
    const uint64_t indices_va = before_va + sizeof(struct abi_queue);
    const uint64_t ring_va = harness_alloc(harness, 1024);
    uint64_t *indices = harness_host(harness, indices_va);
    const struct sg_cp_queue_config config = {.type = SG_CP_QUEUE_AQL,
                                              .ring_va = ring_va,
                                              .ring_bytes = 1024,
                                              .read_ptr_va = indices_va,
                                              .write_ptr_va = indices_va + sizeof *indices,
                                              .percentage = 100,
                                              .doorbell_index = 7};
    struct sg_cp_queue *queue;
    memset(harness_host(harness, before_va), 0xff, sizeof(struct abi_queue));
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &queue), 0);
    const uint64_t done = app_signal_create(harness, 2, 0);
    struct abi_aql_dispatch packets[] = {dispatch_packet(0x9000, done), dispatch_packet(0, done)};
    memcpy(harness_host(harness, ring_va), packets, sizeof packets);
    __atomic_store_n(&indices[1], 1, __ATOMIC_RELEASE);
    sg_cp_queue_ring(queue);
    assert_true(app_signal_wait(harness, done, 1, TIMEOUT_MS));
    assert_true(wait_u64(&indices[0], 1, TIMEOUT_MS));
    /* a bad packet stops it, and nobody hears of it */
    __atomic_store_n(&indices[1], 2, __ATOMIC_RELEASE);
    sg_cp_queue_ring(queue);
    sg_cp_queue_destroy(queue);
    assert_int_equal(indices[0], 1);
    assert_int_equal(app_signal_load(harness, done), 1);
}

static void suspended_queue_executes_nothing(void **state) {
    struct fixture *fixture = *state;
    const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, fixture->app.ring_va, 64 * 64, 7, 0),
                     0);
    publish(fixture, KERNEL, signal);
    app_queue_ring(&fixture->app);
    assert_false(sg_cp_queue_run_inline(fixture->app.queue));
    sleep_ms(5);
    assert_int_equal(app_signal_load(&fixture->harness, signal), 1);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, fixture->app.ring_va, 64 * 64, 7, 100),
                     0);
    assert_true(app_signal_wait(&fixture->harness, signal, 0, TIMEOUT_MS));
}

static void running_kernel_is_preempted_and_continues(void **state) {
    struct fixture *fixture = *state;
    static _Atomic int release;
    atomic_store(&release, 0);
    fake_cu_add_kernel(fixture->harness.cu,
                       &(struct fake_kernel){.kernel_object = 0x9000, .spin_until = &release});
    const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
    publish(fixture, 0x9000, signal);
    app_queue_ring(&fixture->app);
    assert_true(wait_u32(&fixture->harness.cu->record_count, 1, TIMEOUT_MS));
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, 0, 0, 7, 0), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(fixture->harness.cu->running, 0);
        sleep_ms(0);
    }
    atomic_store(&release, 1);
    sleep_ms(2);
    assert_int_equal(app_signal_load(&fixture->harness, signal), 1);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, fixture->app.ring_va, 64 * 64, 7, 100),
                     0);
    assert_true(app_signal_wait(&fixture->harness, signal, 0, TIMEOUT_MS));
    assert_int_equal(fixture->harness.cu->record_count, 1);
}

static void suspend_interrupts_a_waiting_barrier(void **state) {
    struct fixture *fixture = *state;
    struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, 0);
    packet.dep_signal[0] = app_signal_create(&fixture->harness, 1, 0);
    app_queue_publish(&fixture->app, &packet);
    app_queue_ring(&fixture->app);
    sleep_ms(5);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, 0, 0, 7, 0), 0);
    app_signal_store(&fixture->harness, packet.dep_signal[0], 0);
    sleep_ms(3);
    assert_int_equal(fixture->app.amd_queue->read_dispatch_id, 0);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, fixture->app.ring_va, 64 * 64, 7, 100),
                     0);
    assert_true(wait_u64(&fixture->app.amd_queue->read_dispatch_id, 1, TIMEOUT_MS));
}

static void mask_of_a_busy_queue_is_changed_at_once(void **state) {
    struct fixture *fixture = *state;
    const uint32_t mask = 0xf;
    publish(fixture, ENDLESS, 0);
    app_queue_ring(&fixture->app);
    assert_true(wait_u32(&fixture->harness.cu->record_count, 1, TIMEOUT_MS));
    alarm(TIMEOUT_MS / 1000); /* it would wait for the kernel's end */
    assert_int_equal(sg_cp_queue_set_cu_mask(fixture->app.queue, &mask, 32), 0);
    alarm(0);
}

static void mask_does_not_resume_a_suspended_queue(void **state) {
    struct fixture *fixture = *state;
    const uint32_t mask = 0xf;
    const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
    assert_int_equal(sg_cp_queue_update(fixture->app.queue, 0, 0, 7, 0), 0);
    assert_int_equal(sg_cp_queue_set_cu_mask(fixture->app.queue, &mask, 32), 0);
    publish(fixture, KERNEL, signal);
    app_queue_ring(&fixture->app);
    sleep_ms(5);
    assert_int_equal(app_signal_load(&fixture->harness, signal), 1);
}

static void destruction_ends_running_kernels(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    for (int i = 0; i < 50; i++) {
        struct app_queue queue;
        app_queue_create(harness, &queue, SG_CP_QUEUE_AQL, 16);
        const uint64_t signal = app_signal_create(harness, 2, 0);
        const struct abi_aql_dispatch packet = dispatch_packet(ENDLESS, signal);
        app_queue_publish(&queue, &packet);
        app_queue_publish(&queue, &packet);
        app_queue_ring(&queue);
        if (i % 3 == 1)
            sg_cp_queue_run_inline(queue.queue);
        if (i % 2 == 0)
            sleep_ms(1);
        app_queue_destroy(&queue);
        /* Nothing is touched after the return. */
        memset(queue.ring, 0xee, 16 * 64);
        memset(queue.amd_queue, 0xee, sizeof *queue.amd_queue);
        assert_int_equal(harness->cu->running, 0);
        sleep_ms(0);
        assert_int_equal(queue.ring[0], 0xee);
        assert_int_equal(app_signal_load(harness, signal), 2);
    }
}

static void destruction_ends_waiting_barriers(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        struct app_queue queue;
        app_queue_create(&fixture->harness, &queue, SG_CP_QUEUE_AQL, 16);
        struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, 0);
        packet.dep_signal[0] = app_signal_create(&fixture->harness, 1, 0);
        app_queue_publish(&queue, &packet);
        app_queue_ring(&queue);
        sleep_ms((uint32_t)i % 4);
        app_queue_destroy(&queue);
    }
}

static void inline_run_empties_the_queue(void **state) {
    struct fixture *fixture = *state;
    const uint64_t signal = app_signal_create(&fixture->harness, 3, 0);
    sleep_ms(2); /* the thread sleeps */
    for (int i = 0; i < 3; i++) {
        publish(fixture, KERNEL, signal);
        assert_true(sg_cp_queue_run_inline(fixture->app.queue));
    }
    assert_int_equal(app_signal_load(&fixture->harness, signal), 0);
    assert_int_equal(fixture->harness.cu->inline_done_count, 3);
}

static void inline_run_hands_over_what_is_not_short(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static const uint64_t kernels[] = {LONG, UNDECODED};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t signal = app_signal_create(harness, 2, 0);
        sleep_ms(2);
        publish(fixture, kernels[i], signal);
        publish(fixture, KERNEL, signal);
        assert_false(sg_cp_queue_run_inline(fixture->app.queue));
        assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    }
    struct abi_aql_dispatch large = dispatch_packet(KERNEL, app_signal_create(harness, 1, 0));
    large.grid_size[0] = 1 << 20;
    sleep_ms(2);
    app_queue_publish(&fixture->app, &large);
    assert_false(sg_cp_queue_run_inline(fixture->app.queue));
    assert_true(app_signal_wait(harness, large.completion_signal, 0, TIMEOUT_MS));
    struct abi_aql_barrier barrier =
        barrier_packet(ABI_AQL_BARRIER_AND, app_signal_create(harness, 1, 0));
    barrier.dep_signal[0] = app_signal_create(harness, 1, 0);
    sleep_ms(2);
    app_queue_publish(&fixture->app, &barrier);
    assert_false(sg_cp_queue_run_inline(fixture->app.queue));
    app_signal_store(harness, barrier.dep_signal[0], 0);
    assert_true(app_signal_wait(harness, barrier.completion_signal, 0, TIMEOUT_MS));
    assert_int_equal(harness->cu->inline_done_count, 0);
}

static void inline_fault_is_reported_by_the_thread(void **state) {
    struct fixture *fixture = *state;
    struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, 0);
    packet.dep_signal[0] = 0x5550000;
    sleep_ms(2);
    app_queue_publish(&fixture->app, &packet);
    assert_false(sg_cp_queue_run_inline(fixture->app.queue));
    assert_true(wait_u32(&fixture->harness.memory_faults, 1, TIMEOUT_MS));
    assert_int_equal(fixture->harness.last_fault.va, 0x5550000);
}

enum { INLINE_THREADS = 2, INLINE_PACKETS = 2000 };

static void *publish_and_run(void *argument) {
    struct fixture *fixture = argument;
    for (int i = 0; i < INLINE_PACKETS; i++) {
        publish(fixture, KERNEL, 0);
        sg_cp_queue_run_inline(fixture->app.queue);
        if (i % 16 == 0)
            app_queue_ring(&fixture->app);
    }
    return NULL;
}

/// Several inline runners and the queue's thread: each packet exactly once, one at a time.
static void runners_exclude_each_other(void **state) {
    struct fixture *fixture = *state;
    pthread_t threads[INLINE_THREADS];
    for (int i = 0; i < INLINE_THREADS; i++)
        pthread_create(&threads[i], NULL, publish_and_run, fixture);
    for (int i = 0; i < INLINE_THREADS; i++)
        pthread_join(threads[i], NULL);
    const uint32_t total = INLINE_THREADS * INLINE_PACKETS;
    assert_true(wait_u64(&fixture->app.amd_queue->read_dispatch_id, total, TIMEOUT_MS));
    assert_int_equal(fixture->harness.cu->done_count, total);
    for (uint32_t i = 0; i < total && i < FAKE_CU_MAX_RECORDS; i++)
        assert_int_equal(fixture->harness.cu->records[i].config.dispatch_id, i);
}

static void drain_returns_while_kernels_run(void **state) {
    struct fixture *fixture = *state;
    sg_cp_drain(fixture->harness.cp);
    publish(fixture, ENDLESS, 0);
    app_queue_ring(&fixture->app);
    assert_true(wait_u32(&fixture->harness.cu->record_count, 1, TIMEOUT_MS));
    sg_cp_drain(fixture->harness.cp);
    assert_int_equal(fixture->harness.cu->drain_count, 2);
}

static void dump_shows_each_queue(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    char text[2048] = "";
    publish(fixture, ENDLESS, 0);
    app_queue_ring(&fixture->app);
    assert_true(wait_u32(&fixture->harness.cu->record_count, 1, TIMEOUT_MS));
    sleep_ms(2);
    assert_int_equal(pipe(ends), 0);
    sg_cp_dump(fixture->harness.cp, ends[1]);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    close(ends[1]);
    assert_non_null(strstr(text, "gpu 7 queue "));
    assert_non_null(strstr(text, "(AQL): executing, read 0 write 1 packet KERNEL_DISPATCH"));
}

/// A kernel of high priority that is suspended, or waits for the other, is in nobody's way.
static void priority_starves_nobody(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static _Atomic int release;
    struct app_queue urgent;
    atomic_store(&release, 0);
    fake_cu_add_kernel(harness->cu,
                       &(struct fake_kernel){.kernel_object = 0xb000, .spin_until = &release});
    fake_cu_add_kernel(harness->cu, &(struct fake_kernel){.kernel_object = 0xc000,
                                                          .instructions = 500000,
                                                          .set_at_end = &release});
    app_queue_create(harness, &urgent, SG_CP_QUEUE_AQL, 64);
    assert_int_equal(sg_cp_queue_update(urgent.queue, urgent.ring_va, 64 * 64, 15, 100), 0);
    assert_int_equal(sg_cp_queue_update(urgent.queue, urgent.ring_va, 64 * 64, 16, 100), -EINVAL);
    const uint64_t signals[] = {app_signal_create(harness, 1, 0), app_signal_create(harness, 1, 0)};
    const struct abi_aql_dispatch packet = dispatch_packet(0xb000, signals[1]);
    app_queue_publish(&urgent, &packet);
    app_queue_ring(&urgent);
    assert_true(wait_u32(&harness->cu->record_count, 1, TIMEOUT_MS));
    publish(fixture, 0xc000, signals[0]);
    app_queue_ring(&fixture->app);
    assert_true(app_signal_wait(harness, signals[1], 0, 4 * TIMEOUT_MS));
    assert_true(app_signal_wait(harness, signals[0], 0, TIMEOUT_MS));

    atomic_store(&release, 0);
    app_signal_store(harness, signals[1], 1);
    app_queue_publish(&urgent, &packet);
    app_queue_ring(&urgent);
    assert_true(wait_u32(&harness->cu->record_count, 3, TIMEOUT_MS));
    assert_int_equal(sg_cp_queue_update(urgent.queue, urgent.ring_va, 64 * 64, 15, 0), 0);
    app_signal_store(harness, signals[0], 1);
    publish(fixture, LONG, signals[0]);
    app_queue_ring(&fixture->app);
    assert_true(app_signal_wait(harness, signals[0], 0, 4 * TIMEOUT_MS));
    app_queue_destroy(&urgent);
}

/// Whoever completes a signal goes on with the short packets that waited for it, unless their own
/// thread is there first. A long kernel is always run by its queue's thread.
static void a_thread_runs_what_waited_for_its_queue(void **state) {
    enum { LONG_EVENT = 1, BARRIER_EVENT = 2 };
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    struct app_queue other;
    const uint64_t gate = app_signal_create(harness, 0, LONG_EVENT);
    const uint64_t done = app_signal_create(harness, 0, BARRIER_EVENT);
    struct abi_aql_barrier barrier = barrier_packet(ABI_AQL_BARRIER_AND, done);
    barrier.dep_signal[2] = gate;
    app_queue_create(harness, &other, SG_CP_QUEUE_AQL, 64);
    alarm(50); /* it would never happen */
    for (uint32_t i = 1;; i++) {
        app_signal_store(harness, gate, 1);
        app_signal_store(harness, done, 1);
        app_queue_publish(&other, &barrier);
        app_queue_ring(&other);
        publish(fixture, LONG, gate);
        app_queue_ring(&fixture->app);
        assert_true(wait_u32(&harness->events[BARRIER_EVENT], i, TIMEOUT_MS));
        assert_int_equal(app_signal_load(harness, gate), 0);
        if (pthread_equal(harness->raisers[BARRIER_EVENT], harness->raisers[LONG_EVENT]))
            break;
    }
    alarm(0);
    app_queue_destroy(&other);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(creation_checks_its_arguments),
        CASE(two_indices_are_enough_for_a_queue),
        CASE(suspended_queue_executes_nothing),
        CASE(running_kernel_is_preempted_and_continues),
        CASE(priority_starves_nobody),
        CASE(suspend_interrupts_a_waiting_barrier),
        CASE(mask_of_a_busy_queue_is_changed_at_once),
        CASE(mask_does_not_resume_a_suspended_queue),
        CASE(destruction_ends_running_kernels),
        CASE(destruction_ends_waiting_barriers),
        CASE(inline_run_empties_the_queue),
        CASE(inline_run_hands_over_what_is_not_short),
        CASE(inline_fault_is_reported_by_the_thread),
        CASE(runners_exclude_each_other),
        CASE(drain_returns_while_kernels_run),
        CASE(dump_shows_each_queue),
        CASE(a_thread_runs_what_waited_for_its_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
