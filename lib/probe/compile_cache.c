/* SPDX-License-Identifier: MIT */
#include "probe/compile_cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
    struct kept *next;
    struct hsp_blob key;
    struct hsp_blob code;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *newest; ///< under lock; entries stay until the process ends

// The number grows when the library compiles otherwise, by options of its own.
#define MAGIC       "hsaprobe code 2\n"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)

static bool blob_copy(const struct hsp_blob *from, struct hsp_blob *to) {
    to->size = from->size;
    to->data = malloc(from->size ? from->size : 1);
    if (to->data && from->size)
        memcpy(to->data, from->data, from->size);
    return to->data != NULL;
}

static bool blob_equals(const struct hsp_blob *a, const struct hsp_blob *b) {
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

// FNV-1a. Only names the file; the key in it decides.
static uint64_t hash_of(const struct hsp_blob *key) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key->size; i++)
        hash = (hash ^ key->data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

// Path of the key's file; its directory is made if asked. NULL without a home or memory.
static char *path_of(const struct hsp_blob *key, bool makes) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    const bool is_set = cache && cache[0] == '/'; // a relative one is to be ignored
    if (!is_set && (!home || home[0] != '/'))
        return NULL;
    char *path = NULL;
    if (asprintf(&path, "%s%s/hsaprobe/%016" PRIx64, is_set ? cache : home, is_set ? "" : "/.cache",
                 hash_of(key)) < 0)
        return NULL;
    if (!makes)
        return path;
    // At most two levels are ours: the cache directory and our folder in it.
    char *last = strrchr(path, '/');
    *last = '\0';
    char *above = strrchr(path, '/');
    *above = '\0';
    (void)mkdir(path, 0700);
    *above = '/';
    (void)mkdir(path, 0700);
    *last = '/';
    return path;
}

static bool read_blob(FILE *file, size_t size, struct hsp_blob *out_blob) {
    out_blob->size = size;
    out_blob->data = malloc(size ? size : 1);
    return out_blob->data && fread(out_blob->data, 1, size, file) == size;
}

static bool read_file(FILE *file, const struct hsp_blob *key, struct hsp_blob *out_code) {
    char magic[MAGIC_BYTES];
    uint64_t sizes[2];
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || fread(magic, 1, MAGIC_BYTES, file) != MAGIC_BYTES ||
        memcmp(magic, MAGIC, MAGIC_BYTES) != 0 || fread(sizes, sizeof(sizes), 1, file) != 1 ||
        sizes[0] != key->size ||
        (uint64_t)info.st_size != MAGIC_BYTES + sizeof(sizes) + sizes[0] + sizes[1])
        return false;
    struct hsp_blob found = {0}, code = {0};
    const bool is_same = read_blob(file, sizes[0], &found) && blob_equals(&found, key) &&
                         read_blob(file, sizes[1], &code);
    free(found.data);
    if (!is_same) {
        free(code.data);
        return false;
    }
    *out_code = code;
    return true;
}

static bool find_file(const struct hsp_blob *key, struct hsp_blob *out_code) {
    char *path = path_of(key, false);
    FILE *file = path ? fopen(path, "rbe") : NULL;
    free(path);
    if (!file)
        return false;
    const bool is_found = read_file(file, key, out_code);
    fclose(file);
    return is_found;
}

static bool write_file(FILE *file, const struct hsp_blob *key, const struct hsp_blob *code) {
    const uint64_t sizes[2] = {key->size, code->size};
    fwrite(MAGIC, 1, MAGIC_BYTES, file);
    fwrite(sizes, sizeof(sizes), 1, file);
    fwrite(key->data, 1, key->size, file);
    fwrite(code->data, 1, code->size, file);
    const bool is_good = !ferror(file);
    return fclose(file) == 0 && is_good;
}

static void add_file(const struct hsp_blob *key, const struct hsp_blob *code) {
    char *path = path_of(key, true);
    char *temporary = NULL;
    if (path && asprintf(&temporary, "%s.XXXXXX", path) >= 0) {
        const int fd = mkostemp(temporary, O_CLOEXEC);
        FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
        if (fd >= 0 && !file)
            close(fd);
        if (fd >= 0 && (!file || !write_file(file, key, code) || rename(temporary, path) != 0))
            unlink(temporary);
        free(temporary);
    }
    free(path);
}

// Under lock.
static const struct kept *kept_of(const struct hsp_blob *key) {
    const struct kept *kept = newest;
    while (kept && !blob_equals(&kept->key, key))
        kept = kept->next;
    return kept;
}

static bool find_kept(const struct hsp_blob *key, struct hsp_blob *out_code) {
    struct hsp_blob code = {0};
    pthread_mutex_lock(&lock);
    const struct kept *kept = kept_of(key);
    const bool is_found = kept && blob_copy(&kept->code, &code);
    pthread_mutex_unlock(&lock);
    if (is_found)
        *out_code = code;
    return is_found;
}

static void kept_free(struct kept *kept) {
    if (!kept)
        return;
    free(kept->key.data);
    free(kept->code.data);
    free(kept);
}

// Two threads may have compiled the same.
static void keep(const struct hsp_blob *key, const struct hsp_blob *code) {
    struct kept *kept = calloc(1, sizeof(*kept));
    if (!kept || !blob_copy(key, &kept->key) || !blob_copy(code, &kept->code)) {
        kept_free(kept);
        return;
    }
    pthread_mutex_lock(&lock);
    const bool is_new = !kept_of(key);
    if (is_new) {
        kept->next = newest;
        newest = kept;
    }
    pthread_mutex_unlock(&lock);
    if (!is_new)
        kept_free(kept);
}

bool hsp_compile_cache_find(const struct hsp_blob *key, struct hsp_blob *out_code) {
    if (find_kept(key, out_code))
        return true;
    if (!find_file(key, out_code))
        return false;
    keep(key, out_code);
    return true;
}

void hsp_compile_cache_add(const struct hsp_blob *key, const struct hsp_blob *code) {
    keep(key, code);
    add_file(key, code);
}
