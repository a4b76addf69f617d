/* SPDX-License-Identifier: MIT */
#include "trace/packets.h"

#include <pthread.h>
#include <stdatomic.h>

#include "abi/aql.h"
#include "abi/queue.h"
#include "trace/pending.h"
#include "trace/table.h"

#define QUEUES_MAX 256u

struct queue {
    atomic_ullong doorbell; // its signal; 0 while nobody has the place
    pthread_mutex_t lock;
    struct abi_queue *native;
    uint64_t next; // first packet not yet seen
    uint64_t rung; // packets below this were rung for
    struct pending_list times;
};

static struct queue queues[QUEUES_MAX];
static atomic_uint queue_count;
static pthread_mutex_t queues_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t copies_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pending_list copies;
static atomic_ullong copy_number;
static atomic_uint open_copies; // entries of `copies`: read without the lock

static struct queue *find_doorbell(uint64_t signal) {
    const uint32_t count = atomic_load_explicit(&queue_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load_explicit(&queues[i].doorbell, memory_order_acquire) == signal)
            return &queues[i];
    return NULL;
}

static struct queue *find_native(const void *native) {
    const uint32_t count = atomic_load(&queue_count);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&queues[i].doorbell) && queues[i].native == native)
            return &queues[i];
    return NULL;
}

static void add_queue(struct abi_queue *native, uint64_t agent) {
    pthread_mutex_lock(&queues_lock);
    uint32_t i = 0;
    while (i < QUEUES_MAX && atomic_load(&queues[i].doorbell))
        i++;
    struct queue *queue = i < QUEUES_MAX ? &queues[i] : NULL;
    if (queue && pending_init(&queue->times, native->id, agent)) {
        // Once: of a place that was left another thread may hold the lock still.
        if (i >= atomic_load(&queue_count))
            pthread_mutex_init(&queue->lock, NULL);
        queue->native = native;
        queue->next = queue->rung = native->write_dispatch_id;
        atomic_store(&queue->doorbell, native->doorbell_signal);
        if (i >= atomic_load(&queue_count))
            atomic_store(&queue_count, i + 1);
    }
    pthread_mutex_unlock(&queues_lock);
}

void trace_queue_created(struct trace_frame *frame) {
    struct abi_queue **out = (struct abi_queue **)trace_stack_argument(frame, 1);
    const struct trace_hsa *hsa = trace_hsa_get();
    if (frame->result != HSA_STATUS_SUCCESS || !out || !*out || !hsa ||
        !trace_has_layer(HSP_LAYER_DEVICE))
        return;
    struct hsp_trace_ring *ring = trace_mute();
    hsa->set_profiler((hsa_queue_t *)*out, 1);
    trace_unmute(ring);
    hsp_writer_note(HSP_NOTE_QUEUE, (*out)->id, (*out)->size, "");
    add_queue(*out, frame->arguments[0]);
}

static void remove_queue(struct queue *queue) {
    pthread_mutex_lock(&queues_lock);
    pthread_mutex_lock(&queue->lock);
    pending_collect(&queue->times, true);
    pending_fini(&queue->times);
    atomic_store(&queue->doorbell, 0);
    pthread_mutex_unlock(&queue->lock);
    pthread_mutex_unlock(&queues_lock);
}

void trace_queue_destroyed(struct trace_frame *frame) {
    struct queue *queue = find_native((const void *)frame->arguments[0]);
    if (queue)
        remove_queue(queue);
}

static uint64_t product(const uint32_t *sizes, unsigned count) {
    uint64_t result = 1;
    for (unsigned i = 0; i < count; i++)
        result *= sizes[i] ? sizes[i] : 1;
    return result;
}

static void write_packet(const struct queue *queue, const struct abi_aql_dispatch *packet,
                         unsigned type) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    struct hsp_trace_event *event = ring ? hsp_writer_claim(ring) : NULL;
    if (!event)
        return;
    const bool is_kernel = type == ABI_AQL_KERNEL_DISPATCH;
    const uint32_t group[] = {packet->workgroup_size[0], packet->workgroup_size[1],
                              packet->workgroup_size[2]};
    event->start_ticks = hsp_writer_clock();
    event->end_ticks = is_kernel ? product(group, 3) : 0;
    event->child_ticks = is_kernel ? product(packet->grid_size, 3) : 0;
    event->value = queue->next;
    event->detail[0] = is_kernel ? packet->kernel_object : 0;
    event->detail[1] = queue->times.queue_id;
    event->id = (uint16_t)type;
    event->kind = HSP_TRACE_DISPATCH;
    hsp_writer_place(ring, event);
    hsp_writer_commit(ring);
}

