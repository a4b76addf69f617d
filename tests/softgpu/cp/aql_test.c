/* SPDX-License-Identifier: MIT */
/* AQL packets: what each kind does, and what each malformed one reports. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "softgpu/common/options.h"

enum { KERNEL = 0x1000, LONG_KERNEL = 0x2000, TIMEOUT_MS = 5000, EVENT = 5 };

struct fixture {
    struct harness harness;
    struct app_queue app;
};

static int setup(void **state) {
    static struct fixture fixture;
    harness_init(&fixture.harness, NULL);
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

static void submit(struct fixture *fixture, const void *packet) {
    app_queue_publish(&fixture->app, packet);
    app_queue_ring(&fixture->app);
}

static void dispatch_completes_signal_with_timestamps_and_event(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t signal = app_signal_create(harness, 3, EVENT);
    const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    submit(fixture, &packet);
    assert_true(app_signal_wait(harness, signal, 2, TIMEOUT_MS));
    assert_true(wait_u32(&harness->events[EVENT], 1, TIMEOUT_MS));
    const struct abi_signal *memory = app_signal(harness, signal);
    assert_true(memory->start_ts > 0 && memory->end_ts >= memory->start_ts);
    const uint64_t *mailbox = harness_host(harness, memory->event_mailbox_ptr);
    assert_int_equal(*mailbox, EVENT);
    assert_int_equal(fixture->app.amd_queue->read_dispatch_id, 1);
    assert_int_equal(fixture->app.ring[0], ABI_AQL_INVALID);
}

/// A known delay, for testing instruments, lies within the dispatch's own time; barriers have none.
static void injected_delay_is_device_time(void **state) {
    enum { DELAY_NS = 300000, NS_PER_TICK = 10 };
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t signal = app_signal_create(harness, 1, 0);
    const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    sg_delay_ns = DELAY_NS;
    submit(fixture, &packet);
    const bool done = app_signal_wait(harness, signal, 0, TIMEOUT_MS);
    sg_delay_ns = 0;
    assert_true(done);
    const struct abi_signal *memory = app_signal(harness, signal);
    assert_true(memory->end_ts - memory->start_ts >= DELAY_NS / NS_PER_TICK);
}

/// The place of a signal moves (unmapped, mapped elsewhere) while a kernel runs and the queue has
/// already translated an address near it.
static void completion_uses_the_current_translation(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static _Atomic int release;
    static struct abi_signal places[2][64];
    struct sg_vm_range range = {.va = UINT64_C(0x600000000000),
                                .bytes = sizeof places[0],
                                .host = (uint8_t *)places[0],
                                .flags = SG_VM_READ | SG_VM_WRITE};
    atomic_store(&release, 0);
    memset(places, 0, sizeof places);
    fake_cu_add_kernel(harness->cu,
                       &(struct fake_kernel){.kernel_object = 0x9000, .spin_until = &release});
    assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    struct abi_aql_barrier barrier = barrier_packet(ABI_AQL_BARRIER_AND, 0);
    barrier.dep_signal[0] = range.va; /* zero: satisfied */
    submit(fixture, &barrier);
    const struct abi_aql_dispatch packet =
        dispatch_packet(0x9000, range.va + sizeof(struct abi_signal));
    submit(fixture, &packet);
    assert_true(wait_u32(&harness->cu->record_count, 1, TIMEOUT_MS));
    assert_int_equal(sg_vm_unmap(harness->vm, range.va, range.bytes), 0);
    sg_cp_drain(harness->cp);
    range.host = (uint8_t *)places[1];
    assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    atomic_store(&release, 1);
    assert_true(wait_u64((const uint64_t *)&places[1][1].value, UINT64_MAX, TIMEOUT_MS));
    assert_int_equal(places[0][1].value, 0);
}

