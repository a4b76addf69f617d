/* SPDX-License-Identifier: MIT */
/// hsa_amd_memory_async_copy in all directions, at sizes and offsets around the engines' limits,
/// chained by dependencies. Also run with HSA_ENABLE_SDMA=0, where kernels copy.
#include "e2e.h"

#include <string.h>

static const size_t sizes[] = {
    1, 3, 4, 64, 4095, 65539, (1u << 20) + 4, (4u << 20) - 1, (9u << 20) + 17};
static const size_t offsets[] = {0, 1, 4, 61};
enum { CAPACITY = 10 << 20 };

struct buffers {
    unsigned char *source, *result; ///< host
    unsigned char *near, *far;      ///< device
};

static unsigned char pattern(size_t i, size_t seed) {
    return (unsigned char)((i * 31 + (i >> 8) + seed * 7) | 1);
}

/// host -> near -> far -> host, each copy waiting for the one before it, the first for the host.
static void round_trip(const struct e2e *e2e, const struct buffers *b, size_t bytes,
                       size_t offset) {
    hsa_signal_t done[4];
    for (int i = 0; i < 4; ++i) {
        done[i] = e2e_signal(1);
    }
    memset(b->source + offset, 0, bytes);
    memset(b->result, 0, bytes + 128);
    HSA(hsa_amd_memory_async_copy(b->near + offset, e2e->gpu, b->source + offset, e2e->cpu, bytes,
                                  1, &done[0], done[1]));
    HSA(hsa_amd_memory_async_copy(b->far + offset, e2e->gpu, b->near + offset, e2e->gpu, bytes, 1,
                                  &done[1], done[2]));
    HSA(hsa_amd_memory_async_copy(b->result + 2 * offset, e2e->cpu, b->far + offset, e2e->gpu,
                                  bytes, 1, &done[2], done[3]));
    // Nothing may have begun: the first would copy what is overwritten here.
    for (size_t i = 0; i < bytes; ++i) {
        b->source[offset + i] = pattern(i, bytes);
    }
    hsa_signal_store_screlease(done[0], 0);
    e2e_wait(done[3]);
    for (size_t i = 0; i < bytes; ++i) {
        CHECK(b->result[2 * offset + i] == pattern(i, bytes), "byte %zu of %zu at +%zu", i, bytes,
              offset);
    }
    CHECK(b->result[2 * offset + bytes] == 0, "wrote beyond %zu at +%zu", bytes, offset);
    CHECK(offset == 0 || b->result[2 * offset - 1] == 0, "wrote before +%zu", offset);
    for (int i = 0; i < 4; ++i) {
        HSA(hsa_signal_destroy(done[i]));
    }
}

/// hsa_memory_copy between memory of malloc and VRAM: ROCr pins the pages on the way.
static void plain_copies(const struct buffers *b) {
    const size_t bytes = (3u << 20) + 5;
    unsigned char *heap = malloc(bytes);
    unsigned char *back = malloc(bytes);
    for (size_t i = 0; i < bytes; ++i) {
        heap[i] = pattern(i, 3);
    }
    HSA(hsa_memory_copy(b->near, heap, bytes));
    HSA(hsa_memory_copy(back, b->near, bytes));
    CHECK(memcmp(heap, back, bytes) == 0, "hsa_memory_copy");
    free(heap);
    free(back);
}

static void locked_copy(const struct e2e *e2e, const struct buffers *b) {
    const size_t bytes = 2u << 20;
    hsa_agent_t gpu = e2e->gpu;
    unsigned char *heap = malloc(bytes);
    void *seen_by_gpu = NULL;
    const hsa_signal_t done = e2e_signal(1);
    for (size_t i = 0; i < bytes; ++i) {
        heap[i] = pattern(i, 9);
    }
    HSA(hsa_amd_memory_lock(heap, bytes, &gpu, 1, &seen_by_gpu));
    HSA(hsa_amd_memory_async_copy(b->far, gpu, seen_by_gpu, e2e->cpu, bytes, 0, NULL, done));
    e2e_wait(done);
    memset(heap, 0, bytes);
    hsa_signal_store_relaxed(done, 1);
    HSA(hsa_amd_memory_async_copy(seen_by_gpu, e2e->cpu, b->far, gpu, bytes, 0, NULL, done));
    e2e_wait(done);
    for (size_t i = 0; i < bytes; ++i) {
        CHECK(heap[i] == pattern(i, 9), "byte %zu of locked memory", i);
    }
    HSA(hsa_amd_memory_unlock(heap));
    HSA(hsa_signal_destroy(done));
    free(heap);
}

static void fill(const struct buffers *b) {
    const size_t words = 300007;
    HSA(hsa_amd_memory_fill(b->near, 0xa5c30f1e, words));
    HSA(hsa_memory_copy(b->result, b->near, words * 4));
    const uint32_t *seen = (const uint32_t *)(const void *)b->result;
    for (size_t i = 0; i < words; ++i) {
        CHECK(seen[i] == 0xa5c30f1e, "word %zu is 0x%x", i, seen[i]);
    }
}

int main(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    const struct buffers b = {
        e2e_alloc(&e2e, e2e.host, CAPACITY), e2e_alloc(&e2e, e2e.host, CAPACITY),
        e2e_alloc(&e2e, e2e.device, CAPACITY), e2e_alloc(&e2e, e2e.device, CAPACITY)};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; ++o) {
            round_trip(&e2e, &b, sizes[s], offsets[o]);
        }
    }
    plain_copies(&b);
    locked_copy(&e2e, &b);
    fill(&b);
    e2e_close();
    return 0;
}
