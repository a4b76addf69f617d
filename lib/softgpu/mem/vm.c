/* SPDX-License-Identifier: MIT */
#include "softgpu/mem/vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The map is a two-level sorted array: a directory of leaves, each holding up to leaf_max ranges.
 * Both levels are immutable once published. An update copies one leaf and the directory, so with
 * 10,000 ranges it moves about 5 KiB, and a reader that got hold of the root needs nothing else.
 *
 * Reclamation: a reader counts itself in one of the stripes before it loads the root. Whoever still
 * uses a retired block counted itself before the block was replaced; so a block may be freed as
 * soon as every stripe was seen at zero once after that. Writers look, but never wait. */
#define PAGEABLE_FIRST 0x10000ull
#define PAGEABLE_END   0x7ffffffff000ull

enum { leaf_max = 64, leaf_merge = leaf_max / 2, stripe_count = 16, cache_line_bytes = 64 };

struct leaf {
    struct leaf *next_retired;
    uint32_t count;
    struct sg_vm_range ranges[leaf_max];
};

struct entry {
    uint64_t first_va; /* of leaf->ranges[0] */
    struct leaf *leaf;
};

struct root {
    struct root *next_retired;
    uint32_t count;
    struct entry entries[];
};

struct stripe {
    _Alignas(cache_line_bytes) atomic_uint readers;
};

/* Blocks that no new reader can reach, and the stripes that were not yet seen empty since. */
struct retired {
    struct root *roots;
    struct leaf *leaves;
};

struct sg_vm {
    _Atomic(struct root *) root;
    _Atomic uint64_t generation;
    void (*ring)(void *context, const void *host);
    void *ring_context;
    bool pageable;
    pthread_mutex_t lock;
    struct retired waiting;
    struct retired fresh;
    uint32_t waiting_stripes;
    struct stripe stripes[stripe_count];
};

struct sg_vm *sg_vm_create(void) {
    struct sg_vm *vm = aligned_alloc(cache_line_bytes, sizeof *vm);
    struct root *root = calloc(1, sizeof *root);
    if (!vm || !root) {
        free(vm);
        free(root);
        return NULL;
    }
    memset(vm, 0, sizeof *vm);
    atomic_init(&vm->root, root);
    atomic_init(&vm->generation, 1);
    pthread_mutex_init(&vm->lock, NULL);
    for (int i = 0; i < stripe_count; i++)
        atomic_init(&vm->stripes[i].readers, 0);
    return vm;
}

void sg_vm_on_doorbell(struct sg_vm *vm, void (*ring)(void *context, const void *host),
                       void *context) {
    vm->ring = ring;
    vm->ring_context = context;
}

void sg_vm_ring_doorbell(const struct sg_vm *vm, const void *host) {
    if (vm->ring)
        vm->ring(vm->ring_context, host);
}

void sg_vm_set_pageable(struct sg_vm *vm, bool pageable) {
    vm->pageable = pageable;
    atomic_fetch_add(&vm->generation, 1);
}

static void free_retired(struct retired *retired) {
    while (retired->roots) {
        struct root *next = retired->roots->next_retired;
        free(retired->roots);
        retired->roots = next;
    }
    while (retired->leaves) {
        struct leaf *next = retired->leaves->next_retired;
        free(retired->leaves);
        retired->leaves = next;
    }
}

void sg_vm_destroy(struct sg_vm *vm) {
    if (!vm)
        return;
    free_retired(&vm->waiting);
    free_retired(&vm->fresh);
    struct root *root = atomic_load_explicit(&vm->root, memory_order_relaxed);
    for (uint32_t i = 0; i < root->count; i++)
        free(root->entries[i].leaf);
    free(root);
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}

/* Frees what waited for all stripes; what was retired meanwhile starts its own round. */
static void reclaim(struct sg_vm *vm) {
    for (int i = 0; i < stripe_count; i++) {
        if (vm->waiting_stripes >> i & 1 && atomic_load(&vm->stripes[i].readers) == 0)
            vm->waiting_stripes &= ~(1u << i);
    }
    if (vm->waiting_stripes)
        return;
    free_retired(&vm->waiting);
    vm->waiting = vm->fresh;
    vm->fresh = (struct retired){0};
    vm->waiting_stripes = (1u << stripe_count) - 1;
}