static void dispatch_carries_packet_and_queue_fields(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t signal = app_signal_create(harness, 1, 0);
    struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    packet.setup = 3;
    packet.workgroup_size[0] = 8, packet.workgroup_size[1] = 4, packet.workgroup_size[2] = 2;
    packet.grid_size[0] = 100, packet.grid_size[1] = 5, packet.grid_size[2] = 3;
    packet.group_segment_size = 512;
    packet.kernarg_address = 0xabc0;
    fixture->app.amd_queue->group_segment_aperture_base_hi = 0x10000;
    fixture->app.amd_queue->private_segment_aperture_base_hi = 0x20000;
    submit(fixture, &packet);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    const struct sg_dispatch_config *config = &harness->cu->records[0].config;
    assert_int_equal(config->kernel_object, KERNEL);
    assert_int_equal(config->packet_va, fixture->app.ring_va);
    assert_int_equal(config->queue_va, fixture->app.amd_queue_va);
    assert_int_equal(config->kernarg_va, 0xabc0);
    assert_int_equal(config->grid_size[0], 100);
    assert_int_equal(config->grid_size[2], 3);
    assert_int_equal(config->workgroup_size[1], 4);
    assert_int_equal(config->group_bytes, 512);
    assert_int_equal(config->shared_aperture_hi, 0x10000);
    assert_int_equal(config->private_aperture_hi, 0x20000);
    assert_null(config->cu_mask);
}

static void cu_mask_reaches_dispatches(void **state) {
    struct fixture *fixture = *state;
    const uint32_t mask[] = {0xf0, 0, 0, 0x3};
    assert_int_equal(sg_cp_queue_set_cu_mask(fixture->app.queue, mask, 128), 0);
    assert_int_equal(sg_cp_queue_set_cu_mask(fixture->app.queue, mask, 33), -EINVAL);
    const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
    const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    submit(fixture, &packet);
    assert_true(app_signal_wait(&fixture->harness, signal, 0, TIMEOUT_MS));
    const struct sg_dispatch_config *config = &fixture->harness.cu->records[0].config;
    assert_int_equal(config->cu_mask_count, 128);
    assert_memory_equal(config->cu_mask, mask, sizeof mask);
}

static void malformed_packets_raise_their_queue_error(void **state) {
    (void)state;
    static const struct row {
        const char *what;
        uint16_t header;
        uint16_t setup;
        uint16_t workgroup_x, workgroup_y;
        uint32_t grid_x;
        uint64_t kernel_object;
        uint64_t bits;
    } rows[] = {
        {"agent dispatch", ABI_AQL_AGENT_DISPATCH, 1, 64, 1, 64, KERNEL, ABI_QUEUE_ERROR_PACKET},
        {"unknown type", 9, 1, 64, 1, 64, KERNEL, ABI_QUEUE_ERROR_PACKET},
        {"reserved scope", ABI_AQL_KERNEL_DISPATCH | 3 << 9, 1, 64, 1, 64, KERNEL,
         ABI_QUEUE_ERROR_PACKET},
        {"no dimension", ABI_AQL_KERNEL_DISPATCH, 0, 64, 1, 64, KERNEL, ABI_QUEUE_ERROR_DIMENSION},
        {"empty grid", ABI_AQL_KERNEL_DISPATCH, 1, 64, 1, 0, KERNEL, ABI_QUEUE_ERROR_DIMENSION},
        {"empty work-group", ABI_AQL_KERNEL_DISPATCH, 1, 64, 0, 64, KERNEL,
         ABI_QUEUE_ERROR_DIMENSION},
        {"work-group too large", ABI_AQL_KERNEL_DISPATCH, 2, 64, 17, 64, KERNEL,
         ABI_QUEUE_ERROR_WORKGROUP_SIZE},
        {"no kernel", ABI_AQL_KERNEL_DISPATCH, 1, 64, 1, 64, 0, ABI_QUEUE_ERROR_CODE},
        {"unknown vendor packet", ABI_AQL_VENDOR, 77, 64, 1, 64, KERNEL,
         ABI_QUEUE_ERROR_VENDOR_PACKET},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *inner;
        setup(&inner);
        struct fixture *fixture = inner;
        const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
        struct abi_aql_dispatch packet = dispatch_packet(rows[i].kernel_object, signal);
        packet.header = rows[i].header;
        packet.setup = rows[i].setup;
        packet.workgroup_size[0] = rows[i].workgroup_x;
        packet.workgroup_size[1] = rows[i].workgroup_y;
        packet.grid_size[0] = rows[i].grid_x;
        submit(fixture, &packet);
        if (!wait_u64((uint64_t *)&fixture->app.error_signal->value, rows[i].bits, TIMEOUT_MS))
            fail_msg("%s: error 0x%lx", rows[i].what, (long)fixture->app.error_signal->value);
        assert_true(wait_u32(&fixture->harness.events[ERROR_EVENT], 1, TIMEOUT_MS));
        /* The queue is stopped: the packet stays, a good one behind it is not executed. */
        const struct abi_aql_dispatch good = dispatch_packet(KERNEL, signal);
        submit(fixture, &good);
        sleep_ms(2);
        assert_int_equal(app_signal_load(&fixture->harness, signal), 1);
        assert_int_equal(fixture->app.amd_queue->read_dispatch_id, 0);
        teardown(&inner);
    }
}

