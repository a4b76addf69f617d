/* SPDX-License-Identifier: MIT */
/* Paths: open, fopen, access, readlink, realpath. */
#include "abi/drm.h"
#include "softgpu/device.h"
#include "softgpu/shim/real.h"
#include "softgpu/shim/tree.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(int error) {
    errno = error;
    return -1;
}

static int open_node(const struct sg_node *node, int flags) {
    if (flags & O_CREAT && flags & O_EXCL)
        return -EEXIST;
    if (node->kind == SG_NODE_DEVICE && flags & O_DIRECTORY)
        return -ENOTDIR;
    if (node->kind == SG_NODE_DEVICE)
        return sg_device_open(node->major == SG_KFD_MAJOR
                                  ? SG_DEVICE_KFD
                                  : SG_DEVICE_RENDER + node->minor - ABI_DRM_RENDER_MINOR,
                              flags);
    return node->kind == SG_NODE_LINK ? -ELOOP : shim_tree_open(node, flags);
}

static int open_path(int directory_fd, const char *path, int flags, mode_t mode) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    switch (shim_tree_find(directory_fd, path, !(flags & O_NOFOLLOW), &node, elsewhere)) {
    case SHIM_FOUND: {
        const int fd = open_node(node, flags);
        return fd < 0 ? fail(-fd) : fd;
    }
    case SHIM_MISSING:
        return fail(flags & O_CREAT ? EACCES : ENOENT);
    default:
        return real_openat(directory_fd, elsewhere[0] ? elsewhere : path, flags, mode);
    }
}

/* The mode is there only with O_CREAT and O_TMPFILE; otherwise the register holds anything. */
#define MODE_ARGUMENT(flags)                                                                       \
    mode_t mode = 0;                                                                               \
    if ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE) {                                     \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode = va_arg(arguments, mode_t);                                                          \
        va_end(arguments);                                                                         \
    }

#define DEFINE_OPEN(name)                                                                          \
    SHIM_EXPORT int name(const char *path, int flags, ...) {                                       \
        MODE_ARGUMENT(flags)                                                                       \
        return open_path(AT_FDCWD, path, flags, mode);                                             \
    }
#define DEFINE_OPENAT(name)                                                                        \
    SHIM_EXPORT int name(int directory_fd, const char *path, int flags, ...) {                     \
        MODE_ARGUMENT(flags)                                                                       \
        return open_path(directory_fd, path, flags, mode);                                         \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

/* What a fortified program calls where it passes no mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory_fd, const char *path, int flags);
int __openat64_2(int directory_fd, const char *path, int flags);

SHIM_EXPORT int __open_2(const char *path, int flags) {
    return open_path(AT_FDCWD, path, flags, 0);
}

SHIM_EXPORT int __open64_2(const char *path, int flags) {
    return open_path(AT_FDCWD, path, flags, 0);
}

SHIM_EXPORT int __openat_2(int directory_fd, const char *path, int flags) {
    return open_path(directory_fd, path, flags, 0);
}

SHIM_EXPORT int __openat64_2(int directory_fd, const char *path, int flags) {
    return open_path(directory_fd, path, flags, 0);
}

typedef FILE *(*fopen_function)(const char *path, const char *mode);

/* glibc's fopen can't be expressed by system calls, so this one is looked up, at its first use. */
static FILE *next_fopen(const char *path, const char *mode) {
    static _Atomic(fopen_function) next;
    fopen_function function = atomic_load(&next);
    if (!function) {
        function = (fopen_function)dlsym(RTLD_NEXT, "fopen64");
        atomic_store(&next, function);
    }
    return function(path, mode);
}

static FILE *fopen_path(const char *path, const char *mode) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    const enum shim_lookup found = shim_tree_find(AT_FDCWD, path, true, &node, elsewhere);
    if (found == SHIM_PASS)
        return next_fopen(elsewhere[0] ? elsewhere : path, mode);
    const bool plus = strchr(mode, '+');
    int flags = plus ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    flags |= strchr(mode, 'e') ? O_CLOEXEC : 0;
    const int fd = found == SHIM_MISSING ? -ENOENT : open_node(node, flags);
    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    FILE *file = fdopen(fd, mode);
    if (!file)
        real_close(fd);
    return file;
}

