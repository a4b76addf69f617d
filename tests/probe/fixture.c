/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory, const char *what) {
    if (!memory) {
        perror(what);
        exit(1);
    }
    return memory;
}

const char *fixture_path(const char *name) {
    static char path[1024];
    snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
    return path;
}

struct fixture_bytes fixture_read(const char *name) {
    FILE *file = need(fopen(fixture_path(name), "rb"), fixture_path(name));
    fseek(file, 0, SEEK_END);
    struct fixture_bytes bytes = {.size = (size_t)ftell(file)};
    rewind(file);
    bytes.data = need(malloc(bytes.size), name);
    if (fread(bytes.data, 1, bytes.size, file) != bytes.size)
        need(NULL, name);
    fclose(file);
    return bytes;
}

static size_t align_up(size_t value, size_t align) {
    return (value + align - 1) / align * align;
}

static size_t put_u64(unsigned char *bytes, uint64_t value) {
    memcpy(bytes, &value, sizeof(value));
    return sizeof(value);
}

struct fixture_bytes fixture_bundle(const struct fixture_entry *entries, size_t count,
                                    size_t align) {
    static const char magic[] = "__CLANG_OFFLOAD_BUNDLE__";
    size_t header = 24 + 8, payload = 0;
    for (size_t i = 0; i < count; i++)
        header += 24 + strlen(entries[i].id);
    for (size_t i = 0; i < count; i++)
        payload += align_up(entries[i].bytes.size, align);
    struct fixture_bytes bundle = {.size = align_up(header, align) + payload};
    bundle.data = need(calloc(1, bundle.size), "bundle");
    memcpy(bundle.data, magic, 24);
    size_t at = 24 + put_u64(bundle.data + 24, count);
    size_t offset = align_up(header, align);
    for (size_t i = 0; i < count; i++) {
        const size_t id_length = strlen(entries[i].id);
        at += put_u64(bundle.data + at, offset);
        at += put_u64(bundle.data + at, entries[i].bytes.size);
        at += put_u64(bundle.data + at, id_length);
        memcpy(bundle.data + at, entries[i].id, id_length);
        at += id_length;
        if (entries[i].bytes.size)
            memcpy(bundle.data + offset, entries[i].bytes.data, entries[i].bytes.size);
        offset += align_up(entries[i].bytes.size, align);
    }
    return bundle;
}

struct fixture_bytes fixture_concat(struct fixture_bytes first, struct fixture_bytes second,
                                    size_t align) {
    const size_t start = align_up(first.size, align);
    struct fixture_bytes both = {.size = start + second.size};
    both.data = need(calloc(1, both.size), "bundles");
    memcpy(both.data, first.data, first.size);
    memcpy(both.data + start, second.data, second.size);
    return both;
}
