/* SPDX-License-Identifier: MIT */
#include "probe/queue.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/queue.h"
#include "abi/signal.h"
#include "base/clock.h"
#include "base/log.h"
#include "probe/probe.h"

#define DEFAULT_PACKETS 1024u
#define SPINS_PER_YIELD 1024

static const hsa_amd_queue_priority_t priorities[] = {
    [HSP_PRIORITY_NORMAL] = HSA_AMD_QUEUE_PRIORITY_NORMAL,
    [HSP_PRIORITY_LOW] = HSA_AMD_QUEUE_PRIORITY_LOW,
    [HSP_PRIORITY_HIGH] = HSA_AMD_QUEUE_PRIORITY_HIGH,
};

static void note_error(hsa_status_t status, hsa_queue_t *source, void *data) {
    (void)source;
    struct hsp_queue *queue = data;
    if (__atomic_load_n(&queue->error, __ATOMIC_ACQUIRE) != HSP_OK)
        return;
    const char *text = hsp_hsa_status_text(status);
    if (text)
        snprintf(queue->error_reason, sizeof(queue->error_reason), "%s", text);
    else
        snprintf(queue->error_reason, sizeof(queue->error_reason), "HSA status 0x%x",
                 (unsigned)status);
    const hsp_status error = HSP_STATUS(HSP_DOMAIN_HSA, status);
    __atomic_store_n(&queue->error, error, __ATOMIC_RELEASE);
    if (queue->on_error)
        queue->on_error(queue, error, queue->error_reason, queue->on_error_data);
    else
        hsp_log(HSP_LOG_ERROR, "queue %" PRIu64 " of %s stopped: %s",
                queue->native ? queue->native->id : 0, queue->agent->info.name,
                queue->error_reason);
}

static hsp_status choose_size(const struct hsp_agent *agent, uint32_t wanted, uint32_t *out_size) {
    const uint32_t least = agent->info.queue_min_packets;
    const uint32_t most = agent->info.queue_max_packets;
    uint32_t size = wanted;
    if (size == 0)
        size = most && DEFAULT_PACKETS > most ? most : DEFAULT_PACKETS;
    if ((size & (size - 1)) != 0 || size < least || size > most)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "a queue of %u packets: expected a power of two from %u to %u", size, least,
                        most);
    *out_size = size;
    return HSP_OK;
}

static hsp_status check_options(const struct hsp_agent *agent,
                                const struct hsp_queue_options *options) {
    if (!agent->info.dispatches)
        return hsp_fail(HSP_ERROR_NO_DEVICE, "agent %s runs no kernels", agent->info.name);
    if (options->type > HSP_QUEUE_COOPERATIVE)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "queue type %d is unknown", (int)options->type);
    if (options->priority > HSP_PRIORITY_HIGH)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "queue priority %d is unknown",
                        (int)options->priority);
    if (options->cu_mask && options->cu_mask_bit_count % 32 != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "a mask of %u compute units: expected a multiple of 32",
                        options->cu_mask_bit_count);
    return HSP_OK;
}

// HSA_CU_MASK of the environment limits every queue; what is left of the mask is set all the same.
static hsp_status set_cu_mask(const struct hsp_queue *queue,
                              const struct hsp_queue_options *options) {
    const hsa_status_t status = HSP_HSA(hsa_amd_queue_cu_set_mask)(
        queue->native, options->cu_mask_bit_count, options->cu_mask);
    if (status != (hsa_status_t)HSA_STATUS_CU_MASK_REDUCED)
        return hsp_hsa_check(status, HSP_HSA_ID_hsa_amd_queue_cu_set_mask);
    hsp_log(HSP_LOG_WARN,
            "queue %" PRIu64 " of %s: HSA_CU_MASK withholds compute units of its mask",
            queue->native->id, queue->agent->info.name);
    return HSP_OK;
}

