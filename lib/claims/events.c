/* SPDX-License-Identifier: MIT */
/* H5: what becomes of waits when the driver has no more events? */
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

/* A process has 4096 signal events; a few go to the runtime itself. */
enum { SIGNALS_MAX = 5000, SIGNALS_CONTROL = 64, SAMPLES = 30, THREADS_MAX = 64 };

static void wait_for(void *opaque) {
    const hsa_signal_t *signal = opaque;
    hsp_signal_wait(*signal, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED, NULL);
}

static void release(void *opaque) {
    hsp_signal_store_release(*(const hsa_signal_t *)opaque, 0);
}

static bool handled(int64_t value, void *data) {
    (void)value;
    (void)data;
    return false;
}

/* Creates signals until one has no event; returns it, or the last one. */
static hsa_signal_t exhaust(struct claim *claim, uint32_t *out_with_event) {
    size_t limit = claim->setup->control ? SIGNALS_CONTROL : SIGNALS_MAX;
    hsa_signal_t signal = {0};
    *out_with_event = 0;
    for (size_t i = 0; i < limit; i++) {
        struct hsp_signal_state state;
        claim_check(claim, hsp_signal_create(1, NULL, &signal), "creating a signal");
        hsp_signal_inspect(signal, &state);
        if (state.event_id == 0)
            break;
        ++*out_with_event;
    }
    return signal;
}

static void watch_wait(struct claim *claim, hsa_signal_t signal) {
    struct claim_thread thread = {.run = wait_for, .data = &signal};
    claim_threads_watch_wait(claim, &thread, 1, release, &signal);
    claim_share(claim, "runnable in a BLOCKED wait on the last signal", thread.runnable_count,
                thread.sample_count, HSP_EXPECT_ABOVE, 0.5);
}

/* The runtime's event thread is the one that becomes runnable: the busiest of all but this. */
static void watch_handler_thread(struct claim *claim, hsa_signal_t signal) {
    pid_t tids[THREADS_MAX];
    uint32_t runnable[THREADS_MAX] = {0};
    uint32_t busiest = 0;
    claim_check(claim, hsp_signal_on(signal, HSP_CONDITION_EQ, 0, handled, NULL), "handler");
    size_t count = claim_thread_list(tids, THREADS_MAX);
    for (size_t i = 0; i < count; i++)
        if (tids[i] != gettid())
            claim_thread_settle(tids[i]);
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        for (size_t i = 0; i < count; i++)
            runnable[i] += tids[i] != gettid() && claim_thread_state(tids[i]) == 'R';
        claim_pause_us(1000);
    }
    for (size_t i = 0; i < count; i++)
        busiest = runnable[i] > busiest ? runnable[i] : busiest;
    claim_share(claim, "runnable: ROCr's event thread with such a handler", busiest, SAMPLES,
                HSP_EXPECT_ABOVE, 0.5);
    hsp_signal_store_release(signal, 0);
}

void claim_events(struct claim *claim) {
    struct claim_gpu gpu;
    uint32_t with_event;
    claim_gpu_open(claim, &gpu);
    hsa_signal_t signal = exhaust(claim, &with_event);
    claim_counts(claim, "signals that got an event", &with_event, 1, HSP_EXPECT_NOTHING, 0);
    watch_wait(claim, signal);
    hsp_signal_store_release(signal, 1);
    watch_handler_thread(claim, signal);
}
