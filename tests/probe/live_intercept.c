/* SPDX-License-Identifier: MIT */
// Packets of an intercepted queue are seen, dropped, changed and added to before they run.
#include "live.h"

#include <stdatomic.h>

enum { ROUNDS = 200 };

struct run {
    struct live_kernel counter;
    uint32_t *total;
    uint32_t *tickets;
    struct hsp_kernarg_arena *arena;
    struct hsp_dispatch dispatch; // adds 1
    void *tens;                   // kernarg that adds 10
};

struct seen {
    uint64_t packets;
    uint64_t next_index;
    const struct run *run;
};

static void *kernarg_of(struct run *run, uint32_t step) {
    const uint32_t one[] = {1, 1, 1};
    struct hsp_geometry geometry;
    struct hsp_arguments *arguments = NULL;
    OK(hsp_geometry_from_blocks(one, one, 0, &geometry));
    OK(hsp_arguments_create(run->counter.kernel, &arguments));
    OK(hsp_arguments_set_pointer(arguments, 0, run->total));
    OK(hsp_arguments_set_pointer(arguments, 1, run->tickets));
    OK(hsp_arguments_set(arguments, 2, HSP_VALUE_U32, &step, sizeof(step)));
    void *kernarg = hsp_kernarg_arena_acquire(run->arena);
    OK(hsp_arguments_write(arguments, &geometry, NULL, kernarg,
                           hsp_kernarg_arena_block_bytes(run->arena)));
    hsp_arguments_destroy(arguments);
    hsp_dispatch_init(&run->dispatch, &run->counter.code, &geometry, kernarg);
    return kernarg;
}

// Submits ROUNDS dispatches that add 1 through the interceptors; what the total is then.
static uint32_t total_through(const struct hsp_agent *gpu, struct run *run,
                              const hsp_queue_interceptor *interceptors, size_t count,
                              struct seen *seen) {
    const struct hsp_queue_options options = {
        .size = sizeof(options), .packet_count = 1024, .intercept = true};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, &options, &queue));
    for (size_t i = 0; i < count; i++)
        OK(hsp_queue_intercept(queue, interceptors[i], &seen[i]));
    run->total[0] = 0;
    for (int i = 0; i < ROUNDS; i++)
        OK(hsp_dispatch_submit(queue, i % 2 ? HSP_SUBMIT_RING : HSP_SUBMIT_HSA, &run->dispatch, 1,
                               NULL));
    struct hsp_barrier last;
    hsp_barrier_init(&last, HSP_BARRIER_AND);
    OK(hsp_signal_create(1, NULL, &last.completion));
    OK(hsp_barrier_submit(queue, HSP_SUBMIT_HSA, &last, 1, NULL));
    OK(hsp_dispatch_wait(queue, last.completion, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    FAILS(hsp_queue_intercept(queue, interceptors[0], NULL), HSP_ERROR_INVALID_ARGUMENT,
          "too late");
    hsp_signal_destroy(last.completion);
    hsp_queue_destroy(queue);
    return run->total[0];
}

static bool is_dispatch(const union hsp_packet *packet) {
    return (packet->words[0] & 0xff) == HSA_PACKET_TYPE_KERNEL_DISPATCH;
}

static void observe(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                    struct hsp_packet_writer *writer, void *data) {
    struct seen *seen = data;
    CHECK(first_index == seen->next_index, "packet %llu after %llu",
          (unsigned long long)first_index, (unsigned long long)seen->next_index);
    seen->next_index = first_index + count;
    seen->packets += count;
    OK(hsp_packet_write(writer, packets, count));
}

// Every other dispatch is lost.
static void drop(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                 struct hsp_packet_writer *writer, void *data) {
    struct seen *seen = data;
    seen->packets += count;
    if (!is_dispatch(packets) || first_index % 2 == 0)
        OK(hsp_packet_write(writer, packets, count));
}

static void make_tens(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                      struct hsp_packet_writer *writer, void *data) {
    (void)first_index;
    const struct seen *seen = data;
    for (uint64_t i = 0; i < count; i++) {
        union hsp_packet changed = packets[i];
        if (is_dispatch(&changed))
            changed.dispatch.kernarg_address = seen->run->tens;
        OK(hsp_packet_write(writer, &changed, 1));
    }
}

static void add_two_behind(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                           struct hsp_packet_writer *writer, void *data) {
    (void)first_index;
    (void)data;
    const union hsp_packet three[3] = {packets[0], packets[0], packets[0]};
    CHECK(count == 1, "%llu packets at once", (unsigned long long)count);
    OK(hsp_packet_write(writer, three, is_dispatch(packets) ? 3 : 1));
}

static void without_the_table_queues_are_refused(const struct hsp_agent *gpu) {
    const struct hsp_queue_options options = {.size = sizeof(options), .intercept = true};
    struct hsp_queue *queue = NULL;
    FAILS(hsp_queue_create(gpu, &options, &queue), HSP_ERROR_NOT_SUPPORTED, "no API table");
    CHECK(strstr(hsp_last_hint(), "hsp_runtime_request_table"), "%s", hsp_last_hint());
    FAILS(hsp_runtime_request_table(), HSP_ERROR_INVALID_ARGUMENT, "before hsp_runtime_init");
}

static void plain_queues_are_not_intercepted(const struct hsp_agent *gpu) {
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, NULL, &queue));
    FAILS(hsp_queue_intercept(queue, observe, NULL), HSP_ERROR_INVALID_ARGUMENT,
          "options.intercept");
    hsp_queue_destroy(queue);
    const struct hsp_queue_options direct = {
        .size = sizeof(direct), .intercept = true, .doorbell = HSP_DOORBELL_DIRECT};
    FAILS(hsp_queue_create(gpu, &direct, &queue), HSP_ERROR_NOT_SUPPORTED, "intercepted queue");
}