static bool is_consumed(const struct queue *queue, const struct abi_aql_dispatch *packet) {
    return abi_aql_type(__atomic_load_n(&packet->header, __ATOMIC_SEQ_CST)) == ABI_AQL_INVALID ||
           __atomic_load_n(&queue->native->read_dispatch_id, __ATOMIC_SEQ_CST) > queue->next;
}

// Perhaps it has a copy of the packet already.
static bool has_begun(const struct queue *queue, const struct abi_aql_dispatch *packet) {
    return is_consumed(queue, packet) ||
           __atomic_load_n(&queue->native->read_dispatch_id, __ATOMIC_SEQ_CST) == queue->next;
}

static void collect(struct queue *queue, bool all) {
    queue->times.consumed = __atomic_load_n(&queue->native->read_dispatch_id, __ATOMIC_ACQUIRE);
    pending_collect(&queue->times, all);
}

static void watch_foreign_signal(struct queue *queue, const struct abi_aql_dispatch *packet,
                                 uint64_t signal) {
    struct pending_list *times = &queue->times;
    pending_release(times, signal);
    // The end that the signal has now is an older packet's, unless the processor ran ahead.
    const uint64_t end = pending_state(times, signal);
    const bool is_its_own = is_consumed(queue, packet) && end > times->last_end;
    pending_add_since(times, queue->next, signal, is_its_own ? 0 : end, false);
}

// Only kernels: a barrier's signal means nothing to the device's time.
static void watch_packet(struct queue *queue, struct abi_aql_dispatch *packet, bool is_barrier) {
    const uint64_t signal = __atomic_load_n(&packet->completion_signal, __ATOMIC_ACQUIRE);
    if (signal) {
        watch_foreign_signal(queue, packet, signal);
        if (is_barrier)
            pending_barrier(&queue->times);
        return;
    }
    // Where packets have no barrier bits: two rounds of the ring ago is over too.
    const uint64_t rounds = 2 * (uint64_t)queue->native->size;
    if (queue->next > rounds && queue->times.settled < queue->next - rounds)
        queue->times.settled = queue->next - rounds;
    const uint64_t own = is_consumed(queue, packet) ? 0 : pending_take_signal(&queue->times);
    if (!own)
        return;
    pending_add(&queue->times, queue->next, own, true);
    if (is_barrier)
        pending_barrier(&queue->times);
    __atomic_store_n(&packet->completion_signal, own, __ATOMIC_SEQ_CST);
    if (has_begun(queue, packet))
        pending_doubt(&queue->times);
}

// False when the packet isn't there yet: its producer will ring for it.
static bool take_packet(struct queue *queue) {
    struct abi_queue *native = queue->native;
    struct abi_aql_dispatch *packet =
        (struct abi_aql_dispatch *)native->base_address + (queue->next & (native->size - 1));
    const uint16_t header = __atomic_load_n(&packet->header, __ATOMIC_ACQUIRE);
    unsigned type = abi_aql_type(header);
    const bool was_consumed =
        __atomic_load_n(&native->read_dispatch_id, __ATOMIC_ACQUIRE) > queue->next;
    if (type == ABI_AQL_INVALID && !was_consumed)
        return false;
    // The processor has cleared the type; only kernels have dimensions.
    if (type == ABI_AQL_INVALID)
        type = packet->setup ? ABI_AQL_KERNEL_DISPATCH : ABI_AQL_BARRIER_AND;
    write_packet(queue, packet, type);
    if (type == ABI_AQL_KERNEL_DISPATCH)
        watch_packet(queue, packet, header >> ABI_AQL_HEADER_BARRIER_BIT & 1);
    queue->next++;
    return true;
}

static void ring_doorbell(struct queue *queue, uint64_t last) {
    pthread_mutex_lock(&queue->lock);
    if (queue->rung < last + 1)
        queue->rung = last + 1;
    while (queue->next < queue->rung && take_packet(queue))
        ;
    collect(queue, false);
    pthread_mutex_unlock(&queue->lock);
}

