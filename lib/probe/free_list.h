/* SPDX-License-Identifier: MIT */
/// Which of a fixed number of things are free: a lock-free stack of their indices, last in first
/// out, so that what is handed out is warm in the cache.
///
/// Thread safety: pop and push from any number of threads. Never allocates after init.
#ifndef HSP_PROBE_FREE_LIST_H
#define HSP_PROBE_FREE_LIST_H

#include <stdatomic.h>
#include <stdint.h>

#define HSP_FREE_LIST_NONE UINT32_MAX

struct hsp_free_list {
    /// Index of the first free thing. The upper half counts changes, so that a thing that left and
    /// came back between a thread's load and its exchange is noticed.
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint32_t *next; ///< unowned; as many as there are things
};

/// All of `count` things free; the first to be popped is 0.
static inline void hsp_free_list_init(struct hsp_free_list *list, _Atomic uint32_t *next,
                                      uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        atomic_init(&next[i], i + 1 < count ? i + 1 : HSP_FREE_LIST_NONE);
    list->next = next;
    atomic_init(&list->head, count > 0 ? 0 : HSP_FREE_LIST_NONE);
}

static inline uint64_t hsp_free_list_head(uint64_t old, uint32_t index) {
    return ((old >> 32) + 1) << 32 | index;
}

/// HSP_FREE_LIST_NONE when nothing is free.
static inline uint32_t hsp_free_list_pop(struct hsp_free_list *list) {
    uint64_t head = atomic_load_explicit(&list->head, memory_order_acquire);
    for (;;) {
        const uint32_t index = (uint32_t)head;
        if (index == HSP_FREE_LIST_NONE)
            return index;
        // May be stale when another thread took the thing; then the exchange fails.
        const uint32_t next = atomic_load_explicit(&list->next[index], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&list->head, &head,
                                                  hsp_free_list_head(head, next),
                                                  memory_order_acquire, memory_order_acquire))
            return index;
    }
}

static inline void hsp_free_list_push(struct hsp_free_list *list, uint32_t index) {
    uint64_t head = atomic_load_explicit(&list->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&list->next[index], (uint32_t)head, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&list->head, &head,
                                                    hsp_free_list_head(head, index),
                                                    memory_order_release, memory_order_relaxed));
}

#endif