static void launch_checks_raise_their_queue_error(void **state) {
    (void)state;
    static const uint64_t bits[] = {
        [SG_DISPATCH_BAD_CODE] = ABI_QUEUE_ERROR_CODE,
        [SG_DISPATCH_GROUP_MEMORY] = ABI_QUEUE_ERROR_GROUP_MEMORY,
        [SG_DISPATCH_REGISTERS] = ABI_QUEUE_ERROR_REGISTERS,
        [SG_DISPATCH_WORKGROUP_SIZE] = ABI_QUEUE_ERROR_WORKGROUP_SIZE,
    };
    for (size_t check = SG_DISPATCH_BAD_CODE; check < sizeof bits / sizeof bits[0]; check++) {
        void *inner;
        setup(&inner);
        struct fixture *fixture = inner;
        fake_cu_add_kernel(
            fixture->harness.cu,
            &(struct fake_kernel){.kernel_object = KERNEL, .check = (enum sg_dispatch_check)check});
        const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, 0);
        submit(fixture, &packet);
        assert_true(
            wait_u64((uint64_t *)&fixture->app.error_signal->value, bits[check], TIMEOUT_MS));
        teardown(&inner);
    }
}

static void kernel_faults_raise_what_the_runtime_expects(void **state) {
    (void)state;
    static const struct {
        enum sg_fault_cause cause;
        uint64_t bits; ///< 0: the memory events
    } rows[] = {
        {SG_FAULT_MEMORY_UNMAPPED, 0},
        {SG_FAULT_MEMORY_READ_ONLY, 0},
        {SG_FAULT_APERTURE, ABI_QUEUE_ERROR_APERTURE},
        {SG_FAULT_MEMORY_MISALIGNED, ABI_QUEUE_ERROR_APERTURE},
        {SG_FAULT_ILLEGAL_INSTRUCTION, ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION},
        {SG_FAULT_UNIMPLEMENTED, ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION},
        {SG_FAULT_TRAP, ABI_QUEUE_ERROR_TRAP},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *inner;
        setup(&inner);
        struct fixture *fixture = inner;
        struct harness *harness = &fixture->harness;
        fake_cu_add_kernel(harness->cu, &(struct fake_kernel){.kernel_object = KERNEL,
                                                              .fault = rows[i].cause,
                                                              .fault_va = 0xdead000});
        const uint64_t signal = app_signal_create(harness, 1, 0);
        const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
        submit(fixture, &packet);
        if (rows[i].bits != 0)
            assert_true(
                wait_u64((uint64_t *)&fixture->app.error_signal->value, rows[i].bits, TIMEOUT_MS));
        else
            assert_true(wait_u32(&harness->memory_faults, 1, TIMEOUT_MS));
        assert_int_equal(harness->reports, 1);
        assert_int_equal(harness->last_fault.va, 0xdead000);
        assert_int_equal(app_signal_load(harness, signal), 1);
        teardown(&inner);
    }
}

