/* SPDX-License-Identifier: MIT */
// A queue that is held up fills: reserving then fails or waits; producers share it; options are
// checked.
#include "live.h"

#include <dlfcn.h>
#include <pthread.h>

enum { RING = 64, PRODUCERS = 4, EACH = 200 };

static void put_barrier(struct hsp_queue *queue, uint64_t index, hsa_signal_t dependency,
                        hsa_signal_t completion) {
    union hsp_packet *slot = hsp_queue_slot(queue, index);
    memset(&slot->words[1], 0, sizeof(*slot) - sizeof(slot->words[0]));
    slot->barrier_and.dep_signal[0] = dependency;
    slot->barrier_and.completion_signal = completion;
    hsp_queue_publish(slot,
                      hsp_packet_header(HSA_PACKET_TYPE_BARRIER_AND, true, HSA_FENCE_SCOPE_SYSTEM,
                                        HSA_FENCE_SCOPE_SYSTEM),
                      0);
}

static void full_ring(const struct hsp_agent *gpu) {
    const struct hsp_queue_options options = {.size = sizeof(options), .packet_count = RING};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, &options, &queue));
    hsa_signal_t gate, done, none = {0};
    OK(hsp_signal_create(1, NULL, &gate));
    OK(hsp_signal_create(1, NULL, &done));
    uint64_t first = 0;
    OK(hsp_queue_try_reserve(queue, RING, &first));
    put_barrier(queue, first, gate, none);
    for (uint64_t i = 1; i + 1 < RING; i++)
        put_barrier(queue, first + i, none, none);
    put_barrier(queue, first + RING - 1, none, done);
    hsp_queue_ring_doorbell(queue, first + RING - 1);

    uint64_t more = 12345;
    CHECK(hsp_queue_try_reserve(queue, 1, &more) == HSP_ERROR_FULL);
    const uint64_t start = hsp_clock_ns();
    CHECK(hsp_queue_reserve(queue, 1, 10000000, &more) == HSP_ERROR_TIMEOUT);
    CHECK(hsp_clock_ns() - start >= 10000000);
    CHECK(more == 12345 && hsp_queue_write_index(queue) == first + RING);
    CHECK(hsp_signal_load_relaxed(done) == 1, "a barrier did not hold");

    hsp_signal_store_release(gate, 0);
    OK(hsp_queue_reserve(queue, RING, LIVE_WAIT_NS, &more));
    CHECK(more == first + RING && hsp_queue_read_index(queue) == first + RING);
    CHECK(hsp_signal_load_acquire(done) == 0);
    FAILS(hsp_queue_try_reserve(queue, RING + 1, &more), HSP_ERROR_INVALID_ARGUMENT,
          "the queue has 64");
    FAILS(hsp_queue_try_reserve(queue, 0, &more), HSP_ERROR_INVALID_ARGUMENT, "reserve 0");
    hsp_queue_destroy(queue);
    hsp_signal_destroy(gate);
    hsp_signal_destroy(done);
}

struct producer {
    struct hsp_queue *queue;
    const struct hsp_dispatch *dispatch;
};

static void *produce(void *data) {
    const struct producer *producer = data;
    for (int i = 0; i < EACH; i++)
        OK(hsp_dispatch_submit(producer->queue, i % 2 ? HSP_SUBMIT_RING : HSP_SUBMIT_HSA,
                               producer->dispatch, 1, NULL));
    return NULL;
}

