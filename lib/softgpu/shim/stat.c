/* SPDX-License-Identifier: MIT */
/* stat and its family, by path and by file descriptor. */
#include "softgpu/kfd/kfd.h"
#include "softgpu/shim/real.h"
#include "softgpu/shim/tree.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

static_assert(sizeof(struct stat) == sizeof(struct stat64), "one layout on 64-bit systems");

enum { SYSFS_FILE_BYTES = 4096 };

static mode_t mode_of(const struct sg_node *node) {
    switch (node->kind) {
    case SG_NODE_DEVICE:
        return S_IFCHR | 0666;
    case SG_NODE_DIRECTORY:
        return S_IFDIR | 0755;
    case SG_NODE_LINK:
        return S_IFLNK | 0777;
    default:
        return S_IFREG | 0444;
    }
}

/* What differs from an anonymous memory file. A device node keeps the device and inode of the open
 * file, by which the driver knows its own; others have the same as by their path, which who walks a
 * tree compares. */
static void disguise(const struct sg_node *node, struct stat *file) {
    if (node->kind != SG_NODE_DEVICE) {
        file->st_dev = 0;
        file->st_ino = shim_tree_inode(node);
    }
    file->st_mode = mode_of(node);
    file->st_nlink = node->kind == SG_NODE_DIRECTORY ? 2 : 1;
    file->st_uid = file->st_gid = 0;
    file->st_rdev = node->kind == SG_NODE_DEVICE ? makedev(node->major, node->minor) : 0;
    file->st_size = node->kind == SG_NODE_FILE   ? SYSFS_FILE_BYTES
                    : node->kind == SG_NODE_LINK ? (off_t)strlen(node->content)
                                                 : 0;
    file->st_blocks = 0;
}

static void describe(const struct sg_node *node, struct stat *file) {
    memset(file, 0, sizeof *file);
    file->st_ino = shim_tree_inode(node);
    file->st_blksize = SYSFS_FILE_BYTES;
    disguise(node, file);
}

static int stat_fd(int fd, struct stat *file) {
    if (real_fstat(fd, file))
        return -1;
    const struct sg_node *node = shim_tree_of_file(fd, file);
    uint64_t offset;
    uint64_t bytes;
    if (node && node->kind == SG_NODE_DEVICE && sg_dmabuf_find(fd, &offset, &bytes))
        file->st_size = (off_t)bytes;
    else if (node)
        disguise(node, file);
    return 0;
}

static int stat_path(int directory_fd, const char *path, struct stat *file, int flags) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    if (flags & AT_EMPTY_PATH && path && !path[0] && directory_fd >= 0)
        return stat_fd(directory_fd, file);
    switch (shim_tree_find(directory_fd, path, !(flags & AT_SYMLINK_NOFOLLOW), &node, elsewhere)) {
    case SHIM_FOUND:
        describe(node, file);
        return 0;
    case SHIM_MISSING:
        errno = ENOENT;
        return -1;
    default:
        return real_fstatat(directory_fd, elsewhere[0] ? elsewhere : path, file, flags);
    }
}

/* Each function once for struct stat and once for struct stat64, which are the same; and under the
 * names that programs built before glibc 2.33 call, whose first argument is a version. */
#define DEFINE_STAT(suffix, type)                                                                  \
    int __xstat##suffix(int version, const char *path, struct type *file);                         \
    int __lxstat##suffix(int version, const char *path, struct type *file);                        \
    int __fxstat##suffix(int version, int fd, struct type *file);                                  \
    int __fxstatat##suffix(int version, int directory_fd, const char *path, struct type *file,     \
                           int flags);                                                             \
    SHIM_EXPORT int stat##suffix(const char *restrict path, struct type *restrict file) {          \
        return stat_path(AT_FDCWD, path, (struct stat *)file, 0);                                  \
    }                                                                                              \
    SHIM_EXPORT int lstat##suffix(const char *restrict path, struct type *restrict file) {         \
        return stat_path(AT_FDCWD, path, (struct stat *)file, AT_SYMLINK_NOFOLLOW);                \
    }                                                                                              \
    SHIM_EXPORT int fstat##suffix(int fd, struct type *file) {                                     \
        return stat_fd(fd, (struct stat *)file);                                                   \
    }                                                                                              \
    SHIM_EXPORT int fstatat##suffix(int directory_fd, const char *restrict path,                   \
                                    struct type *restrict file, int flags) {                       \
        return stat_path(directory_fd, path, (struct stat *)file, flags);                          \
    }                                                                                              \
    SHIM_EXPORT int __xstat##suffix(int version, const char *path, struct type *file) {            \
        (void)version;                                                                             \
        return stat_path(AT_FDCWD, path, (struct stat *)file, 0);                                  \
    }                                                                                              \
    SHIM_EXPORT int __lxstat##suffix(int version, const char *path, struct type *file) {           \
        (void)version;                                                                             \
        return stat_path(AT_FDCWD, path, (struct stat *)file, AT_SYMLINK_NOFOLLOW);                \
    }                                                                                              \
    SHIM_EXPORT int __fxstat##suffix(int version, int fd, struct type *file) {                     \
        (void)version;                                                                             \
        return stat_fd(fd, (struct stat *)file);                                                   \
    }                                                                                              \
    SHIM_EXPORT int __fxstatat##suffix(int version, int directory_fd, const char *path,            \
                                       struct type *file, int flags) {                             \
        (void)version;                                                                             \
        return stat_path(directory_fd, path, (struct stat *)file, flags);                          \
    }
DEFINE_STAT(, stat)
DEFINE_STAT(64, stat64)

static void to_statx(const struct stat *file, struct statx *out) {
    memset(out, 0, sizeof *out);
    out->stx_mask = STATX_BASIC_STATS;
    out->stx_blksize = (uint32_t)file->st_blksize;
    out->stx_nlink = (uint32_t)file->st_nlink;
    out->stx_mode = (uint16_t)file->st_mode;
    out->stx_ino = file->st_ino;
    out->stx_size = (uint64_t)file->st_size;
    out->stx_rdev_major = major(file->st_rdev);
    out->stx_rdev_minor = minor(file->st_rdev);
    out->stx_dev_major = major(file->st_dev);
    out->stx_dev_minor = minor(file->st_dev);
}

SHIM_EXPORT int statx(int directory_fd, const char *restrict path, int flags, unsigned mask,
                      struct statx *restrict out) {
    const struct sg_node *node = NULL;
    char elsewhere[SHIM_PATH_BYTES];
    const bool follow = !(flags & AT_SYMLINK_NOFOLLOW);
    enum shim_lookup found = SHIM_PASS;
    if (flags & AT_EMPTY_PATH && !path[0]) {
        elsewhere[0] = '\0';
        node = directory_fd >= 0 ? shim_tree_of_fd(directory_fd) : NULL;
        found = node ? SHIM_FOUND : SHIM_PASS;
    } else {
        found = shim_tree_find(directory_fd, path, follow, &node, elsewhere);
    }
    if (found == SHIM_FOUND) {
        struct stat file;
        describe(node, &file);
        to_statx(&file, out);
        return 0;
    }
    if (found == SHIM_MISSING) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_statx, directory_fd, elsewhere[0] ? elsewhere : path, flags, mask, out);
}