static hsp_status create_native(struct hsp_queue *queue, uint32_t size,
                                const struct hsp_queue_options *options) {
    // HSA's "no hint" is all ones.
    const uint32_t private_bytes =
        options->private_segment_bytes ? options->private_segment_bytes : UINT32_MAX;
    const uint32_t group_bytes =
        options->group_segment_bytes ? options->group_segment_bytes : UINT32_MAX;
    const hsa_queue_type32_t type = (hsa_queue_type32_t)options->type;
    hsp_status status = HSP_OK;
    if (options->intercept)
        status = hsp_intercept_create(queue->agent, size, type, note_error, queue, private_bytes,
                                      group_bytes, &queue->native);
    else
        status =
            HSP_HSA_CALL(hsa_queue_create, (queue->agent->handle, size, type, note_error, queue,
                                            private_bytes, group_bytes, &queue->native));
    if (status == HSP_OK && options->priority != HSP_PRIORITY_NORMAL)
        status = HSP_HSA_CALL(hsa_amd_queue_set_priority,
                              (queue->native, priorities[options->priority]));
    if (status == HSP_OK && options->cu_mask)
        status = set_cu_mask(queue, options);
    if (status == HSP_OK && options->profiling)
        status = hsp_queue_set_profiling(queue, true);
    return status;
}

// A doorbell signal of kind DOORBELL holds the address of a 64-bit register; every other kind needs
// what the runtime does behind hsa_signal_store.
static hsp_status find_doorbell(struct hsp_queue *queue, enum hsp_doorbell doorbell) {
    if (doorbell == HSP_DOORBELL_HSA)
        return HSP_OK;
    if (doorbell != HSP_DOORBELL_DIRECT)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "doorbell %d is unknown", (int)doorbell);
    const struct abi_signal *signal =
        (const struct abi_signal *)(uintptr_t)queue->native->doorbell_signal.handle;
    if (queue->is_intercepted)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "no direct doorbell: the runtime rings for an intercepted queue");
    if (signal->kind != ABI_SIGNAL_DOORBELL)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "no direct doorbell: the queue's doorbell signal is of kind %" PRId64
                        ", not %d",
                        signal->kind, ABI_SIGNAL_DOORBELL);
    queue->doorbell_register = (uint64_t *)(uintptr_t)signal->value;
    return HSP_OK;
}

static void open_ring(struct hsp_queue *queue, bool is_single) {
    struct abi_queue *memory = (struct abi_queue *)(void *)queue->native;
    queue->ring = (struct hsp_aql_ring){
        .packets = queue->native->base_address,
        .write_index = &memory->write_dispatch_id,
        .read_index = &memory->read_dispatch_id,
        .count = queue->native->size,
        .is_single = is_single,
    };
}

hsp_status hsp_queue_create(const struct hsp_agent *agent, const struct hsp_queue_options *options,
                            struct hsp_queue **out_queue) {
    struct hsp_queue_options chosen = {0};
    hsp_status status = hsp_options_read(options, &chosen, sizeof(chosen), "queue options");
    if (status == HSP_OK)
        status = check_options(agent, &chosen);
    uint32_t size = 0;
    if (status == HSP_OK)
        status = choose_size(agent, chosen.packet_count, &size);
    if (status != HSP_OK)
        return status;
    struct hsp_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return hsp_fail_memory("a queue");
    queue->agent = agent;
    queue->is_intercepted = chosen.intercept;
    queue->on_error = chosen.on_error;
    queue->on_error_data = chosen.on_error_data;
    status = create_native(queue, size, &chosen);
    if (status == HSP_OK)
        status = find_doorbell(queue, chosen.doorbell);
    if (status != HSP_OK) {
        hsp_queue_destroy(queue);
        return status;
    }
    open_ring(queue, chosen.type == HSP_QUEUE_SINGLE);
    *out_queue = queue;
    return HSP_OK;
}

hsp_status hsp_queue_wrap(const struct hsp_agent *agent, hsa_queue_t *native,
                          struct hsp_queue **out_queue) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    if (!agent || !native || !native->base_address || native->size == 0 ||
        (native->size & (native->size - 1)) != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "this is no queue to be wrapped");
    struct hsp_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return hsp_fail_memory("a queue");
    queue->agent = agent;
    queue->native = native;
    queue->is_wrapped = true;
    open_ring(queue, native->type == HSA_QUEUE_TYPE_SINGLE);
    *out_queue = queue;
    return HSP_OK;
}

void hsp_queue_destroy(struct hsp_queue *queue) {
    if (!queue)
        return;
    if (queue->native && !queue->is_wrapped)
        HSP_HSA(hsa_queue_destroy)(queue->native);
    hsp_intercept_fini(queue);
    free(queue);
}

hsa_queue_t *hsp_queue_native(const struct hsp_queue *queue) {
    return queue->native;
}

const struct hsp_agent *hsp_queue_agent(const struct hsp_queue *queue) {
    return queue->agent;
}

