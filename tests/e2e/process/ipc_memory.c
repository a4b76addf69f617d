/* SPDX-License-Identifier: MIT */
/// Memory that one process exports and others attach: kernels and hosts on both sides see the same
/// bytes, whether the object has a block of its own or a part of one; several importers, the
/// exporter as its own importer, an exporter that ends first, handles that are no good.
#include "e2e.h"
#include "peer.h"

#include <string.h>

enum { COUNT = 3000, BIG_COUNT = 3 << 20, IMPORTERS = 3 };

struct offer {
    hsa_amd_ipc_memory_t handle;
    size_t bytes;
    uint32_t count;
};

static struct e2e e2e;
static hsa_queue_t *queue;
static struct e2e_kernel saxpy;

static void open_gpu(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    e2e_kernel(&e2e, "saxpy", &saxpy);
}

static float *offer_memory(uint32_t count, struct offer *out_offer) {
    memset(out_offer, 0, sizeof *out_offer);
    out_offer->count = count;
    out_offer->bytes = (count * sizeof(float) + 4095) / 4096 * 4096;
    float *memory = e2e_alloc(&e2e, e2e.device, out_offer->bytes);
    HSA(hsa_amd_ipc_memory_create(memory, out_offer->bytes, &out_offer->handle));
    return memory;
}

static float *attach(const struct offer *offer) {
    void *memory = NULL;
    HSA(hsa_amd_ipc_memory_attach(&offer->handle, offer->bytes, 1, &e2e.gpu, &memory));
    CHECK(memory != NULL, "attached nowhere");
    return memory;
}

static void expect(const float *memory, uint32_t count, float factor, float offset,
                   const char *what) {
    for (uint32_t i = 0; i < count; ++i)
        CHECK(memory[i] == factor * (float)(i % 1000) + offset, "%s: element %u is %g", what, i,
              (double)memory[i]);
}

static void fill(float *memory, uint32_t count, float factor, float offset) {
    for (uint32_t i = 0; i < count; ++i)
        memory[i] = factor * (float)(i % 1000) + offset;
}

/* Child: the parent's memory holds 2i, its kernel makes it 5i, the host then adds 1. */
static int importer(void) {
    const struct peer parent = peer_parent();
    struct offer offer;
    open_gpu();
    float *ones = e2e_alloc(&e2e, e2e.host, BIG_COUNT * sizeof(float));
    for (;;) {
        peer_receive(&parent, &offer, sizeof offer);
        if (!offer.count)
            break;
        float *memory = attach(&offer);
        expect(memory, offer.count, 2, 0, "what the exporter's kernel left");
        fill(ones, offer.count, 1, 0);
        e2e_saxpy(&e2e, queue, &saxpy, 3, ones, memory, offer.count);
        peer_meet(&parent);
        peer_meet(&parent); // the exporter adds 1 to each
        expect(memory, offer.count, 5, 1, "what the exporter's host left");
        memory[0] = -1;
        HSA(hsa_amd_ipc_memory_detach(memory));
        CHECK(hsa_amd_ipc_memory_detach(memory) != HSA_STATUS_SUCCESS, "detached twice");
        peer_meet(&parent);
    }
    e2e_close();
    return 0;
}

static void both_ways(const struct peer *child, uint32_t count) {
    struct offer offer;
    float *memory = offer_memory(count, &offer);
    float *twos = e2e_alloc(&e2e, e2e.host, count * sizeof(float));
    fill(twos, count, 2, 0);
    memset(memory, 0, offer.bytes);
    e2e_saxpy(&e2e, queue, &saxpy, 1, twos, memory, count);
    peer_send(child, &offer, sizeof offer);
    peer_meet(child);
    expect(memory, count, 5, 0, "what the importer's kernel left");
    for (uint32_t i = 0; i < count; ++i)
        memory[i] += 1;
    peer_meet(child);
    peer_meet(child);
    CHECK(memory[0] == -1, "what the importer's host left: %g", (double)memory[0]);
    HSA(hsa_amd_memory_pool_free(memory));
    HSA(hsa_amd_memory_pool_free(twos));
}

/* Children that hold one object at the same time; the exporter frees it before they look. */
static int late_importer(void) {
    const struct peer parent = peer_parent();
    struct offer offer;
    open_gpu();
    peer_receive(&parent, &offer, sizeof offer);
    float *memory = attach(&offer);
    peer_meet(&parent);
    peer_meet(&parent); // it is freed
    float *sum = e2e_alloc(&e2e, e2e.host, offer.count * sizeof(float));
    memset(sum, 0, offer.count * sizeof(float));
    e2e_saxpy(&e2e, queue, &saxpy, 1, memory, sum, offer.count);
    expect(sum, offer.count, 7, 0, "after the exporter's free");
    void *again;
    CHECK(hsa_amd_ipc_memory_attach(&offer.handle, offer.bytes, 1, &e2e.gpu, &again) !=
              HSA_STATUS_SUCCESS,
          "attached what was freed");
    HSA(hsa_amd_ipc_memory_detach(memory));
    e2e_close();
    return 0;
}

