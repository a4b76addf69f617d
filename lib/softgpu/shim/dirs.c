/* SPDX-License-Identifier: MIT */
/* Directories: opendir and what takes a DIR. Ours are objects of our own among glibc's. What glibc
 * does with directories inside itself is in walk.c. */
#include "softgpu/shim/next.h"
#include "softgpu/shim/real.h"
#include "softgpu/shim/tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct dirent) == sizeof(struct dirent64), "one layout on 64-bit systems");

struct directory {
    struct directory *next;
    const struct sg_node *node;
    int fd;
    size_t position;
    struct dirent entry;
};

/* All open directories of ours. The count lets other programs' directories pass with a load. */
static struct directory *directories;
static atomic_uint directory_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct directory *ours(const DIR *handle) {
    if (!atomic_load(&directory_count))
        return NULL;
    pthread_mutex_lock(&lock);
    struct directory *directory = directories;
    while (directory && (const void *)directory != (const void *)handle)
        directory = directory->next;
    pthread_mutex_unlock(&lock);
    return directory;
}

static void hold(void) {
    pthread_mutex_lock(&lock);
}

static void let_go(void) {
    pthread_mutex_unlock(&lock);
}

/* A child must not find the lock taken by a thread that it hasn't got. */
static void watch_forks(void) {
    pthread_atfork(hold, let_go, let_go);
}

static DIR *open_directory(const struct sg_node *node, int fd) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct directory *directory = calloc(1, sizeof *directory);
    if (!directory)
        return NULL;
    pthread_once(&once, watch_forks);
    directory->node = node;
    directory->fd = fd;
    pthread_mutex_lock(&lock);
    directory->next = directories;
    directories = directory;
    atomic_fetch_add(&directory_count, 1);
    pthread_mutex_unlock(&lock);
    return (DIR *)directory;
}

static void unlist(const struct directory *directory) {
    pthread_mutex_lock(&lock);
    struct directory **at = &directories;
    while (*at != directory)
        at = &(*at)->next;
    *at = directory->next;
    atomic_fetch_sub(&directory_count, 1);
    pthread_mutex_unlock(&lock);
}

typedef DIR *(*opendir_function)(const char *path);
typedef DIR *(*fdopendir_function)(int fd);
typedef struct dirent *(*readdir_function)(DIR *handle);
typedef int (*readdir_r_function)(DIR *handle, struct dirent *out, struct dirent **out_result);
typedef int (*closedir_function)(DIR *handle);
typedef void (*rewinddir_function)(DIR *handle);
typedef void (*seekdir_function)(DIR *handle, long position);
typedef long (*telldir_function)(DIR *handle);

SHIM_EXPORT DIR *opendir(const char *path) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    const enum shim_lookup found = shim_tree_find(AT_FDCWD, path, true, &node, elsewhere);
    if (found == SHIM_PASS) {
        NEXT(opendir_function, "opendir")
        return function(elsewhere[0] ? elsewhere : path);
    }
    const int fd =
        found == SHIM_MISSING ? -ENOENT : shim_tree_open(node, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    DIR *handle = open_directory(node, fd);
    if (!handle)
        real_close(fd);
    return handle;
}

SHIM_EXPORT DIR *fdopendir(int fd) {
    const struct sg_node *node = shim_tree_of_fd(fd);
    if (node && node->kind == SG_NODE_DIRECTORY)
        return open_directory(node, fd);
    NEXT(fdopendir_function, "fdopendir")
    return function(fd);
}

static void fill(struct directory *directory, const char *name, const struct sg_node *node) {
    static const unsigned char types[] = {
        [SG_NODE_FILE] = DT_REG,
        [SG_NODE_LINK] = DT_LNK,
        [SG_NODE_DEVICE] = DT_CHR,
        [SG_NODE_DIRECTORY] = DT_DIR,
    };
    struct dirent *entry = &directory->entry;
    entry->d_ino = shim_tree_inode(node);
    entry->d_off = (off_t)directory->position;
    entry->d_reclen = sizeof *entry;
    entry->d_type = types[node->kind];
    snprintf(entry->d_name, sizeof entry->d_name, "%s", name);
}

static struct dirent *read_entry(struct directory *directory) {
    const size_t position = directory->position;
    if (position < 2) {
        directory->position++;
        fill(directory, position ? ".." : ".", directory->node);
        return &directory->entry;
    }
    const struct sg_node *child = shim_tree_child(directory->node, position - 2);
    if (!child)
        return NULL;
    directory->position++;
    fill(directory, shim_tree_name(child), child);
    return &directory->entry;
}

static struct dirent *read_any(DIR *handle) {
    struct directory *directory = ours(handle);
    if (directory)
        return read_entry(directory);
    NEXT(readdir_function, "readdir64")
    return function(handle);
}

SHIM_EXPORT struct dirent *readdir(DIR *handle) {
    return read_any(handle);
}

SHIM_EXPORT struct dirent64 *readdir64(DIR *handle) {
    return (struct dirent64 *)read_any(handle);
}

static int read_into(DIR *handle, struct dirent *out, struct dirent **out_result) {
    struct directory *directory = ours(handle);
    if (!directory) {
        NEXT(readdir_r_function, "readdir64_r")
        return function(handle, out, out_result);
    }
    const struct dirent *entry = read_entry(directory);
    *out_result = entry ? memcpy(out, entry, sizeof *out) : NULL;
    return 0;
}

SHIM_EXPORT int readdir_r(DIR *restrict handle, struct dirent *restrict out,
                          struct dirent **restrict out_result) {
    return read_into(handle, out, out_result);
}

SHIM_EXPORT int readdir64_r(DIR *restrict handle, struct dirent64 *restrict out,
                            struct dirent64 **restrict out_result) {
    return read_into(handle, (struct dirent *)out, (struct dirent **)out_result);
}

SHIM_EXPORT int closedir(DIR *handle) {
    struct directory *directory = ours(handle);
    if (!directory) {
        NEXT(closedir_function, "closedir")
        return function(handle);
    }
    unlist(directory);
    const int result = real_close(directory->fd);
    free(directory);
    return result;
}

SHIM_EXPORT int dirfd(DIR *handle) {
    const struct directory *directory = ours(handle);
    if (directory)
        return directory->fd;
    NEXT(closedir_function, "dirfd")
    return function(handle);
}

SHIM_EXPORT void rewinddir(DIR *handle) {
    struct directory *directory = ours(handle);
    if (directory) {
        directory->position = 0;
        return;
    }
    NEXT(rewinddir_function, "rewinddir")
    function(handle);
}

SHIM_EXPORT void seekdir(DIR *handle, long position) {
    struct directory *directory = ours(handle);
    if (directory) {
        directory->position = (size_t)position;
        return;
    }
    NEXT(seekdir_function, "seekdir")
    function(handle, position);
}

SHIM_EXPORT long telldir(DIR *handle) {
    const struct directory *directory = ours(handle);
    if (directory)
        return (long)directory->position;
    NEXT(telldir_function, "telldir")
    return function(handle);
}
