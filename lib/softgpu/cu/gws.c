/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/gws.h"

static uint64_t pack(uint32_t generation, uint32_t counter) {
    return (uint64_t)generation << 32 | counter;
}

/* The word after `op` on `word`, and whether the wave passes. */
static bool step(enum sg_gws_op op, uint64_t word, uint32_t value, uint64_t *out_word) {
    const uint32_t generation = (uint32_t)(word >> 32);
    const uint32_t counter = (uint32_t)word;
    switch (op) {
    case SG_GWS_INIT:
        *out_word = pack(generation, value);
        return true;
    case SG_GWS_BARRIER: /* counts down; the one that finds 0 lets all go and reloads */
        *out_word = counter ? pack(generation, counter - 1) : pack(generation + 1, value);
        return counter == 0;
    case SG_GWS_SEMA_V:
        *out_word = pack(generation, counter + 1);
        return true;
    case SG_GWS_SEMA_BR:
        *out_word = pack(generation, counter + value);
        return true;
    case SG_GWS_SEMA_P:
        *out_word = counter ? pack(generation, counter - 1) : word;
        return counter != 0;
    case SG_GWS_SEMA_RELEASE_ALL:
        *out_word = pack(generation + 1, 0);
        return true;
    }
    *out_word = word;
    return true;
}

bool sg_gws_execute(struct sg_gws *gws, const struct sg_wave *wave, uint32_t *out_generation) {
    _Atomic uint64_t *resource = &gws->resource[wave->gws_id % SG_GWS_RESOURCES];
    uint64_t word = atomic_load(resource);
    uint64_t next;
    bool passes;
    do {
        passes = step(wave->gws_op, word, wave->gws_value, &next);
    } while (!atomic_compare_exchange_weak(resource, &word, next));
    *out_generation = (uint32_t)(word >> 32);
    return passes;
}

bool sg_gws_poll(struct sg_gws *gws, const struct sg_wave *wave, uint32_t generation) {
    const uint64_t word = atomic_load(&gws->resource[wave->gws_id % SG_GWS_RESOURCES]);
    if ((uint32_t)(word >> 32) != generation) {
        return true;
    }
    uint32_t unused;
    return wave->gws_op == SG_GWS_SEMA_P && (uint32_t)word && sg_gws_execute(gws, wave, &unused);
}
