/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

static void on_event(void *context, uint32_t event_id) {
    struct harness *harness = context;
    harness->raisers[event_id % HARNESS_EVENTS] = pthread_self();
    atomic_fetch_add(&harness->events[event_id % HARNESS_EVENTS], 1);
}

static void on_memory_fault(void *context, const struct sg_fault *fault) {
    struct harness *harness = context;
    harness->last_fault = *fault;
    atomic_fetch_add(&harness->memory_faults, 1);
}

static void on_report(void *context, const struct sg_fault *fault) {
    struct harness *harness = context;
    harness->last_fault = *fault;
    atomic_fetch_add(&harness->reports, 1);
}

void harness_init(struct harness *harness, const struct sg_cp_watch *watch) {
    *harness = (struct harness){0};
    harness->memory =
        mmap(NULL, HARNESS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(harness->memory != MAP_FAILED);
    harness->vm = sg_vm_create();
    const struct sg_vm_range range = {.va = HARNESS_VA,
                                      .bytes = HARNESS_BYTES,
                                      .host = harness->memory,
                                      .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_EXEC};
    assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    const struct sg_cu_config cu_config = {.vm = harness->vm};
    harness->cu = sg_cu_create(&cu_config);
    struct sg_cp_config config = {.vm = harness->vm,
                                  .cu = harness->cu,
                                  .sink = {.context = harness,
                                           .event = on_event,
                                           .memory_fault = on_memory_fault,
                                           .report = on_report},
                                  .gpu_id = 7};
    if (watch)
        config.watch = *watch;
    harness->cp = sg_cp_create(&config);
    assert_non_null(harness->cp);
}

void harness_fini(struct harness *harness) {
    sg_cp_destroy(harness->cp);
    sg_cu_destroy(harness->cu);
    sg_vm_destroy(harness->vm);
    munmap(harness->memory, HARNESS_BYTES);
}

uint64_t harness_alloc(struct harness *harness, uint64_t bytes) {
    const uint64_t offset = harness->used;
    harness->used += (bytes + 63) / 64 * 64;
    assert_true(harness->used <= HARNESS_BYTES);
    return HARNESS_VA + offset;
}

void *harness_host(struct harness *harness, uint64_t va) {
    return harness->memory + (va - HARNESS_VA);
}

void app_queue_create(struct harness *harness, struct app_queue *app, enum sg_cp_queue_type type,
                      uint32_t slots) {
    static _Atomic uint32_t next_id;
    const uint64_t bytes = type == SG_CP_QUEUE_AQL ? (uint64_t)slots * 64 : slots;
    *app = (struct app_queue){.harness = harness, .slots = slots};
    app->ring_va = harness_alloc(harness, bytes);
    app->ring = harness_host(harness, app->ring_va);
    if (type == SG_CP_QUEUE_AQL)
        for (uint32_t i = 0; i < slots; i++)
            app->ring[(size_t)i * 64] = ABI_AQL_INVALID;
    app->amd_queue_va = harness_alloc(harness, sizeof(struct abi_queue));
    app->amd_queue = harness_host(harness, app->amd_queue_va);
    app->error_signal_va = app_signal_create(harness, 0, ERROR_EVENT);
    app->error_signal = app_signal(harness, app->error_signal_va);
    app->amd_queue->read_dispatch_id_field_base_byte_offset =
        offsetof(struct abi_queue, read_dispatch_id);
    app->amd_queue->queue_inactive_signal = app->error_signal_va;
    const uint32_t id = atomic_fetch_add(&next_id, 1);
    const struct sg_cp_queue_config config = {
        .type = type,
        .queue_id = id,
        .ring_va = app->ring_va,
        .ring_bytes = bytes,
        .read_ptr_va = app->amd_queue_va + offsetof(struct abi_queue, read_dispatch_id),
        .write_ptr_va = app->amd_queue_va + offsetof(struct abi_queue, write_dispatch_id),
        .percentage = 100,
        .doorbell_index = id % SG_CP_MAX_QUEUES,
    };
    assert_int_equal(sg_cp_queue_create(harness->cp, &config, &app->queue), 0);
}

void app_queue_destroy(struct app_queue *app) {
    sg_cp_queue_destroy(app->queue);
    app->queue = NULL;
}

uint64_t app_queue_publish(struct app_queue *app, const void *packet) {
    const uint64_t index =
        __atomic_fetch_add(&app->amd_queue->write_dispatch_id, 1, __ATOMIC_ACQ_REL);
    while (index - __atomic_load_n(&app->amd_queue->read_dispatch_id, __ATOMIC_ACQUIRE) >=
           app->slots)
        sleep_ms(0);
    uint8_t *slot = app->ring + index % app->slots * 64;
    uint16_t header;
    memcpy(&header, packet, sizeof header);
    memcpy(slot + 2, (const uint8_t *)packet + 2, 62);
    __atomic_store_n((uint16_t *)(void *)slot, header, __ATOMIC_RELEASE);
    return index;
}

void app_sdma_publish(struct app_queue *app, const uint32_t *dwords, uint32_t count) {
    const uint64_t write = app->amd_queue->write_dispatch_id;
    for (uint32_t i = 0; i < count; i++)
        memcpy(app->ring + (write + i * 4) % app->slots, &dwords[i], 4);
    __atomic_store_n(&app->amd_queue->write_dispatch_id, write + count * 4, __ATOMIC_RELEASE);
}

void app_queue_ring(struct app_queue *app) {
    sg_cp_queue_ring(app->queue);
}

uint64_t app_signal_create(struct harness *harness, int64_t value, uint32_t event_id) {
    const uint64_t handle = harness_alloc(harness, sizeof(struct abi_signal));
    struct abi_signal *signal = harness_host(harness, handle);
    *signal = (struct abi_signal){.kind = ABI_SIGNAL_USER, .value = value, .event_id = event_id};
    if (event_id != 0)
        signal->event_mailbox_ptr = harness_alloc(harness, sizeof(uint64_t));
    return handle;
}

struct abi_signal *app_signal(struct harness *harness, uint64_t handle) {
    return harness_host(harness, handle);
}

int64_t app_signal_load(struct harness *harness, uint64_t handle) {
    return __atomic_load_n(&app_signal(harness, handle)->value, __ATOMIC_ACQUIRE);
}

void app_signal_store(struct harness *harness, uint64_t handle, int64_t value) {
    __atomic_store_n(&app_signal(harness, handle)->value, value, __ATOMIC_RELEASE);
}

void sleep_ms(uint32_t ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L + 20000};
    nanosleep(&time, NULL);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool wait_u64(const uint64_t *word, uint64_t value, uint32_t timeout_ms) {
    const uint64_t end = now_ms() + timeout_ms;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
        if (now_ms() > end)
            return false;
        sleep_ms(0);
    }
    return true;
}