/// What a packet waits for is read, what it completes is written.
static void packet_with_wild_signal_is_a_memory_fault(void **state) {
    enum { WILD = 0x12345600 };
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        void *inner;
        setup(&inner);
        struct fixture *fixture = inner;
        struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, is_write ? WILD : 0);
        packet.dep_signal[0] = is_write ? 0 : WILD;
        submit(fixture, &packet);
        assert_true(wait_u32(&fixture->harness.memory_faults, 1, TIMEOUT_MS));
        assert_int_equal(fixture->harness.last_fault.va, WILD);
        assert_int_equal(fixture->harness.last_fault.is_write, is_write);
        teardown(&inner);
    }
}

static void barrier_and_waits_for_all(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t done = app_signal_create(harness, 1, 0);
    struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, done);
    packet.dep_signal[0] = app_signal_create(harness, 1, 0);
    packet.dep_signal[4] = app_signal_create(harness, 1, 0);
    submit(fixture, &packet);
    app_signal_store(harness, packet.dep_signal[4], 0);
    sleep_ms(5);
    assert_int_equal(app_signal_load(harness, done), 1);
    app_signal_store(harness, packet.dep_signal[0], 0);
    assert_true(app_signal_wait(harness, done, 0, TIMEOUT_MS));
}

static void barrier_or_waits_for_one(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t done = app_signal_create(harness, 1, 0);
    struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_OR, done);
    packet.dep_signal[1] = app_signal_create(harness, 1, 0);
    packet.dep_signal[2] = app_signal_create(harness, 1, 0);
    submit(fixture, &packet);
    sleep_ms(5);
    assert_int_equal(app_signal_load(harness, done), 1);
    app_signal_store(harness, packet.dep_signal[2], 0);
    assert_true(app_signal_wait(harness, done, 0, TIMEOUT_MS));
}

static void barrier_without_dependencies_completes(void **state) {
    struct fixture *fixture = *state;
    const uint64_t done = app_signal_create(&fixture->harness, 2, 0);
    const struct abi_aql_barrier and_packet = barrier_packet(ABI_AQL_BARRIER_AND, done);
    const struct abi_aql_barrier or_packet = barrier_packet(ABI_AQL_BARRIER_OR, done);
    submit(fixture, &and_packet);
    submit(fixture, &or_packet);
    assert_true(app_signal_wait(&fixture->harness, done, 0, TIMEOUT_MS));
}

static void barrier_value_compares_masked_value(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static const struct {
        uint32_t cond;
        int64_t value, mask, blocked, open;
    } rows[] = {
        {0, 5, 0xff, 0x106, 0x105},
        {1, 5, 0xff, 0x105, 0x106},
        {2, -1, -1, 0, -2},
        {3, 10, 0xff, 0x109, 0x10a},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t done = app_signal_create(harness, 1, 0);
        const struct abi_aql_barrier_value packet = {
            .header = ABI_AQL_VENDOR,
            .amd_format = ABI_AQL_AMD_BARRIER_VALUE,
            .signal = app_signal_create(harness, rows[i].blocked, 0),
            .value = rows[i].value,
            .mask = rows[i].mask,
            .cond = rows[i].cond,
            .completion_signal = done,
        };
        submit(fixture, &packet);
        sleep_ms(2);
        assert_int_equal(app_signal_load(harness, done), 1);
        app_signal_store(harness, packet.signal, rows[i].open);
        assert_true(app_signal_wait(harness, done, 0, TIMEOUT_MS));
    }
}

static void packets_published_out_of_order_run_in_order(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t signal = app_signal_create(harness, 2, 0);
    struct abi_queue *amd_queue = fixture->app.amd_queue;
    const struct abi_aql_dispatch first = dispatch_packet(KERNEL, signal);
    const struct abi_aql_dispatch second = dispatch_packet(LONG_KERNEL, signal);
    __atomic_store_n(&amd_queue->write_dispatch_id, 2, __ATOMIC_RELEASE);
    memcpy(fixture->app.ring + 64 + 2, (const uint8_t *)&second + 2, 62);
    __atomic_store_n((uint16_t *)(void *)(fixture->app.ring + 64), second.header, __ATOMIC_RELEASE);
    app_queue_ring(&fixture->app);
    sleep_ms(2);
    assert_int_equal(app_signal_load(harness, signal), 2);
    memcpy(fixture->app.ring + 2, (const uint8_t *)&first + 2, 62);
    __atomic_store_n((uint16_t *)(void *)fixture->app.ring, first.header, __ATOMIC_RELEASE);
    app_queue_ring(&fixture->app);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    assert_int_equal(harness->cu->records[0].config.kernel_object, KERNEL);
    assert_int_equal(harness->cu->records[1].config.kernel_object, LONG_KERNEL);
}

