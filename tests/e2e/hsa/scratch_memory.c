/* SPDX-License-Identifier: MIT */
/// Scratch memory: a queue gets it when a kernel first needs it, more when one needs more, a large
/// one for a single use, and several queues have their own at the same time.
#include "e2e.h"

#include <hsa/amd_hsa_queue.h>
#include <string.h>

static struct e2e e2e;
static struct e2e_kernel scratch, deep_scratch;

struct args {
    uint32_t *out;
    uint32_t count, seed;
};

static uint32_t expected(uint32_t i, uint32_t seed) {
    uint32_t table[64], acc = 0;
    const uint32_t s = seed + i;
    for (uint32_t k = 0; k < 64; ++k) {
        table[(k * 5 + s) % 64] = s * 31 + k;
    }
    for (uint32_t k = 0; k < 64; ++k) {
        acc = acc * 3 + table[k];
    }
    return acc;
}

static uint32_t expected_of_deep(uint32_t i, uint32_t seed) {
    enum { WORDS = 2048 };
    return WORDS * (seed + i) * 31 + WORDS / 2 * (WORDS - 1);
}

struct launch {
    uint32_t (*expected)(uint32_t i, uint32_t seed);
    uint32_t *out;
    struct args *args;
    hsa_signal_t done;
    uint32_t count;
};

/// `private_bytes`: what the packet asks for; at least what the kernel needs.
static struct launch begin_kernel(hsa_queue_t *queue, const struct e2e_kernel *kernel,
                                  uint32_t count, uint32_t private_bytes) {
    struct launch launch = {.expected = kernel == &scratch ? expected : expected_of_deep,
                            .out = e2e_alloc(&e2e, e2e.host, count * 4),
                            .args = e2e_alloc(&e2e, e2e.kernarg, sizeof(struct args)),
                            .done = e2e_signal(1),
                            .count = count};
    *launch.args = (struct args){launch.out, count, private_bytes};
    hsa_kernel_dispatch_packet_t packet =
        e2e_packet(kernel, (count + 255) / 256 * 256, 256, launch.args, launch.done);
    packet.private_segment_size =
        private_bytes > kernel->private_bytes ? private_bytes : kernel->private_bytes;
    e2e_submit(queue, &packet);
    return launch;
}

static struct launch begin(hsa_queue_t *queue, uint32_t count, uint32_t private_bytes) {
    return begin_kernel(queue, &scratch, count, private_bytes);
}

static void end(const struct launch *launch) {
    e2e_wait(launch->done);
    for (uint32_t i = 0; i < launch->count; ++i) {
        CHECK(launch->out[i] == launch->expected(i, launch->args->seed), "element %u, %u bytes", i,
              launch->args->seed);
    }
    HSA(hsa_signal_destroy(launch->done));
    HSA(hsa_amd_memory_pool_free(launch->out));
    HSA(hsa_amd_memory_pool_free(launch->args));
}

/// Back and forth between sizes, with kernels behind each other in the ring.
static void sizes_of_one_queue(void) {
    static const uint32_t sizes[] = {0, 1024, 0, 4096, 300, 16384, 16384, 512, 60000, 1024, 70000};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    struct launch launches[COUNT];
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    for (int i = 0; i < COUNT; ++i) {
        launches[i] = begin(queue, 700, sizes[i]);
    }
    for (int i = 0; i < COUNT; ++i) {
        end(&launches[i]);
    }
    HSA(hsa_queue_destroy(queue));
}

/// A kernel with little leaves too little for the next, which really uses what it asks for.
static void little_then_much(void) {
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    for (uint32_t round = 0; round < 2; round++) {
        const struct launch little = begin(queue, 700, 0);
        const struct launch much = begin_kernel(queue, &deep_scratch, 700, 0);
        end(&little);
        end(&much);
    }
    HSA(hsa_queue_destroy(queue));
}

/// A queue doesn't keep what is too much to keep: the runtime marks it for a single use, and gets
/// it back behind the kernel.
static void much_is_given_back(void) {
    enum { MUCH = 70000 };
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    const uint32_t *properties = &((const amd_queue_t *)queue)->queue_properties;
    const struct launch launch = begin(queue, 700, MUCH);
    end(&launch);
    const double limit = e2e_seconds() + E2E_WAIT_SECONDS;
    while (__atomic_load_n(properties, __ATOMIC_ACQUIRE) & AMD_QUEUE_PROPERTIES_USE_SCRATCH_ONCE)
        CHECK(e2e_seconds() < limit, "the queue keeps scratch memory of %u bytes a lane", MUCH);
    HSA(hsa_queue_destroy(queue));
}

static void several_queues(void) {
    enum { QUEUES = 6, ROUNDS = 4 };
    hsa_queue_t *queues[QUEUES];
    for (int i = 0; i < QUEUES; ++i) {
        queues[i] = e2e_queue(&e2e, 64);
    }
    for (uint32_t round = 0; round < ROUNDS; ++round) {
        struct launch launches[QUEUES];
        for (uint32_t i = 0; i < QUEUES; ++i) {
            launches[i] = begin(queues[i], 2000, (round * 700 + i * 900) % 5000);
        }
        for (int i = 0; i < QUEUES; ++i) {
            end(&launches[i]);
        }
    }
    for (int i = 0; i < QUEUES; ++i) {
        HSA(hsa_queue_destroy(queues[i]));
    }
}

/// Given back with its queue: otherwise this many would not fit.
static void scratch_comes_back(void) {
    for (int i = 0; i < 30; ++i) {
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        const struct launch launch = begin(queue, 256, 8192 + 1024 * (uint32_t)(i % 3));
        end(&launch);
        HSA(hsa_queue_destroy(queue));
    }
}

int main(void) {
    e2e_open(&e2e);
    e2e_kernel(&e2e, "scratch", &scratch);
    CHECK(scratch.private_bytes >= 256, "%u", scratch.private_bytes);
    e2e_kernel(&e2e, "deep_scratch", &deep_scratch);
    sizes_of_one_queue();
    little_then_much();
    much_is_given_back();
    several_queues();
    scratch_comes_back();
    e2e_close();
    return 0;
}
