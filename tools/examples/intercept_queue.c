/* SPDX-License-Identifier: MIT */
// intercept_queue [empty.hipfb]: counts the dispatches of a queue and holds each one up.
//
// An interceptor sees every packet before the device does, on the thread that rings the doorbell.
// Round trips of an empty kernel are compared on a plain queue, on an intercepted one that only
// counts, and on one whose interceptor waits DELAY_US before it hands a dispatch on: what a slower
// driver, or a slower link, would do to the program above.
#include <hsaprobe/hsaprobe.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAUNCHES = 101, DELAY_US = 50 };

struct account {
    uint64_t dispatches;
    uint64_t others; // packets of other types
    uint64_t delay_ns;
};

static void hold_up(uint64_t delay_ns) {
    const uint64_t start_ns = hsp_clock_ns();
    while (hsp_clock_ns() - start_ns < delay_ns) {
    }
}

static void count_and_delay(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                            struct hsp_packet_writer *writer, void *data) {
    struct account *account = data;
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t type = packets[i].words[0] & 0xff;
        const bool is_dispatch = type == HSA_PACKET_TYPE_KERNEL_DISPATCH;
        account->dispatches += is_dispatch;
        account->others += !is_dispatch;
        if (is_dispatch)
            hold_up(account->delay_ns);
    }
    (void)first_index;
    hsp_check(hsp_packet_write(writer, packets, count));
}

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Median round trip in ns. `account` may be NULL: a plain queue.
static uint64_t measure(const struct hsp_agent *gpu, const char *path, struct account *account) {
    const struct hsp_geometry one_wave = {1, {64, 1, 1}, {64, 1, 1}, 0};
    const struct hsp_queue_options options = {.size = sizeof(options),
                                              .intercept = account != NULL};
    struct hsp_queue *queue;
    struct hsp_launch *launch;
    uint64_t ns[LAUNCHES];
    hsp_check(hsp_queue_create(gpu, &options, &queue));
    if (account)
        hsp_check(hsp_queue_intercept(queue, count_and_delay, account));
    hsp_check(hsp_launch_create(queue, path, "empty", &launch));
    for (int i = 0; i < LAUNCHES; i++) {
        struct hsp_phases phases;
        hsp_check(hsp_launch_run(launch, &one_wave, HSP_WAIT_FOREVER, &phases));
        ns[i] = phases.seen_ns - phases.begin_ns;
    }
    hsp_launch_destroy(launch);
    hsp_queue_destroy(queue);
    qsort(ns, LAUNCHES, sizeof(*ns), compare);
    return ns[LAUNCHES / 2];
}

static void print_row(const char *name, uint64_t ns, const struct account *account) {
    printf("%-16s %12.2f %12" PRIu64 " %12" PRIu64 "\n", name, (double)ns / 1e3,
           account ? account->dispatches : 0, account ? account->others : 0);
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "empty.hipfb";
    const struct hsp_agent *gpu;
    // Interception goes through the runtime's API table, which has to be asked for before the
    // start.
    hsp_check(hsp_runtime_request_table());
    hsp_check(hsp_runtime_init());
    hsp_check(hsp_agent_select(NULL, &gpu));

    struct account counting = {0};
    struct account delaying = {.delay_ns = DELAY_US * 1000};
    const uint64_t plain_ns = measure(gpu, path, NULL);
    const uint64_t counting_ns = measure(gpu, path, &counting);
    const uint64_t delaying_ns = measure(gpu, path, &delaying);
    printf("%d launches of an empty kernel on %s; the delay is %d us\n", LAUNCHES,
           hsp_agent_info_get(gpu)->name, DELAY_US);
    printf("%-16s %12s %12s %12s\n", "queue", "round trip", "dispatches", "others");
    print_row("plain", plain_ns, NULL);
    print_row("counted", counting_ns, &counting);
    print_row("counted, delayed", delaying_ns, &delaying);
    hsp_runtime_shutdown();
    return counting.dispatches != LAUNCHES || delaying.dispatches != LAUNCHES ||
           delaying_ns < delaying.delay_ns;
}
