/* SPDX-License-Identifier: MIT */
/// Barrier packets with every number of dependencies, in every place, and barrier-value packets
/// with every condition and with masks: each waits exactly as long as its condition doesn't hold.
#include "e2e.h"

#include <string.h>

static struct e2e e2e;
static hsa_queue_t *queue, *other;

/// Not by time: a packet of another queue passes through the device meanwhile, several times.
static void expect_pending(hsa_signal_t signal, const char *what, int row) {
    for (int i = 0; i < 3; ++i) {
        const hsa_signal_t done = e2e_signal(1);
        const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND,
                                                 .completion_signal = done};
        e2e_submit(other, &packet);
        e2e_wait(done);
        HSA(hsa_signal_destroy(done));
    }
    CHECK(hsa_signal_load_scacquire(signal) == 1, "%s %d went on early", what, row);
}

static hsa_barrier_and_packet_t barrier(hsa_packet_type_t type, hsa_signal_t done) {
    return (hsa_barrier_and_packet_t){
        .header = (uint16_t)((int)type | 1 << HSA_PACKET_HEADER_BARRIER |
                             HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE |
                             HSA_FENCE_SCOPE_AGENT << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE),
        .completion_signal = done};
}

/// Every subset of the five places holds a dependency; they are released one after the other.
static void every_set_of_dependencies(hsa_packet_type_t type) {
    const bool is_or = type == HSA_PACKET_TYPE_BARRIER_OR;
    hsa_signal_t deps[5];
    for (int i = 0; i < 5; ++i) {
        deps[i] = e2e_signal(1);
    }
    for (int set = 0; set < 32; ++set) {
        const hsa_signal_t done = e2e_signal(1);
        hsa_barrier_and_packet_t packet = barrier(type, done);
        int left = 0;
        for (int i = 0; i < 5; ++i) {
            hsa_signal_store_relaxed(deps[i], 1);
            if (set >> i & 1) {
                packet.dep_signal[i] = deps[i];
                ++left;
            }
        }
        e2e_submit(queue, &packet);
        for (int i = 0; i < 5 && left > 0; ++i) {
            if (!(set >> i & 1)) {
                continue;
            }
            expect_pending(done, is_or ? "barrier-OR" : "barrier-AND", set);
            hsa_signal_store_screlease(deps[i], is_or && left > 1 ? -1 : 0); // -1 is not 0
            --left;
        }
        e2e_wait(done);
        HSA(hsa_signal_destroy(done));
    }
    for (int i = 0; i < 5; ++i) {
        HSA(hsa_signal_destroy(deps[i]));
    }
}

/// A dependency that a kernel of the same queue, in front, completes; and a chain over two queues.
static void dependencies_on_the_device(void) {
    enum { LENGTH = 300 };
    static hsa_signal_t links[LENGTH + 1];
    for (int i = 0; i <= LENGTH; ++i) {
        links[i] = e2e_signal(1);
    }
    for (int i = 0; i < LENGTH; ++i) {
        hsa_barrier_and_packet_t packet =
            barrier(i % 3 ? HSA_PACKET_TYPE_BARRIER_AND : HSA_PACKET_TYPE_BARRIER_OR, links[i + 1]);
        packet.dep_signal[i % 5] = links[i];
        e2e_submit(i % 7 < 3 ? queue : other, &packet);
    }
    hsa_signal_store_screlease(links[0], 0);
    e2e_wait(links[LENGTH]);
    for (int i = 0; i <= LENGTH; ++i) {
        CHECK(hsa_signal_load_relaxed(links[i]) == 0);
        HSA(hsa_signal_destroy(links[i]));
    }
}

/// The packet waits at `before` and goes on at `after`.
static const struct {
    hsa_signal_condition32_t condition;
    hsa_signal_value_t value, mask, before, after;
} value_rows[] = {
    {HSA_SIGNAL_CONDITION_EQ, 5, -1, 4, 5},
    {HSA_SIGNAL_CONDITION_EQ, 0x30, 0xf0, 0x43, 0x3f},
    {HSA_SIGNAL_CONDITION_EQ, 0, INT64_MIN, -1, 7},
    {HSA_SIGNAL_CONDITION_NE, 5, -1, 5, 4},
    {HSA_SIGNAL_CONDITION_NE, 0, 1, 2, 3},
    {HSA_SIGNAL_CONDITION_LT, 0, -1, 0, -1},
    {HSA_SIGNAL_CONDITION_LT, 5, 7, 0xff, 0xfc},
    {HSA_SIGNAL_CONDITION_GTE, -3, -1, -4, -3},
    {HSA_SIGNAL_CONDITION_GTE, INT64_MAX, -1, INT64_MAX - 1, INT64_MAX},
    {HSA_SIGNAL_CONDITION_GTE, 0x100, 0xf00, 0xff, 0x100},
};

static void every_value_condition(void) {
    for (int i = 0; i < (int)(sizeof value_rows / sizeof value_rows[0]); ++i) {
        const hsa_signal_t signal = e2e_signal(value_rows[i].before), done = e2e_signal(1);
        hsa_amd_barrier_value_packet_t packet = {
            .header = {.header = HSA_PACKET_TYPE_VENDOR_SPECIFIC | 1 << HSA_PACKET_HEADER_BARRIER,
                       .AmdFormat = HSA_AMD_PACKET_TYPE_BARRIER_VALUE},
            .signal = signal,
            .value = value_rows[i].value,
            .mask = value_rows[i].mask,
            .cond = value_rows[i].condition,
            .completion_signal = done,
        };
        e2e_submit(queue, &packet);
        expect_pending(done, "barrier-value", i);
        hsa_signal_store_screlease(signal, value_rows[i].after);
        e2e_wait(done);
        // And one whose condition holds at once.
        hsa_signal_store_relaxed(done, 1);
        e2e_submit(queue, &packet);
        e2e_wait(done);
        HSA(hsa_signal_destroy(signal));
        HSA(hsa_signal_destroy(done));
    }
}

/// With the barrier bit a packet starts after all before it have ended; every combination of fence
/// scopes is accepted.
static void every_scope(void) {
    struct e2e_kernel counter;
    e2e_kernel(&e2e, "counter", &counter);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 4096);
    struct {
        uint32_t *total, *tickets;
        uint32_t step;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    const hsa_signal_t done = e2e_signal(18);
    for (int bit = 0; bit < 2; ++bit) {
        for (int acquire = 0; acquire < 3; ++acquire) {
            for (int release = 0; release < 3; ++release) {
                const int i = (bit * 3 + acquire) * 3 + release;
                args[i].total = memory;
                args[i].tickets = memory + 1 + i;
                args[i].step = 1;
                hsa_kernel_dispatch_packet_t packet = e2e_packet(&counter, 1, 1, &args[i], done);
                packet.header =
                    (uint16_t)(HSA_PACKET_TYPE_KERNEL_DISPATCH | bit << HSA_PACKET_HEADER_BARRIER |
                               acquire << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE |
                               release << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE);
                e2e_submit(queue, &packet);
            }
        }
    }
    e2e_wait(done);
    CHECK(*memory == 18, "%u", *memory);
    HSA(hsa_signal_destroy(done));
}

int main(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 1024);
    other = e2e_queue(&e2e, 1024);
    every_set_of_dependencies(HSA_PACKET_TYPE_BARRIER_AND);
    every_set_of_dependencies(HSA_PACKET_TYPE_BARRIER_OR);
    dependencies_on_the_device();
    every_value_condition();
    every_scope();
    HSA(hsa_queue_destroy(queue));
    HSA(hsa_queue_destroy(other));
    e2e_close();
    return 0;
}
