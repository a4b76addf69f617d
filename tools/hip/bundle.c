/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC          "__CLANG_OFFLOAD_BUNDLE__"
#define CODE_ALIGNMENT 4096
#define HOST_ENTRY     "host-x86_64-unknown-linux--"
#define DEVICE_PREFIX  "hipv4-"

static char *put(char *at, const void *bytes, size_t count) {
    memcpy(at, bytes, count);
    return at + count;
}

static char *put_entry(char *at, uint64_t offset, uint64_t bytes, const char *id) {
    uint64_t id_bytes = strlen(id);
    at = put(at, &offset, sizeof offset);
    at = put(at, &bytes, sizeof bytes);
    at = put(at, &id_bytes, sizeof id_bytes);
    return put(at, id, id_bytes);
}

void *bundle_create(const char *isa, const void *code, size_t code_bytes) {
    char id[160];
    if ((size_t)snprintf(id, sizeof id, DEVICE_PREFIX "%s", isa) >= sizeof id)
        return NULL;
    size_t total =
        (CODE_ALIGNMENT + code_bytes + CODE_ALIGNMENT - 1) & ~(size_t)(CODE_ALIGNMENT - 1);
    char *bundle = aligned_alloc(CODE_ALIGNMENT, total);
    if (!bundle)
        return NULL;
    memset(bundle, 0, CODE_ALIGNMENT);
    uint64_t count = 2;
    char *at = put(bundle, MAGIC, strlen(MAGIC));
    at = put(at, &count, sizeof count);
    at = put_entry(at, CODE_ALIGNMENT, 0, HOST_ENTRY);
    put_entry(at, CODE_ALIGNMENT, code_bytes, id);
    memcpy(bundle + CODE_ALIGNMENT, code, code_bytes);
    return bundle;
}