SHIM_EXPORT FILE *fopen(const char *restrict path, const char *restrict mode) {
    return fopen_path(path, mode);
}

SHIM_EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode) {
    return fopen_path(path, mode);
}

static int access_path(int directory_fd, const char *path, int mode, int flags) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    switch (shim_tree_find(directory_fd, path, !(flags & AT_SYMLINK_NOFOLLOW), &node, elsewhere)) {
    case SHIM_MISSING:
        return fail(ENOENT);
    case SHIM_FOUND:
        if ((mode & W_OK && node->kind != SG_NODE_DEVICE) ||
            (mode & X_OK && node->kind != SG_NODE_DIRECTORY))
            return fail(EACCES);
        return 0;
    default:
        if (elsewhere[0])
            path = elsewhere;
        /* The old system call knows no flags; the new one (Linux 5.8) may be refused by a sandbox
         * that predates it. */
        return flags ? (int)syscall(SYS_faccessat2, directory_fd, path, mode, flags)
                     : (int)syscall(SYS_faccessat, directory_fd, path, mode);
    }
}

SHIM_EXPORT int access(const char *path, int mode) {
    return access_path(AT_FDCWD, path, mode, 0);
}

SHIM_EXPORT int faccessat(int directory_fd, const char *path, int mode, int flags) {
    return access_path(directory_fd, path, mode, flags);
}

static ssize_t readlink_path(int directory_fd, const char *path, char *out, size_t room) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    const enum shim_lookup found = shim_tree_find(directory_fd, path, false, &node, elsewhere);
    if (found == SHIM_PASS)
        return real_readlinkat(directory_fd, elsewhere[0] ? elsewhere : path, out, room);
    if (found == SHIM_MISSING || node->kind != SG_NODE_LINK || !room)
        return fail(found == SHIM_MISSING ? ENOENT : EINVAL);
    const size_t length = strlen(node->content);
    memcpy(out, node->content, length < room ? length : room);
    return (ssize_t)(length < room ? length : room);
}

ssize_t __readlink_chk(const char *path, char *out, size_t room, size_t object_bytes);
ssize_t __readlinkat_chk(int directory_fd, const char *path, char *out, size_t room,
                         size_t object_bytes);

SHIM_EXPORT ssize_t readlink(const char *restrict path, char *restrict out, size_t room) {
    return readlink_path(AT_FDCWD, path, out, room);
}

SHIM_EXPORT ssize_t readlinkat(int directory_fd, const char *restrict path, char *restrict out,
                               size_t room) {
    return readlink_path(directory_fd, path, out, room);
}

SHIM_EXPORT ssize_t __readlink_chk(const char *path, char *out, size_t room, size_t object_bytes) {
    if (room > object_bytes)
        abort();
    return readlink_path(AT_FDCWD, path, out, room);
}

SHIM_EXPORT ssize_t __readlinkat_chk(int directory_fd, const char *path, char *out, size_t room,
                                     size_t object_bytes) {
    if (room > object_bytes)
        abort();
    return readlink_path(directory_fd, path, out, room);
}

typedef char *(*realpath_function)(const char *path, char *out);

static char *realpath_path(const char *path, char *out) {
    static _Atomic(realpath_function) next;
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    const enum shim_lookup found = shim_tree_find(AT_FDCWD, path, true, &node, elsewhere);
    if (found == SHIM_FOUND)
        return out ? strcpy(out, node->path) : strdup(node->path);
    if (found == SHIM_MISSING) {
        errno = ENOENT;
        return NULL;
    }
    realpath_function function = atomic_load(&next);
    if (!function) {
        function = (realpath_function)dlsym(RTLD_NEXT, "realpath");
        atomic_store(&next, function);
    }
    return function(elsewhere[0] ? elsewhere : path, out);
}

char *__realpath_chk(const char *path, char *out, size_t object_bytes);

SHIM_EXPORT char *realpath(const char *restrict path, char *restrict out) {
    return realpath_path(path, out);
}

SHIM_EXPORT char *__realpath_chk(const char *path, char *out, size_t object_bytes) {
    if (object_bytes < PATH_MAX)
        abort();
    return realpath_path(path, out);
}
