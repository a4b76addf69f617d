/* SPDX-License-Identifier: MIT */
// ping_pong: what does it cost to hand work from one queue to another?
//
// HOPS barrier packets wait for each other in a chain: packet i waits for the signal that packet
// i - 1 completes. In the first run all are on one queue, in the second they alternate between two,
// so that every hop goes from one packet processor's queue to the other's. Everything is submitted
// before the first signal is released; the host takes no part in the hops.
#include <hsaprobe/hsaprobe.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOPS = 200, ROUNDS = 21 };

struct table {
    struct hsp_queue *queues[2];
    hsa_signal_t signals[HOPS + 1]; // signals[0] is the host's
};

static int compare(const void *a, const void *b) {
    const double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

// Nanoseconds per hop of one chain over `queue_count` queues.
static double play(struct table *table, int queue_count) {
    for (int i = 0; i <= HOPS; i++)
        hsp_signal_store_relaxed(table->signals[i], 1);
    for (int i = 1; i <= HOPS; i++) {
        struct hsp_barrier hop;
        hsp_barrier_init(&hop, HSP_BARRIER_AND);
        hop.dependencies[0] = table->signals[i - 1];
        hop.completion = table->signals[i];
        hsp_check(
            hsp_barrier_submit(table->queues[i % queue_count], HSP_SUBMIT_RING, &hop, 1, NULL));
    }
    if (hsp_signal_load_acquire(table->signals[1]) != 1) {
        fprintf(stderr, "ping_pong: the chain began without its first signal\n");
        exit(1);
    }
    const uint64_t start_ns = hsp_clock_ns();
    hsp_signal_store_release(table->signals[0], 0);
    hsp_check(hsp_signal_wait(table->signals[HOPS], HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER,
                              HSP_WAIT_ACTIVE, NULL));
    return (double)(hsp_clock_ns() - start_ns) / HOPS;
}

static void measure(struct table *table, int queue_count, const char *name) {
    double hop_ns[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        hop_ns[i] = play(table, queue_count);
    qsort(hop_ns, ROUNDS, sizeof(*hop_ns), compare);
    printf("%-26s %10.0f %10.0f %10.0f\n", name, hop_ns[0], hop_ns[ROUNDS / 2], hop_ns[ROUNDS - 1]);
}

int main(void) {
    struct table table;
    const struct hsp_agent *gpu;
    hsp_check(hsp_runtime_init());
    hsp_check(hsp_agent_select(NULL, &gpu));
    for (int i = 0; i < 2; i++)
        hsp_check(hsp_queue_create(gpu, NULL, &table.queues[i]));
    // Without interrupts: nobody sleeps on the signals but the last.
    const struct hsp_signal_options options = {.size = sizeof(options), .busy_wait = true};
    for (int i = 0; i <= HOPS; i++)
        hsp_check(hsp_signal_create(1, i < HOPS ? &options : NULL, &table.signals[i]));

    printf("%d hops on %s; ns per hop in %d rounds\n", HOPS, hsp_agent_info_get(gpu)->name, ROUNDS);
    printf("%-26s %10s %10s %10s\n", "", "least", "median", "most");
    measure(&table, 1, "within one queue");
    measure(&table, 2, "between two queues");

    for (int i = 0; i <= HOPS; i++)
        hsp_signal_destroy(table.signals[i]);
    for (int i = 0; i < 2; i++)
        hsp_queue_destroy(table.queues[i]);
    hsp_runtime_shutdown();
    return 0;
}
