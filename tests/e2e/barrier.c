/* SPDX-License-Identifier: MIT */
/// Barrier-AND and barrier-OR packets across queues: nothing behind one starts early, and nothing
/// stays behind once its condition holds, whoever (host or another queue) makes it hold.
#include "e2e.h"

#include <unistd.h>

static void barrier(hsa_queue_t *queue, hsa_packet_type_t type, const hsa_signal_t *deps, int count,
                    hsa_signal_t done) {
    hsa_barrier_and_packet_t packet = {
        .header = (uint16_t)(type << HSA_PACKET_HEADER_TYPE | 1 << HSA_PACKET_HEADER_BARRIER),
        .completion_signal = done,
    };
    for (int i = 0; i < count; ++i) {
        packet.dep_signal[i] = deps[i];
    }
    e2e_submit(queue, &packet);
}

static void expect_pending(hsa_signal_t signal, const char *what) {
    usleep(20000);
    CHECK(hsa_signal_load_scacquire(signal) == 1, "%s ran early", what);
}

static void host_releases(hsa_queue_t *queue) {
    hsa_signal_t deps[5], done = e2e_signal(1);
    for (int i = 0; i < 5; ++i) {
        deps[i] = e2e_signal(1);
    }
    barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, deps, 5, done);
    for (int i = 4; i >= 0; --i) {
        expect_pending(done, "barrier-AND");
        hsa_signal_store_screlease(deps[i], 0);
    }
    e2e_wait(done);

    for (int i = 0; i < 5; ++i) {
        hsa_signal_store_relaxed(deps[i], 1);
    }
    hsa_signal_store_relaxed(done, 1);
    barrier(queue, HSA_PACKET_TYPE_BARRIER_OR, deps, 5, done);
    expect_pending(done, "barrier-OR");
    hsa_signal_store_screlease(deps[3], 0);
    e2e_wait(done);

    // Nothing to wait for.
    hsa_signal_store_relaxed(done, 1);
    barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, NULL, 0, done);
    e2e_wait(done);
}

/// Queue B's kernel waits behind a barrier for queue A's copy of the counter kernel, and back.
static void ping_pong(const struct e2e *e2e, hsa_queue_t *a, hsa_queue_t *b) {
    enum { ROUNDS = 50, ITEMS = 64 };
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "counter", &kernel);
    uint32_t *total = e2e_alloc(e2e, e2e->host, 4096);
    struct args {
        uint32_t *total, *tickets;
        uint32_t step;
    } *args = e2e_alloc(e2e, e2e->kernarg, 2 * ROUNDS * sizeof *args);
    uint32_t *tickets = e2e_alloc(e2e, e2e->host, 2 * ROUNDS * ITEMS * 4);
    hsa_signal_t done[2 * ROUNDS];
    for (int i = 0; i < 2 * ROUNDS; ++i) {
        done[i] = e2e_signal(1);
    }
    hsa_signal_t start = e2e_signal(1);
    for (int i = 0; i < 2 * ROUNDS; ++i) {
        hsa_queue_t *queue = i % 2 ? b : a;
        const hsa_signal_t none = {0};
        args[i] = (struct args){total, tickets + i * ITEMS, 1};
        barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, i ? &done[i - 1] : &start, 1, none);
        e2e_dispatch(queue, &kernel, ITEMS, ITEMS, args + i, done[i]);
    }
    expect_pending(done[0], "first kernel");
    hsa_signal_store_screlease(start, 0);
    e2e_wait(done[2 * ROUNDS - 1]);
    CHECK(*total == 2 * ROUNDS * ITEMS, "total %u", *total);
    // In order: kernel i took exactly the tickets i * ITEMS ... (i + 1) * ITEMS - 1.
    for (uint32_t i = 0; i < 2 * ROUNDS * ITEMS; ++i) {
        CHECK(tickets[i] / ITEMS == i / ITEMS, "kernel %u saw ticket %u", i / ITEMS, tickets[i]);
    }
}

int main(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *a = e2e_queue(&e2e, 256);
    hsa_queue_t *b = e2e_queue(&e2e, 256);
    host_releases(a);
    host_releases(b);
    ping_pong(&e2e, a, b);
    e2e_close();
    return 0;
}