bool wait_u32(const _Atomic uint32_t *word, uint32_t value, uint32_t timeout_ms) {
    const uint64_t end = now_ms() + timeout_ms;
    while (atomic_load(word) != value) {
        if (now_ms() > end)
            return false;
        sleep_ms(0);
    }
    return true;
}

bool app_signal_wait(struct harness *harness, uint64_t handle, int64_t value, uint32_t timeout_ms) {
    return wait_u64((const uint64_t *)&app_signal(harness, handle)->value, (uint64_t)value,
                    timeout_ms);
}

struct abi_aql_dispatch dispatch_packet(uint64_t kernel_object, uint64_t completion_signal) {
    return (struct abi_aql_dispatch){
        .header = ABI_AQL_KERNEL_DISPATCH | ABI_AQL_SCOPE_SYSTEM << ABI_AQL_HEADER_ACQUIRE_SHIFT |
                  ABI_AQL_SCOPE_SYSTEM << ABI_AQL_HEADER_RELEASE_SHIFT,
        .setup = 1,
        .workgroup_size = {64, 1, 1},
        .grid_size = {64, 1, 1},
        .kernel_object = kernel_object,
        .completion_signal = completion_signal,
    };
}

struct abi_aql_barrier barrier_packet(enum abi_aql_type type, uint64_t completion_signal) {
    return (struct abi_aql_barrier){.header = (uint16_t)type,
                                    .completion_signal = completion_signal};
}