static void retire_leaf(struct sg_vm *vm, struct leaf *leaf) {
    leaf->next_retired = vm->fresh.leaves;
    vm->fresh.leaves = leaf;
}

static void publish(struct sg_vm *vm, struct root *root) {
    struct root *old = atomic_load_explicit(&vm->root, memory_order_relaxed);
    atomic_store(&vm->root, root);
    old->next_retired = vm->fresh.roots;
    vm->fresh.roots = old;
}

/* Index of the last entry that begins at or below `va`; 0 where none does. */
static uint32_t find_entry(const struct root *root, uint64_t va) {
    uint32_t low = 0;
    uint32_t high = root->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (root->entries[middle].first_va <= va)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Index of the first range of the leaf that begins above `va`. */
static uint32_t find_after(const struct leaf *leaf, uint64_t va) {
    uint32_t low = 0;
    uint32_t high = leaf->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (leaf->ranges[middle].va <= va)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct sg_vm_range *find_range(const struct root *root, uint64_t va) {
    if (root->count == 0)
        return NULL;
    const struct leaf *leaf = root->entries[find_entry(root, va)].leaf;
    uint32_t after = find_after(leaf, va);
    if (after == 0)
        return NULL;
    const struct sg_vm_range *range = &leaf->ranges[after - 1];
    return va - range->va < range->bytes ? range : NULL;
}

/* A copy of `old` with entries [at, at + removed) replaced by `added` ones, which the caller
 * fills. */
static struct root *root_splice(const struct root *old, uint32_t at, uint32_t removed,
                                uint32_t added) {
    uint32_t count = old->count - removed + added;
    struct root *root = malloc(sizeof *root + count * sizeof root->entries[0]);
    if (!root)
        return NULL;
    root->count = count;
    uint32_t tail = old->count - at - removed;
    memcpy(root->entries, old->entries, at * sizeof root->entries[0]);
    memcpy(root->entries + at + added, old->entries + at + removed, tail * sizeof root->entries[0]);
    return root;
}

static void set_entry(struct root *root, uint32_t at, struct leaf *leaf) {
    root->entries[at] = (struct entry){leaf->ranges[0].va, leaf};
}

/* Builds the ranges of `old` plus `range` at `position` in one leaf, or two where one is full. */
static void leaf_insert(const struct leaf *old, uint32_t position, const struct sg_vm_range *range,
                        struct leaf *first, struct leaf *second) {
    struct sg_vm_range all[leaf_max + 1];
    uint32_t count = old ? old->count : 0;
    if (old) {
        memcpy(all, old->ranges, position * sizeof all[0]);
        memcpy(all + position + 1, old->ranges + position, (count - position) * sizeof all[0]);
    }
    all[position] = *range;
    count++;
    first->count = second ? count / 2 : count;
    memcpy(first->ranges, all, first->count * sizeof all[0]);
    if (second) {
        second->count = count - first->count;
        memcpy(second->ranges, all + first->count, second->count * sizeof all[0]);
    }
}

static bool overlaps(const struct root *root, const struct sg_vm_range *range) {
    uint64_t last = range->va + range->bytes - 1;
    const uint32_t at = root->count ? find_entry(root, last) : 0;
    if (root->count == 0)
        return false;
    const struct leaf *leaf = root->entries[at].leaf;
    uint32_t after = find_after(leaf, last);
    if (after == 0)
        return false;
    const struct sg_vm_range *below = &leaf->ranges[after - 1];
    return below->va >= range->va || range->va - below->va < below->bytes;
}

static int map_locked(struct sg_vm *vm, const struct sg_vm_range *range) {
    struct root *old = atomic_load_explicit(&vm->root, memory_order_relaxed);
    if (overlaps(old, range))
        return -EEXIST;
    uint32_t at = old->count ? find_entry(old, range->va) : 0;
    struct leaf *leaf = old->count ? old->entries[at].leaf : NULL;
    bool split = leaf && leaf->count == leaf_max;
    struct leaf *first = malloc(sizeof *first);
    struct leaf *second = split ? malloc(sizeof *second) : NULL;
    struct root *root = root_splice(old, at, leaf ? 1 : 0, split ? 2 : 1);
    if (!first || !root || (split && !second)) {
        free(first);
        free(second);
        free(root);
        return -ENOMEM;
    }
    leaf_insert(leaf, leaf ? find_after(leaf, range->va) : 0, range, first, second);
    set_entry(root, at, first);
    if (second)
        set_entry(root, at + 1, second);
    publish(vm, root);
    if (vm->pageable)
        atomic_fetch_add(&vm->generation, 1);
    if (leaf)
        retire_leaf(vm, leaf);
    return 0;
}

/* A copy of `leaf` without the range at `position`, with the ranges of `neighbour` (may be NULL)
 * appended. */
static struct leaf *leaf_remove(const struct leaf *leaf, uint32_t position,
                                const struct leaf *neighbour) {
    struct leaf *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    uint32_t tail = leaf->count - position - 1;
    memcpy(copy->ranges, leaf->ranges, position * sizeof copy->ranges[0]);
    memcpy(copy->ranges + position, leaf->ranges + position + 1, tail * sizeof copy->ranges[0]);
    copy->count = leaf->count - 1;
    if (neighbour) {
        memcpy(copy->ranges + copy->count, neighbour->ranges,
               neighbour->count * sizeof copy->ranges[0]);
        copy->count += neighbour->count;
    }
    return copy;
}

static int unmap_locked(struct sg_vm *vm, uint64_t va, uint64_t bytes) {
    struct root *old = atomic_load_explicit(&vm->root, memory_order_relaxed);
    const struct sg_vm_range *range = find_range(old, va);
    if (!range || range->va != va || range->bytes != bytes)
        return -ENOENT;
    uint32_t at = find_entry(old, va);
    struct leaf *leaf = old->entries[at].leaf;
    struct leaf *neighbour = at + 1 < old->count ? old->entries[at + 1].leaf : NULL;
    if (neighbour && leaf->count - 1 + neighbour->count > leaf_merge)
        neighbour = NULL;
    bool empties = leaf->count == 1 && !neighbour;
    struct leaf *copy =
        empties ? NULL : leaf_remove(leaf, (uint32_t)(range - leaf->ranges), neighbour);
    struct root *root = root_splice(old, at, neighbour ? 2 : 1, empties ? 0 : 1);
    if (!root || (!copy && !empties)) {
        free(copy);
        free(root);
        return -ENOMEM;
    }
    if (copy)
        set_entry(root, at, copy);
    publish(vm, root);
    atomic_fetch_add(&vm->generation, 1);
    retire_leaf(vm, leaf);
    if (neighbour)
        retire_leaf(vm, neighbour);
    return 0;
}

int sg_vm_map(struct sg_vm *vm, const struct sg_vm_range *range) {
    if (range->bytes == 0 || range->va + range->bytes - 1 < range->va)
        return -EINVAL;
    pthread_mutex_lock(&vm->lock);
    int result = map_locked(vm, range);
    reclaim(vm);
    pthread_mutex_unlock(&vm->lock);
    return result;
}

int sg_vm_unmap(struct sg_vm *vm, uint64_t va, uint64_t bytes) {
    pthread_mutex_lock(&vm->lock);
    int result = unmap_locked(vm, va, bytes);
    reclaim(vm);
    pthread_mutex_unlock(&vm->lock);
    return result;
}

/* Threads have stacks of their own, so the frame's address spreads them over the stripes. */
static struct stripe *read_begin(const struct sg_vm *vm) {
    uintptr_t page = (uintptr_t)__builtin_frame_address(0) >> 12;
    uint32_t index = (uint32_t)((page * 0x9e3779b97f4a7c15u) >> 60);
    struct stripe *stripe = (struct stripe *)&vm->stripes[index];
    atomic_fetch_add(&stripe->readers, 1);
    return stripe;
}

static void read_end(struct stripe *stripe) {
    atomic_fetch_sub_explicit(&stripe->readers, 1, memory_order_release);
}

/* What lies between the intervals around `va`, which no interval holds. */
static bool find_gap(const struct root *root, uint64_t va, struct sg_vm_range *out_range) {
    uint64_t first = PAGEABLE_FIRST;
    uint64_t end = PAGEABLE_END;
    if (va < first || va >= end)
        return false;
    const uint32_t at = root->count ? find_entry(root, va) : 0;
    const struct leaf *leaf = root->count ? root->entries[at].leaf : NULL;
    const uint32_t after = leaf ? find_after(leaf, va) : 0;
    if (after && leaf->ranges[after - 1].va + leaf->ranges[after - 1].bytes > first)
        first = leaf->ranges[after - 1].va + leaf->ranges[after - 1].bytes;
    if (leaf && after < leaf->count && leaf->ranges[after].va < end)
        end = leaf->ranges[after].va;
    else if (at + 1 < root->count && root->entries[at + 1].first_va < end)
        end = root->entries[at + 1].first_va;
    *out_range = (struct sg_vm_range){.va = first,
                                      .bytes = end - first,
                                      .host = (uint8_t *)(uintptr_t)first,
                                      .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR};
    return true;
}

bool sg_vm_find(const struct sg_vm *vm, uint64_t va, struct sg_vm_range *out_range) {
    struct stripe *stripe = read_begin(vm);
    const struct root *root = atomic_load(&vm->root);
    const struct sg_vm_range *range = find_range(root, va);
    bool found = range;
    if (range)
        *out_range = *range;
    else if (vm->pageable)
        found = find_gap(root, va, out_range);
    read_end(stripe);
    return found;
}

static const struct sg_vm_range *find_host(const struct root *root, const uint8_t *host) {
    for (uint32_t i = 0; i < root->count; i++) {
        const struct leaf *leaf = root->entries[i].leaf;
        for (uint32_t k = 0; k < leaf->count; k++) {
            const struct sg_vm_range *range = &leaf->ranges[k];
            if ((uintptr_t)host - (uintptr_t)range->host < range->bytes)
                return range;
        }
    }
    return NULL;
}

bool sg_vm_find_host(const struct sg_vm *vm, const void *host, struct sg_vm_range *out_range) {
    struct stripe *stripe = read_begin(vm);
    const struct root *root = atomic_load(&vm->root);
    const struct sg_vm_range *range = find_host(root, host);
    bool found = range;
    if (range)
        *out_range = *range;
    else if (vm->pageable && !find_range(root, (uintptr_t)host))
        found = find_gap(root, (uintptr_t)host, out_range);
    read_end(stripe);
    return found;
}

uint64_t sg_vm_generation(const struct sg_vm *vm) {
    return atomic_load_explicit(&vm->generation, memory_order_acquire);
}

void *sg_vm_host(const struct sg_vm *vm, uint64_t va, uint64_t bytes, uint32_t need,
                 uint64_t *out_fault_va) {
    struct stripe *stripe = read_begin(vm);
    const struct root *root = atomic_load(&vm->root);
    uint8_t *host = NULL;
    uint64_t done = 0;
    do {
        const struct sg_vm_range *range = find_range(root, va + done);
        if (!range || (range->flags & need) != need)
            break;
        uint64_t offset = va + done - range->va;
        if (done == 0)
            host = range->host + offset;
        else if (range->host + offset != host + done)
            break;
        done += range->bytes - offset;
        /* The last byte of the address space: va + done wraps to 0. */
        if (va + done == 0)
            break;
    } while (done < bytes);
    read_end(stripe);
    if (host && done >= bytes)
        return host;
    if (out_fault_va)
        *out_fault_va = va + done;
    return NULL;
}