enum hsp_doorbell hsp_queue_doorbell(const struct hsp_queue *queue) {
    return queue->doorbell_register ? HSP_DOORBELL_DIRECT : HSP_DOORBELL_HSA;
}

uint32_t hsp_queue_packet_count(const struct hsp_queue *queue) {
    return queue->ring.count;
}

hsp_status hsp_queue_set_profiling(struct hsp_queue *queue, bool enable) {
    return HSP_HSA_CALL(hsa_amd_profiling_set_profiler_enabled, (queue->native, enable));
}

hsp_status hsp_queue_error(const struct hsp_queue *queue) {
    return __atomic_load_n(&queue->error, __ATOMIC_ACQUIRE);
}

const char *hsp_queue_error_reason(const struct hsp_queue *queue) {
    return hsp_queue_error(queue) == HSP_OK ? "" : queue->error_reason;
}

hsp_status hsp_queue_stopped(const struct hsp_queue *queue) {
    return hsp_fail(HSP_ERROR_QUEUE, "the queue stopped: %s", queue->error_reason);
}

uint64_t hsp_queue_write_index(const struct hsp_queue *queue) {
    return __atomic_load_n(queue->ring.write_index, __ATOMIC_RELAXED);
}

uint64_t hsp_queue_read_index(const struct hsp_queue *queue) {
    return __atomic_load_n(queue->ring.read_index, __ATOMIC_ACQUIRE);
}

static hsp_status check_count(const struct hsp_queue *queue, uint32_t count) {
    if (count > 0 && count <= queue->ring.count)
        return HSP_OK;
    return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "cannot reserve %u packets: the queue has %u",
                    count, queue->ring.count);
}

hsp_status hsp_queue_try_reserve(struct hsp_queue *queue, uint32_t count,
                                 uint64_t *out_first_index) {
    const hsp_status status = check_count(queue, count);
    if (status != HSP_OK)
        return status;
    return hsp_aql_ring_try_reserve(&queue->ring, count, out_first_index) ? HSP_OK : HSP_ERROR_FULL;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// The ring was full: spin, now and then looking at the queue's health and the time.
static hsp_status wait_for_room(struct hsp_queue *queue, uint32_t count, uint64_t timeout_ns,
                                uint64_t *out_first_index) {
    const uint64_t start_ns = hsp_clock_ns();
    for (;;) {
        for (int spin = 0; spin < SPINS_PER_YIELD; spin++) {
            if (hsp_aql_ring_try_reserve(&queue->ring, count, out_first_index))
                return HSP_OK;
            relax();
        }
        if (hsp_queue_error(queue) != HSP_OK)
            return hsp_queue_stopped(queue);
        if (timeout_ns != HSP_WAIT_FOREVER && hsp_clock_ns() - start_ns >= timeout_ns)
            return HSP_ERROR_TIMEOUT;
        sched_yield();
    }
}

hsp_status hsp_queue_reserve(struct hsp_queue *queue, uint32_t count, uint64_t timeout_ns,
                             uint64_t *out_first_index) {
    const hsp_status status = check_count(queue, count);
    if (status != HSP_OK)
        return status;
    if (hsp_aql_ring_try_reserve(&queue->ring, count, out_first_index))
        return HSP_OK;
    return wait_for_room(queue, count, timeout_ns, out_first_index);
}

union hsp_packet *hsp_queue_slot(const struct hsp_queue *queue, uint64_t index) {
    return hsp_aql_ring_slot(&queue->ring, index);
}

void hsp_queue_publish(union hsp_packet *slot, uint16_t header, uint16_t setup) {
    hsp_aql_publish(slot, header, setup);
}

void hsp_queue_ring_doorbell(struct hsp_queue *queue, uint64_t last_index) {
    // Release: the packets are in memory before the register's store is.
    if (queue->doorbell_register)
        __atomic_store_n(queue->doorbell_register, last_index, __ATOMIC_RELEASE);
    else
        HSP_HSA(hsa_signal_store_screlease)(queue->native->doorbell_signal, (int64_t)last_index);
}

void hsp_queue_read_slot(const struct hsp_queue *queue, uint64_t index,
                         union hsp_packet *out_packet) {
    const union hsp_packet *slot = hsp_aql_ring_slot(&queue->ring, index);
    for (int i = 0; i < 16; i++)
        out_packet->words[i] = __atomic_load_n(&slot->words[i], __ATOMIC_RELAXED);
}