enum { PRODUCERS = 3, PACKETS_EACH = 700 };

struct producer {
    struct fixture *fixture;
    uint64_t signal;
};

static void *produce(void *argument) {
    const struct producer *producer = argument;
    const struct abi_aql_dispatch packet = dispatch_packet(KERNEL, producer->signal);
    for (int i = 0; i < PACKETS_EACH; i++)
        submit(producer->fixture, &packet);
    return NULL;
}

static void ring_wraps_under_many_producers(void **state) {
    struct fixture *fixture = *state;
    const uint64_t signal = app_signal_create(&fixture->harness, PRODUCERS * PACKETS_EACH, 0);
    struct producer producer = {fixture, signal};
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, &producer);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(app_signal_wait(&fixture->harness, signal, 0, 20000));
    assert_int_equal(fixture->app.amd_queue->read_dispatch_id, PRODUCERS * PACKETS_EACH);
    assert_int_equal(fixture->harness.cu->done_count, PRODUCERS * PACKETS_EACH);
}

static void barriers_chain_between_queues(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    enum { QUEUES = 4, ROUNDS = 20 };
    struct app_queue queues[QUEUES];
    for (int i = 0; i < QUEUES; i++)
        app_queue_create(harness, &queues[i], SG_CP_QUEUE_AQL, 64);
    uint64_t previous = app_signal_create(harness, 1, 0);
    const uint64_t gate = previous;
    for (int i = 0; i < QUEUES * ROUNDS; i++) {
        const uint64_t next = app_signal_create(harness, 1, 0);
        struct abi_aql_barrier packet = barrier_packet(ABI_AQL_BARRIER_AND, next);
        packet.dep_signal[0] = previous;
        app_queue_publish(&queues[i % QUEUES], &packet);
        app_queue_ring(&queues[i % QUEUES]);
        previous = next;
    }
    sleep_ms(5);
    assert_int_equal(app_signal_load(harness, previous), 1);
    app_signal_store(harness, gate, 0);
    assert_true(app_signal_wait(harness, previous, 0, TIMEOUT_MS));
    for (int i = 0; i < QUEUES; i++)
        app_queue_destroy(&queues[i]);
}

static void missing_scratch_stalls_until_runtime_answers(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t signal = app_signal_create(harness, 1, 0);
    struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    packet.private_segment_size = 100;
    submit(fixture, &packet);
    uint64_t *error = (uint64_t *)&fixture->app.error_signal->value;
    assert_true(wait_u64(error, ABI_QUEUE_ERROR_SCRATCH, TIMEOUT_MS));
    assert_true(wait_u32(&harness->events[ERROR_EVENT], 1, TIMEOUT_MS));
    assert_int_equal(harness->cu->record_count, 0);
    /* Too little is reported again ... */
    fixture->app.amd_queue->scratch_wave64_lane_byte_size = 96;
    fixture->app.amd_queue->scratch_backing_memory_byte_size = 1 << 20;
    __atomic_store_n(error, 0, __ATOMIC_RELEASE);
    assert_true(wait_u64(error, ABI_QUEUE_ERROR_SCRATCH, TIMEOUT_MS));
    /* ... and enough resumes, by the store alone. */
    fixture->app.amd_queue->scratch_wave64_lane_byte_size = 112;
    fixture->app.amd_queue->scratch_backing_memory_location = 0x5000;
    fixture->app.amd_queue->compute_tmpring_size = 0x77;
    fixture->app.amd_queue->scratch_resource_descriptor[3] = 0x33;
    __atomic_store_n(error, 0, __ATOMIC_RELEASE);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    const struct sg_dispatch_config *config = &harness->cu->records[0].config;
    assert_int_equal(config->private_bytes, 100);
    assert_int_equal(config->scratch_va, 0x5000);
    assert_int_equal(config->scratch_bytes, 1 << 20);
    assert_int_equal(config->scratch_lane_bytes, 112);
    assert_int_equal(config->tmpring_size, 0x77);
    assert_int_equal(config->scratch_descriptor[3], 0x33);
}

