/* SPDX-License-Identifier: MIT */
#include "hip_queues.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include <hsaprobe/signal.h>

#define QUEUES_MAX 32

static struct {
    pthread_mutex_t lock;
    hsa_queue_t *queues[QUEUES_MAX]; /* those that HIP destroyed are removed */
    size_t count;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void remember(hsa_queue_t *queue) {
    pthread_mutex_lock(&known.lock);
    if (known.count < QUEUES_MAX)
        known.queues[known.count++] = queue;
    pthread_mutex_unlock(&known.lock);
}

static void forget(const hsa_queue_t *queue) {
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < known.count; i++)
        if (known.queues[i] == queue)
            known.queues[i] = known.queues[--known.count];
    pthread_mutex_unlock(&known.lock);
}

/* HSA's own, behind ours. A union because a function's address is no object's in C. */
#define REAL(name)                                                                                 \
    ((union {                                                                                      \
        void *object;                                                                              \
        __typeof__(&name) function;                                                                \
    }){dlsym(RTLD_NEXT, #name)})                                                                   \
        .function

HSP_API hsa_status_t hsa_queue_create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                                      void (*callback)(hsa_status_t, hsa_queue_t *, void *),
                                      void *data, uint32_t private_bytes, uint32_t group_bytes,
                                      hsa_queue_t **queue) {
    hsa_status_t status = REAL(hsa_queue_create)(agent, size, type, callback, data, private_bytes,
                                                 group_bytes, queue);
    if (status == HSA_STATUS_SUCCESS)
        remember(*queue);
    return status;
}

HSP_API hsa_status_t hsa_queue_destroy(hsa_queue_t *queue) {
    forget(queue);
    return REAL(hsa_queue_destroy)(queue);
}

/* The queue whose write index one launch moves. */
static hsa_queue_t *queue_of(int (*launch)(void *), int (*wait)(void *), void *state) {
    uint64_t before[QUEUES_MAX];
    hsa_queue_t *found = NULL;
    pthread_mutex_lock(&known.lock);
    size_t count = known.count;
    for (size_t i = 0; i < count; i++)
        before[i] = hsa_queue_load_write_index_relaxed(known.queues[i]);
    pthread_mutex_unlock(&known.lock);
    if (launch(state) || wait(state))
        return NULL;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < count && i < known.count; i++)
        if (hsa_queue_load_write_index_relaxed(known.queues[i]) != before[i])
            found = known.queues[i];
    pthread_mutex_unlock(&known.lock);
    return found;
}

static union hsp_packet *slot_of(const hsa_queue_t *queue, uint64_t index) {
    return (union hsp_packet *)queue->base_address + (index & (queue->size - 1));
}

/* Holds the queue until the signal is 0. Returns the barrier packet's index. */
static uint64_t hold(hsa_queue_t *queue, hsa_signal_t signal) {
    uint64_t index = hsa_queue_add_write_index_scacq_screl(queue, 1);
    union hsp_packet *slot = slot_of(queue, index);
    memset(&slot->words[1], 0, sizeof *slot - sizeof slot->words[0]);
    slot->barrier_and.dep_signal[0] = signal;
    uint16_t header = hsp_packet_header(HSA_PACKET_TYPE_BARRIER_AND, true, HSA_FENCE_SCOPE_NONE,
                                        HSA_FENCE_SCOPE_NONE);
    __atomic_store_n(&slot->words[0], header, __ATOMIC_RELEASE);
    hsa_signal_store_screlease(queue->doorbell_signal, (hsa_signal_value_t)index);
    return index;
}

static bool find_dispatch(const hsa_queue_t *queue, uint64_t from, union hsp_packet *out_packet) {
    uint64_t end = hsa_queue_load_write_index_scacquire(queue);
    for (uint64_t index = from; index < end; index++) {
        const union hsp_packet *slot = slot_of(queue, index);
        uint32_t word = __atomic_load_n(&slot->words[0], __ATOMIC_ACQUIRE);
        if ((word & 0xff) == HSA_PACKET_TYPE_KERNEL_DISPATCH) {
            *out_packet = *slot;
            return true;
        }
    }
    return false;
}

const char *hip_queues_capture(int (*launch)(void *state), int (*wait)(void *state), void *state,
                               union hsp_packet *out_packet) {
    if (launch(state) || wait(state)) /* the first launch may load and allocate */
        return "the launch failed";
    hsa_queue_t *queue = queue_of(launch, wait, state);
    if (!queue)
        return "HIP's queue is not known";
    hsa_signal_t gate;
    if (hsp_signal_create(1, NULL, &gate))
        return "no signal";
    uint64_t index = hold(queue, gate);
    bool failed = launch(state) != 0;
    bool found = !failed && find_dispatch(queue, index + 1, out_packet);
    hsp_signal_store_release(gate, 0);
    failed = wait(state) != 0 || failed;
    hsp_signal_destroy(gate);
    if (failed)
        return "the launch failed";
    return found ? NULL : "HIP wrote no dispatch packet";
}