// Each dispatch adds 1 and takes a ticket: none is lost and none runs twice.
static void many_producers(const struct hsp_agent *gpu) {
    struct live_kernel counter = live_load(gpu, "counter");
    uint32_t *total = live_host_memory(gpu, 64), *tickets = live_host_memory(gpu, 64);
    const uint32_t step = 1;
    const uint32_t one[] = {1, 1, 1};
    struct hsp_geometry geometry;
    struct hsp_arguments *arguments = NULL;
    OK(hsp_geometry_from_blocks(one, one, 0, &geometry));
    OK(hsp_arguments_create(counter.kernel, &arguments));
    OK(hsp_arguments_set_pointer(arguments, 0, total));
    OK(hsp_arguments_set_pointer(arguments, 1, tickets));
    OK(hsp_arguments_set(arguments, 2, HSP_VALUE_U32, &step, sizeof(step)));
    struct hsp_kernarg_arena *arena = NULL;
    OK(hsp_kernarg_arena_create(gpu, counter.code.kernarg_bytes, 1, &arena));
    void *kernarg = hsp_kernarg_arena_acquire(arena);
    const struct hsp_queue_options options = {.size = sizeof(options), .packet_count = RING};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, &options, &queue));
    OK(hsp_arguments_write(arguments, &geometry, queue, kernarg,
                           hsp_kernarg_arena_block_bytes(arena)));
    struct hsp_dispatch dispatch;
    hsp_dispatch_init(&dispatch, &counter.code, &geometry, kernarg);
    OK(hsp_signal_create(PRODUCERS * EACH, NULL, &dispatch.completion));
    struct producer producer = {.queue = queue, .dispatch = &dispatch};
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++)
        CHECK(pthread_create(&threads[i], NULL, produce, &producer) == 0);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    OK(hsp_dispatch_wait(queue, dispatch.completion, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    CHECK(total[0] == PRODUCERS * EACH, "%u of %d", total[0], PRODUCERS * EACH);
    hsp_queue_destroy(queue);
    hsp_signal_destroy(dispatch.completion);
    hsp_arguments_destroy(arguments);
    hsp_kernarg_arena_destroy(arena);
    OK(hsp_memory_free(total));
    OK(hsp_memory_free(tickets));
    live_unload(&counter);
}

struct hsa_functions {
    __typeof__(hsa_queue_create) *create;
    __typeof__(hsa_queue_destroy) *destroy;
};

static void find(void *out_function, const char *name) {
    void *symbol = dlsym(dlopen("libhsa-runtime64.so.1", RTLD_NOW), name);
    CHECK(symbol, "%s", name);
    memcpy(out_function, &symbol, sizeof(symbol));
}

// A queue made by HSA's own function takes packets of the library's writer and of its wrappers,
// says what it is, and outlives the wrapped form.
static void around_a_raw_queue(const struct hsp_agent *gpu) {
    struct hsa_functions hsa;
    find(&hsa.create, "hsa_queue_create");
    find(&hsa.destroy, "hsa_queue_destroy");
    hsa_queue_t *native = NULL;
    CHECK(hsa.create(hsp_agent_handle(gpu), RING, HSA_QUEUE_TYPE_MULTI, NULL, NULL, UINT32_MAX,
                     UINT32_MAX, &native) == HSA_STATUS_SUCCESS);
    hsa_signal_t done;
    OK(hsp_signal_create(0, NULL, &done));
    for (int time = 0; time < 2; time++) {
        struct hsp_queue *queue = NULL;
        OK(hsp_queue_wrap(gpu, native, &queue));
        CHECK(hsp_queue_native(queue) == native && hsp_queue_agent(queue) == gpu);
        CHECK(hsp_queue_packet_count(queue) == RING);
        CHECK(hsp_queue_doorbell(queue) == HSP_DOORBELL_HSA);
        CHECK(hsp_queue_error(queue) == HSP_OK && !hsp_queue_error_reason(queue)[0]);
        const uint64_t begin = hsp_queue_write_index(queue);
        CHECK(begin == (uint64_t)time * 2 * RING);
        struct hsp_barrier barrier;
        hsp_barrier_init(&barrier, HSP_BARRIER_AND);
        barrier.completion = done;
        hsp_signal_store_relaxed(done, 2 * RING);
        for (int i = 0; i < 2 * RING; i++) // once around the ring
            OK(hsp_barrier_submit(queue, i % 2 ? HSP_SUBMIT_RING : HSP_SUBMIT_HSA, &barrier, 1,
                                  NULL));
        OK(hsp_dispatch_wait(queue, done, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
        CHECK(hsp_queue_write_index(queue) == begin + 2 * RING);
        OK(hsp_queue_set_profiling(queue, true));
        hsp_queue_destroy(queue);
    }
    struct hsp_queue *queue = NULL;
    FAILS(hsp_queue_wrap(gpu, NULL, &queue), HSP_ERROR_INVALID_ARGUMENT, "no queue");
    FAILS(hsp_queue_wrap(NULL, native, &queue), HSP_ERROR_INVALID_ARGUMENT, "no queue");
    CHECK(!queue);
    hsp_signal_destroy(done);
    CHECK(hsa.destroy(native) == HSA_STATUS_SUCCESS, "the queue went with its wrapped form");
}

static void count_line(enum hsp_log_level level, const char *line, void *data) {
    *(int *)data += level == HSP_LOG_WARN && strstr(line, "HSA_CU_MASK") != NULL;
}

// The environment leaves 32 units; a mask is set as far as they reach, and that is told.
static void masks_are_cut_by_the_environment(const struct hsp_agent *gpu) {
    static const uint32_t low[4] = {0xf0}, high[4] = {0xf0, 0xf};
    struct {
        hsa_status_t (*get_mask)(const hsa_queue_t *, uint32_t, uint32_t *);
    } hsa;
    find(&hsa.get_mask, "hsa_amd_queue_cu_get_mask");
    int told = 0;
    hsp_log_set(count_line, &told);
    struct hsp_queue_options options = {
        .size = sizeof(options), .cu_mask = low, .cu_mask_bit_count = 128};
    for (int i = 0; i < 2; i++) {
        struct hsp_queue *queue = NULL;
        OK(hsp_queue_create(gpu, &options, &queue));
        CHECK(told == i, "told %d times", told);
        uint32_t mask[4] = {0};
        CHECK(hsa.get_mask(hsp_queue_native(queue), 128, mask) == HSA_STATUS_SUCCESS);
        CHECK(mask[0] == 0xf0 && mask[1] == 0, "mask %x %x", mask[0], mask[1]);
        hsp_queue_destroy(queue);
        options.cu_mask = high;
    }
    hsp_log_set(NULL, NULL);
    options.cu_mask_bit_count = 33;
    struct hsp_queue *queue = NULL;
    FAILS(hsp_queue_create(gpu, &options, &queue), HSP_ERROR_INVALID_ARGUMENT, "multiple of 32");
}

static void wrong_options(const struct hsp_agent *gpu) {
    struct hsp_queue *queue = NULL;
    struct hsp_queue_options options = {.size = sizeof(options), .packet_count = 1000};
    FAILS(hsp_queue_create(gpu, &options, &queue), HSP_ERROR_INVALID_ARGUMENT,
          "a queue of 1000 packets: expected a power of two");
    options.packet_count = 1u << 30;
    FAILS(hsp_queue_create(gpu, &options, &queue), HSP_ERROR_INVALID_ARGUMENT, "1073741824");
    options.packet_count = 0;
    FAILS(hsp_queue_create(hsp_agent_host(), &options, &queue), HSP_ERROR_NO_DEVICE,
          "runs no kernels");
    options.type = (enum hsp_queue_type)9;
    FAILS(hsp_queue_create(gpu, &options, &queue), HSP_ERROR_INVALID_ARGUMENT, "type 9");
    CHECK(!queue);
    hsp_queue_destroy(NULL);
}

int main(void) {
    setenv("HSA_CU_MASK", "0:0-31", 1); // read by hsa_init
    const struct hsp_agent *gpu = live_gpu();
    masks_are_cut_by_the_environment(gpu);
    full_ring(gpu);
    many_producers(gpu);
    around_a_raw_queue(gpu);
    wrong_options(gpu);
    hsp_runtime_shutdown();
    return 0;
}
