/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/store.h"

#include <stdlib.h>

enum { STORE_ALIGN = 64 };

static unsigned class_of(size_t bytes) {
    return bytes <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(bytes - 1);
}

void sg_store_init(struct sg_store *store) {
    *store = (struct sg_store){0};
    pthread_mutex_init(&store->lock, NULL);
}

void sg_store_fini(struct sg_store *store) {
    for (unsigned i = 0; i < SG_STORE_CLASSES; i++) {
        for (struct sg_workgroup *group = store->free[i]; group;) {
            struct sg_workgroup *next = group->next;
            free(group);
            group = next;
        }
    }
    pthread_mutex_destroy(&store->lock);
}

struct sg_workgroup *sg_store_acquire(struct sg_store *store, size_t bytes) {
    const unsigned class = class_of(bytes);
    pthread_mutex_lock(&store->lock);
    struct sg_workgroup *group = store->free[class];
    if (group) {
        store->free[class] = group->next;
    }
    pthread_mutex_unlock(&store->lock);
    if (!group) {
        const size_t rounded = (size_t)1 << class;
        group = aligned_alloc(STORE_ALIGN, rounded);
        if (!group) {
            return NULL;
        }
        sg_workgroup_init(group, rounded);
    }
    group->next = NULL;
    return group;
}

void sg_store_release(struct sg_store *store, struct sg_workgroup *group) {
    if (!group) {
        return;
    }
    const unsigned class = class_of(group->storage_bytes);
    pthread_mutex_lock(&store->lock);
    group->next = store->free[class];
    store->free[class] = group;
    pthread_mutex_unlock(&store->lock);
}