static void collect_copies(uint64_t signal_to_release) {
    if (atomic_load_explicit(&open_copies, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&copies_lock);
    pending_collect(&copies, true);
    if (signal_to_release)
        pending_release(&copies, signal_to_release);
    atomic_store(&open_copies, (unsigned)(copies.head - copies.tail));
    pthread_mutex_unlock(&copies_lock);
}

void trace_signal_stored(struct trace_frame *frame) {
    struct queue *queue = find_doorbell(frame->arguments[0]);
    if (queue)
        ring_doorbell(queue, frame->arguments[1]);
    else
        collect_copies(0); // perhaps the program prepares its signal for the next
}

static void collect_queues(uint64_t signal_to_release, bool all) {
    const uint32_t count = atomic_load(&queue_count);
    for (uint32_t i = 0; i < count; i++) {
        struct queue *queue = &queues[i];
        if (!atomic_load(&queue->doorbell) || pending_is_empty(&queue->times))
            continue;
        pthread_mutex_lock(&queue->lock);
        if (atomic_load(&queue->doorbell)) {
            collect(queue, all);
            if (signal_to_release)
                pending_release(&queue->times, signal_to_release);
        }
        pthread_mutex_unlock(&queue->lock);
    }
}

void trace_signal_waited(struct trace_frame *frame) {
    (void)frame;
    collect_queues(0, false);
    collect_copies(0);
}

void trace_signal_destroyed(struct trace_frame *frame) {
    collect_queues(frame->arguments[0], false);
    collect_copies(frame->arguments[0]);
}

void trace_packets_collect(void) {
    if (!trace_hsa_get())
        return;
    collect_queues(0, true);
    collect_copies(0);
}

void trace_packets_reset(void) {
    const uint32_t count = atomic_load(&queue_count);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&queues[i].doorbell))
            remove_queue(&queues[i]);
    pthread_mutex_lock(&copies_lock);
    pending_fini(&copies);
    atomic_store(&open_copies, 0);
    pthread_mutex_unlock(&copies_lock);
    trace_signals_reset();
}

static void begin_copy(struct trace_frame *frame, uint64_t signal) {
    frame->scratch[0] = signal;
    frame->scratch[1] =
        signal ? pending_state(&(struct pending_list){.queue_id = HSP_TRACE_COPIES}, signal) : 0;
}

static void write_copy(uint64_t number, uint64_t bytes, uint64_t to, uint64_t from) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    struct hsp_trace_event *event = ring ? hsp_writer_claim(ring) : NULL;
    if (!event)
        return;
    // When it was called: by its return the copy may be over.
    event->start_ticks = ring->depth ? ring->open[ring->depth - 1].start_ticks : hsp_writer_clock();
    event->end_ticks = from;
    event->child_ticks = to;
    event->value = number;
    event->detail[0] = bytes;
    event->detail[1] = HSP_TRACE_COPIES;
    event->id = 0;
    event->kind = HSP_TRACE_COPY;
    hsp_writer_place(ring, event);
    hsp_writer_commit(ring);
}

static void end_copy(const struct trace_frame *frame, uint64_t bytes, uint64_t to, uint64_t from) {
    if (frame->result != HSA_STATUS_SUCCESS || !trace_has_layer(HSP_LAYER_DEVICE))
        return;
    const uint64_t number = atomic_fetch_add(&copy_number, 1);
    write_copy(number, bytes, to, from);
    if (!frame->scratch[0])
        return;
    pthread_mutex_lock(&copies_lock);
    if (copies.entries || pending_init(&copies, HSP_TRACE_COPIES, 0)) {
        pending_add_since(&copies, number, frame->scratch[0], frame->scratch[1], false);
        atomic_store(&open_copies, (unsigned)(copies.head - copies.tail));
    }
    pthread_mutex_unlock(&copies_lock);
}

void trace_copy_begins(struct trace_frame *frame) {
    begin_copy(frame, trace_stack_argument(frame, 1));
}

void trace_copy_ended(struct trace_frame *frame) {
    end_copy(frame, frame->arguments[4], frame->arguments[0], frame->arguments[2]);
}

void trace_rect_copy_begins(struct trace_frame *frame) {
    begin_copy(frame, trace_stack_argument(frame, 3));
}

void trace_rect_copy_ended(struct trace_frame *frame) {
    const hsa_dim3_t *range = (const hsa_dim3_t *)frame->arguments[4];
    const hsa_pitched_ptr_t *to = (const hsa_pitched_ptr_t *)frame->arguments[0];
    const hsa_pitched_ptr_t *from = (const hsa_pitched_ptr_t *)frame->arguments[2];
    end_copy(frame, (uint64_t)range->x * range->y * range->z, (uint64_t)to->base,
             (uint64_t)from->base);
}
