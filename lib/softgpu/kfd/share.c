/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct sg_file *sg_file_adopt(struct sg_file **list, int fd) {
    struct stat status;
    struct sg_file *file = NULL;

    if (fstat(fd, &status))
        goto out;
    for (file = *list; file; file = file->next) {
        if (file->device == status.st_dev && file->inode == status.st_ino)
            goto out;
    }
    file = malloc(sizeof *file);
    if (!file)
        goto out;
    *file =
        (struct sg_file){.next = *list, .device = status.st_dev, .inode = status.st_ino, .fd = fd};
    *list = file;
    return file;

out:
    close(fd);
    return file;
}

void sg_file_trim(struct sg_file **list, struct sg_file *file) {
    if (file->objects)
        return;
    while (*list != file)
        list = &(*list)->next;
    *list = file->next;
    close(file->fd);
    free(file);
}

int sg_file_reopen(int fd) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int again = open(path, O_RDWR | O_CLOEXEC);
    return again < 0 ? -errno : again;
}

static int lock_range(int fd, short type, uint64_t offset, uint64_t bytes) {
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)bytes};
    return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

int sg_range_hold(int fd, uint64_t offset, uint64_t bytes) {
    return lock_range(fd, F_RDLCK, offset, bytes);
}

void sg_range_discard(int fd, uint64_t offset, uint64_t bytes) {
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes);
}

void sg_range_release(int fd, uint64_t offset, uint64_t bytes) {
    /* Not an upgrade of the read lock: of two who let go at the same time, both would fail. */
    lock_range(fd, F_UNLCK, offset, bytes);
    if (!lock_range(fd, F_WRLCK, offset, bytes)) {
        sg_range_discard(fd, offset, bytes);
        lock_range(fd, F_UNLCK, offset, bytes);
    }
}