static void single_use_scratch_is_given_back(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    struct abi_queue *amd_queue = fixture->app.amd_queue;
    const uint64_t signal = app_signal_create(harness, 2, 0);
    struct abi_aql_dispatch packet = dispatch_packet(KERNEL, signal);
    packet.private_segment_size = 16;
    amd_queue->scratch_wave64_lane_byte_size = 16;
    amd_queue->scratch_backing_memory_byte_size = 1 << 20;
    amd_queue->queue_properties = ABI_QUEUE_PROPERTY_SCRATCH_ONCE;
    submit(fixture, &packet);
    submit(fixture, &packet);
    uint64_t *error = (uint64_t *)&fixture->app.error_signal->value;
    assert_true(wait_u64(error, ABI_QUEUE_ERROR_SCRATCH_RECLAIM, TIMEOUT_MS));
    assert_int_equal(app_signal_load(harness, signal), 1);
    __atomic_store_n(error, 0, __ATOMIC_RELEASE);
    sleep_ms(3);
    assert_int_equal(app_signal_load(harness, signal), 1);
    __atomic_store_n(&amd_queue->queue_properties, 0, __ATOMIC_RELEASE);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    sleep_ms(1);
    assert_int_equal(__atomic_load_n(error, __ATOMIC_ACQUIRE), 0);
}

static void kernels_of_two_queues_may_wait_for_each_other(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static _Atomic int flag;
    struct app_queue other;
    atomic_store(&flag, 0);
    fake_cu_add_kernel(harness->cu,
                       &(struct fake_kernel){.kernel_object = LONG_KERNEL, .spin_until = &flag});
    fake_cu_add_kernel(harness->cu,
                       &(struct fake_kernel){.kernel_object = KERNEL, .set_at_end = &flag});
    app_queue_create(harness, &other, SG_CP_QUEUE_AQL, 16);
    const uint64_t signal = app_signal_create(harness, 2, 0);
    const struct abi_aql_dispatch spins = dispatch_packet(LONG_KERNEL, signal);
    const struct abi_aql_dispatch releases = dispatch_packet(KERNEL, signal);
    submit(fixture, &spins);
    sleep_ms(2);
    app_queue_publish(&other, &releases);
    app_queue_ring(&other);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    app_queue_destroy(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dispatch_completes_signal_with_timestamps_and_event, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(injected_delay_is_device_time, setup, teardown),
        cmocka_unit_test_setup_teardown(completion_uses_the_current_translation, setup, teardown),
        cmocka_unit_test_setup_teardown(dispatch_carries_packet_and_queue_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(cu_mask_reaches_dispatches, setup, teardown),
        cmocka_unit_test(malformed_packets_raise_their_queue_error),
        cmocka_unit_test(launch_checks_raise_their_queue_error),
        cmocka_unit_test(kernel_faults_raise_what_the_runtime_expects),
        cmocka_unit_test(packet_with_wild_signal_is_a_memory_fault),
        cmocka_unit_test_setup_teardown(barrier_and_waits_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(barrier_or_waits_for_one, setup, teardown),
        cmocka_unit_test_setup_teardown(barrier_without_dependencies_completes, setup, teardown),
        cmocka_unit_test_setup_teardown(barrier_value_compares_masked_value, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_published_out_of_order_run_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ring_wraps_under_many_producers, setup, teardown),
        cmocka_unit_test_setup_teardown(barriers_chain_between_queues, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_scratch_stalls_until_runtime_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(single_use_scratch_is_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(kernels_of_two_queues_may_wait_for_each_other, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