static void interception(const struct hsp_agent *gpu) {
    struct run run = {.counter = live_load(gpu, "counter"),
                      .total = live_host_memory(gpu, 64),
                      .tickets = live_host_memory(gpu, 4096 * 4)};
    OK(hsp_kernarg_arena_create(gpu, run.counter.code.kernarg_bytes, 2, &run.arena));
    run.tens = kernarg_of(&run, 10);
    kernarg_of(&run, 1);

    const hsp_queue_interceptor only_observe[] = {observe};
    struct seen seen[3] = {{.run = &run}};
    CHECK(total_through(gpu, &run, only_observe, 1, seen) == ROUNDS);
    CHECK(seen[0].packets == ROUNDS + 1, "%llu", (unsigned long long)seen[0].packets);

    const hsp_queue_interceptor dropping[] = {drop};
    CHECK(total_through(gpu, &run, dropping, 1, seen) == ROUNDS / 2);
    const hsp_queue_interceptor rewriting[] = {make_tens};
    CHECK(total_through(gpu, &run, rewriting, 1, seen) == ROUNDS * 10);
    const hsp_queue_interceptor adding[] = {add_two_behind};
    CHECK(total_through(gpu, &run, adding, 1, seen) == ROUNDS * 3);

    // The last one registered sees the program's packets; the first what the others let through.
    const hsp_queue_interceptor chain[] = {make_tens, add_two_behind, drop};
    memset(seen, 0, sizeof(seen));
    seen[0].run = &run;
    CHECK(total_through(gpu, &run, chain, 3, seen) == ROUNDS / 2 * 3 * 10);

    hsp_kernarg_arena_destroy(run.arena);
    OK(hsp_memory_free(run.total));
    OK(hsp_memory_free(run.tickets));
    live_unload(&run.counter);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    if (!hsp_runtime_has_table())
        without_the_table_queues_are_refused(gpu);
    hsp_runtime_shutdown();
    OK(hsp_runtime_request_table());
    OK(setenv("HSA_TOOLS_DISABLE_REGISTER", "maybe", 1));
    gpu = live_gpu();
    CHECK(hsp_runtime_has_table());
    CHECK(!getenv("HSA_TOOLS_LIB"), "the environment was left changed");
    CHECK(strcmp(getenv("HSA_TOOLS_DISABLE_REGISTER"), "maybe") == 0);
    plain_queues_are_not_intercepted(gpu);
    interception(gpu);
    hsp_runtime_shutdown();
    return 0;
}
