/* SPDX-License-Identifier: MIT */
// Memory is allocated, filled, copied at once and after a dependency, and freed.
#include "live.h"

enum { WORDS = 5000 };

static void copy_and_fill(const struct hsp_agent *gpu) {
    const struct hsp_pool *pool = live_device_pool(gpu);
    const struct hsp_agent *host = hsp_agent_host();
    uint32_t *device = NULL, *in = live_host_memory(gpu, WORDS * 4);
    uint32_t *out = live_host_memory(gpu, WORDS * 4);
    OK(hsp_memory_alloc(pool, WORDS * 4, NULL, 0, (void **)&device));
    OK(hsp_memory_fill(device, 0xdeadbeef, WORDS));
    OK(hsp_memory_copy(out, device, WORDS * 4));
    for (int i = 0; i < WORDS; i++)
        CHECK(out[i] == 0xdeadbeef, "word %d is 0x%x", i, out[i]);
    for (uint32_t i = 0; i < WORDS; i++)
        in[i] = i * 7;
    hsa_signal_t gate, done;
    OK(hsp_signal_create(1, NULL, &gate));
    OK(hsp_signal_create(2, NULL, &done));
    OK(hsp_signal_time_copies(true));
    OK(hsp_memory_copy_async(device, gpu, in, host, WORDS * 4, &gate, 1, done));
    int64_t seen = 0;
    CHECK(hsp_signal_wait(done, HSP_CONDITION_LT, 2, 20000000, HSP_WAIT_BLOCKED, &seen) ==
          HSP_ERROR_TIMEOUT);
    CHECK(seen == 2, "the copy ran before its dependency");
    const uint64_t before = hsp_clock_ns();
    hsp_signal_store_release(gate, 0);
    OK(hsp_signal_wait(done, HSP_CONDITION_EQ, 1, LIVE_WAIT_NS, HSP_WAIT_BLOCKED, NULL));
    struct hsp_device_times times;
    OK(hsp_signal_copy_times(done, &times));
    CHECK(times.end_ns >= times.start_ns && times.end_ns + times.error_ns >= before);
    OK(hsp_memory_copy_async(out, host, device, gpu, WORDS * 4, NULL, 0, done));
    OK(hsp_signal_wait(done, HSP_CONDITION_EQ, 0, LIVE_WAIT_NS, HSP_WAIT_ACTIVE, NULL));
    CHECK(memcmp(in, out, WORDS * 4) == 0);
    OK(hsp_signal_time_copies(false));
    hsp_signal_destroy(gate);
    hsp_signal_destroy(done);
    OK(hsp_memory_free(device));
    OK(hsp_memory_free(in));
    OK(hsp_memory_free(out));
    OK(hsp_memory_free(NULL));
}

static void refusals(const struct hsp_agent *gpu) {
    const struct hsp_pool *pool = live_device_pool(gpu);
    void *memory = (void *)0xa5;
    FAILS(hsp_memory_alloc(pool, 0, NULL, 0, &memory), HSP_ERROR_INVALID_ARGUMENT, "0 bytes");
    FAILS(hsp_memory_alloc(pool, (size_t)1 << 60, NULL, 0, &memory), HSP_ERROR_OUT_OF_MEMORY,
          "1152921504606846976 bytes");
    for (size_t i = 0; i < hsp_pool_count(gpu); i++)
        if (hsp_pool_info_get(hsp_pool_at(gpu, i))->segment == HSP_SEGMENT_GROUP)
            FAILS(hsp_memory_alloc(hsp_pool_at(gpu, i), 64, NULL, 0, &memory),
                  HSP_ERROR_INVALID_ARGUMENT, "allows no allocation");
    CHECK(memory == (void *)0xa5);
    FAILS(hsp_memory_fill((void *)0x1001, 0, 1), HSP_ERROR_INVALID_ARGUMENT, "multiple of 4");
}

static void kernarg_blocks(const struct hsp_agent *gpu) {
    enum { BLOCKS = 5 };
    struct hsp_kernarg_arena *arena = NULL;
    OK(hsp_kernarg_arena_create(gpu, 100, BLOCKS, &arena));
    CHECK(hsp_kernarg_arena_block_bytes(arena) == 128);
    char *blocks[BLOCKS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = hsp_kernarg_arena_acquire(arena);
            CHECK(blocks[i] && (uintptr_t)blocks[i] % 64 == 0);
            memset(blocks[i], i, 128);
        }
        CHECK(!hsp_kernarg_arena_acquire(arena));
        for (int i = 0; i < BLOCKS; i++) {
            CHECK(blocks[i][0] == i && blocks[i][127] == i, "blocks overlap");
            hsp_kernarg_arena_release(arena, blocks[i]);
        }
    }
    hsp_kernarg_arena_destroy(arena);
    FAILS(hsp_kernarg_arena_create(gpu, 0, 1, &arena), HSP_ERROR_INVALID_ARGUMENT, "of 0 bytes");
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    copy_and_fill(gpu);
    refusals(gpu);
    kernarg_blocks(gpu);
    hsp_runtime_shutdown();
    return 0;
}
