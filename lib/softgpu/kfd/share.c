/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/share.h"
#include "softgpu/kfd/fds.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD_BYTES = 64, FDINFO_BYTES = 4096 };
static_assert(sizeof(struct sg_share) == RECORD_BYTES, "a slot of the table");

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
    *file = (struct sg_file){
        .next = *list,
        .device = status.st_dev,
        .inode = status.st_ino,
        .slot = sg_fd_keep(fd),
    };
    if (file->slot < 0) {
        free(file);
        return NULL;
    }
    *list = file;
    return file;

out:
    close(fd);
    return file;
}

int sg_file_fd(const struct sg_file *file) {
    return sg_fd_of(file->slot);
}

void sg_file_trim(struct sg_file **list, struct sg_file *file) {
    if (file->objects)
        return;
    while (*list != file)
        list = &(*list)->next;
    *list = file->next;
    sg_fd_drop(file->slot);
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

bool sg_range_release(int fd, uint64_t offset, uint64_t bytes) {
    /* Not an upgrade of the read lock: of two who let go at the same time, both would fail. */
    lock_range(fd, F_UNLCK, offset, bytes);
    if (lock_range(fd, F_WRLCK, offset, bytes))
        return false;
    sg_range_discard(fd, offset, bytes);
    lock_range(fd, F_UNLCK, offset, bytes);
    return true;
}

static uint64_t record_at(uint32_t record) {
    return (uint64_t)record * RECORD_BYTES;
}

bool sg_share_read(int fd, uint32_t record, struct sg_share *out_share) {
    return pread(fd, out_share, sizeof *out_share, (off_t)record_at(record)) == sizeof *out_share;
}

bool sg_share_write(int fd, uint32_t record, const struct sg_share *share) {
    return pwrite(fd, share, sizeof *share, (off_t)record_at(record)) == sizeof *share;
}

int sg_share_open(int fd, uint32_t record) {
    struct sg_share share;
    const int dmabuf = sg_file_reopen(fd);
    if (dmabuf < 0)
        return dmabuf;
    int error = sg_share_read(dmabuf, record, &share) ? 0 : -EINVAL;
    if (!error)
        error = sg_range_hold(dmabuf, share.offset, share.backing);
    if (!error)
        error = sg_range_hold(dmabuf, record_at(record), RECORD_BYTES);
    if (error)
        close(dmabuf);
    return error ? error : dmabuf;
}

/* The kernel lists the locks of a description there, one line each:
 * lock: 1: OFDLCK ADVISORY READ -1 00:01:1034 FIRST LAST */
bool sg_share_identify(int fd, uint32_t *out_record) {
    char text[FDINFO_BYTES];
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    const int info = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = info < 0 ? 0 : read(info, text, sizeof text - 1);
    if (info >= 0)
        close(info);
    if (length <= 0)
        return false;
    text[length] = '\0';
    for (const char *line = text; (line = strstr(line, "lock:")); line++) {
        uint64_t first;
        uint64_t last;
        if (sscanf(line, "lock: %*s OFDLCK %*s READ %*s %*s %" SCNu64 " %" SCNu64, &first, &last) ==
                2 &&
            last - first == RECORD_BYTES - 1 && first % RECORD_BYTES == 0) {
            *out_record = (uint32_t)(first / RECORD_BYTES);
            return true;
        }
    }
    return false;
}