static void freed_while_attached(void) {
    struct peer children[IMPORTERS];
    struct offer offer;
    float *memory = offer_memory(BIG_COUNT, &offer);
    fill(memory, BIG_COUNT, 7, 0);
    for (int i = 0; i < IMPORTERS; ++i) {
        peer_start("late_importer", &children[i]);
        peer_send(&children[i], &offer, sizeof offer);
    }
    for (int i = 0; i < IMPORTERS; ++i)
        peer_meet(&children[i]);
    HSA(hsa_amd_memory_pool_free(memory));
    float *other = e2e_alloc(&e2e, e2e.device, offer.bytes);
    memset(other, 0x55, offer.bytes);
    for (int i = 0; i < IMPORTERS; ++i)
        peer_meet(&children[i]);
    for (int i = 0; i < IMPORTERS; ++i)
        peer_finish(&children[i]);
    HSA(hsa_amd_memory_pool_free(other));
}

/* Child: exports, and is gone when the parent uses the memory. */
static int exporter(void) {
    const struct peer parent = peer_parent();
    struct offer offer;
    open_gpu();
    float *memory = offer_memory(COUNT, &offer);
    fill(memory, COUNT, 9, 0);
    peer_send(&parent, &offer, sizeof offer);
    peer_meet(&parent);
    _Exit(0);
}

static void exporter_ends_first(void) {
    struct peer child;
    struct offer offer;
    void *again;
    peer_start("exporter", &child);
    peer_receive(&child, &offer, sizeof offer);
    float *memory = attach(&offer);
    peer_meet(&child);
    peer_finish(&child);
    float *sum = e2e_alloc(&e2e, e2e.host, COUNT * sizeof(float));
    memset(sum, 0, COUNT * sizeof(float));
    e2e_saxpy(&e2e, queue, &saxpy, 1, memory, sum, COUNT);
    expect(sum, COUNT, 9, 0, "after the exporter's end");
    CHECK(hsa_amd_ipc_memory_attach(&offer.handle, offer.bytes, 1, &e2e.gpu, &again) !=
              HSA_STATUS_SUCCESS,
          "attached to a process that has ended");
    HSA(hsa_amd_ipc_memory_detach(memory));
    HSA(hsa_amd_memory_pool_free(sum));
}

static void own_importer(void) {
    struct offer offer;
    float *memory = offer_memory(BIG_COUNT, &offer);
    float *same = attach(&offer);
    float *third = attach(&offer);
    CHECK(same != memory && third != same, "one address for two objects");
    fill(memory, COUNT, 2, 0);
    e2e_saxpy(&e2e, queue, &saxpy, 1, memory, same, COUNT);
    expect(third, COUNT, 4, 0, "by way of the second address");
    HSA(hsa_amd_memory_pool_free(memory));
    expect(third, COUNT, 4, 0, "after the first was freed");
    HSA(hsa_amd_ipc_memory_detach(same));
    expect(third, COUNT, 4, 0, "after the second was detached");
    HSA(hsa_amd_ipc_memory_detach(third));
}

static void bad_handles(void) {
    struct offer offer;
    void *memory = NULL;
    float *exported = offer_memory(BIG_COUNT, &offer);
    for (int word = 0; word < 4; ++word) {
        struct offer wrong = offer;
        wrong.handle.handle[word] ^= 1;
        CHECK(hsa_amd_ipc_memory_attach(&wrong.handle, wrong.bytes, 1, &e2e.gpu, &memory) !=
                  HSA_STATUS_SUCCESS,
              "attached with word %d changed", word);
    }
    HSA(hsa_amd_memory_pool_free(exported));
    CHECK(hsa_amd_ipc_memory_attach(&offer.handle, offer.bytes, 1, &e2e.gpu, &memory) !=
              HSA_STATUS_SUCCESS,
          "attached what was freed");
}

int main(int argc, char **argv) {
    if (argc > 1)
        return !strcmp(argv[1], "importer")        ? importer()
               : !strcmp(argv[1], "late_importer") ? late_importer()
                                                   : exporter();
    struct peer child;
    const struct offer none = {0};
    peer_start("importer", &child); // forked before this process has a GPU
    open_gpu();
    both_ways(&child, COUNT);
    both_ways(&child, BIG_COUNT);
    peer_send(&child, &none, sizeof none);
    peer_finish(&child);
    freed_while_attached();
    exporter_ends_first();
    own_importer();
    bad_handles();
    e2e_close();
    return 0;
}
