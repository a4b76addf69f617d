/* SPDX-License-Identifier: MIT */
// A barrier packet holds its queue until its dependencies are met, by either way of submission.
#include "live.h"

static hsa_signal_t new_signal(int64_t initial) {
    hsa_signal_t signal;
    OK(hsp_signal_create(initial, NULL, &signal));
    return signal;
}

// Still 1 after a while: long enough for a packet processor that doesn't look at dependencies.
static void check_held(hsa_signal_t done) {
    CHECK(hsp_signal_wait(done, HSP_CONDITION_EQ, 0, 10000000, HSP_WAIT_BLOCKED, NULL) ==
          HSP_ERROR_TIMEOUT);
}

static void check_done(struct hsp_queue *queue, hsa_signal_t done) {
    OK(hsp_dispatch_wait(queue, done, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    hsp_signal_destroy(done);
}

static void and_waits_for_all(struct hsp_queue *queue, enum hsp_submit submit) {
    struct hsp_barrier barrier;
    hsp_barrier_init(&barrier, HSP_BARRIER_AND);
    for (int i = 0; i < HSP_BARRIER_DEPENDENCIES; i++)
        barrier.dependencies[i] = new_signal(1);
    barrier.completion = new_signal(1);
    OK(hsp_barrier_submit(queue, submit, &barrier, 1, NULL));
    for (int i = HSP_BARRIER_DEPENDENCIES - 1; i >= 0; i--) {
        check_held(barrier.completion);
        hsp_signal_store_release(barrier.dependencies[i], 0);
    }
    check_done(queue, barrier.completion);
    for (int i = 0; i < HSP_BARRIER_DEPENDENCIES; i++)
        hsp_signal_destroy(barrier.dependencies[i]);
}

static void or_waits_for_one(struct hsp_queue *queue, enum hsp_submit submit) {
    struct hsp_barrier barrier;
    hsp_barrier_init(&barrier, HSP_BARRIER_OR);
    barrier.dependencies[1] = new_signal(1);
    barrier.dependencies[3] = new_signal(1);
    barrier.completion = new_signal(1);
    OK(hsp_barrier_submit(queue, submit, &barrier, 1, NULL));
    check_held(barrier.completion);
    hsp_signal_store_release(barrier.dependencies[3], 0);
    check_done(queue, barrier.completion);
    hsp_signal_destroy(barrier.dependencies[1]);
    hsp_signal_destroy(barrier.dependencies[3]);
}

static void value_compares_masked_bits(struct hsp_queue *queue, enum hsp_submit submit) {
    static const struct {
        enum hsp_condition condition;
        int64_t value, mask, held_by, met_by;
    } cases[] = {
        {HSP_CONDITION_EQ, 0x10, 0xf0, 0x2f, 0x1f},
        {HSP_CONDITION_NE, 0x10, 0xf0, 0x1f, 0x2f},
        {HSP_CONDITION_LT, -5, -1, -5, -6},
        {HSP_CONDITION_GTE, 7, -1, -8, 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsp_barrier barrier;
        hsp_barrier_init(&barrier, HSP_BARRIER_VALUE);
        barrier.signal = new_signal(cases[i].held_by);
        barrier.condition = cases[i].condition;
        barrier.value = cases[i].value;
        barrier.mask = cases[i].mask;
        barrier.completion = new_signal(1);
        OK(hsp_barrier_submit(queue, submit, &barrier, 1, NULL));
        check_held(barrier.completion);
        hsp_signal_store_release(barrier.signal, cases[i].met_by);
        check_done(queue, barrier.completion);
        hsp_signal_destroy(barrier.signal);
    }
}

static void a_batch_completes_in_one_go(struct hsp_queue *queue, enum hsp_submit submit) {
    enum { BATCH = 20 };
    struct hsp_barrier batch[BATCH];
    const hsa_signal_t done = new_signal(BATCH);
    for (int i = 0; i < BATCH; i++) {
        hsp_barrier_init(&batch[i], i % 2 ? HSP_BARRIER_AND : HSP_BARRIER_OR);
        batch[i].completion = done;
    }
    uint64_t first = 0, second = 0;
    OK(hsp_barrier_submit(queue, submit, batch, BATCH, &first));
    check_done(queue, done);
    for (int i = 0; i < BATCH; i++)
        batch[i].completion.handle = 0;
    OK(hsp_barrier_submit(queue, submit, batch, BATCH, &second));
    CHECK(second == first + BATCH);
    FAILS(hsp_barrier_submit(queue, submit, batch, 0, NULL), HSP_ERROR_INVALID_ARGUMENT,
          "submit 0 packets");
}

static void packets_decode_as_filled(struct hsp_queue *queue) {
    struct hsp_barrier barrier;
    hsp_barrier_init(&barrier, HSP_BARRIER_VALUE);
    barrier.condition = HSP_CONDITION_GTE;
    barrier.value = 3;
    barrier.mask = 255;
    uint64_t index = 0;
    OK(hsp_barrier_submit(queue, HSP_SUBMIT_RING, &barrier, 1, &index));
    union hsp_packet packet;
    hsp_queue_read_slot(queue, index, &packet);
    packet.words[0] = 2u << 16 | HSA_PACKET_TYPE_VENDOR_SPECIFIC; // consumed ones are INVALID
    char text[256];
    hsp_packet_describe(&packet, text, sizeof(text));
    CHECK(strstr(text, "barrier_value signal=0x0 mask=0xff condition=>= value=3"), "%s", text);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    struct hsp_queue *queue;
    OK(hsp_queue_create(gpu, NULL, &queue));
    for (enum hsp_submit submit = HSP_SUBMIT_HSA; submit <= HSP_SUBMIT_RING; submit++) {
        and_waits_for_all(queue, submit);
        or_waits_for_one(queue, submit);
        value_compares_masked_bits(queue, submit);
        a_batch_completes_in_one_go(queue, submit);
    }
    packets_decode_as_filled(queue);
    hsp_queue_destroy(queue);
    hsp_runtime_shutdown();
    return 0;
}
