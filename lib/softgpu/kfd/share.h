/* SPDX-License-Identifier: MIT */
/// Buffer objects that more than one process holds, or one process more than once.
///
/// All VRAM and GTT of a GPU lies in one nameless file. Who exports an object only says where in
/// the file it lies; who imports it opens that file and maps the same bytes, so everybody, devices
/// and hosts, sees the same memory and nothing is copied. Each holder keeps a read lock on the
/// object's range of the file. These are locks of an open file description: the system drops them
/// when the description's last descriptor is closed, however its process ended. Who lets go and
/// then gets the write lock was the last, and returns the pages to the system.
///
/// The file lives as long as any process has it open, so an importer keeps all memory of an
/// exporter that ended without freeing it.
#ifndef SG_KFD_SHARE_H
#define SG_KFD_SHARE_H

#include <stdint.h>
#include <sys/types.h>

/// This process's own description of a file with shared objects.
struct sg_file {
    struct sg_file *next;
    dev_t device;
    ino_t inode;
    int fd;
    uint32_t objects; ///< that hold a range of it
};

/// Takes over `fd`, a description that nobody else has, unless *list knows the file: then closes
/// it. Returns the list's entry, or NULL when out of memory (the fd is closed).
struct sg_file *sg_file_adopt(struct sg_file **list, int fd);
/// Closes a file that no object holds any more; else does nothing.
void sg_file_trim(struct sg_file **list, struct sg_file *file);

/// Opens another description of an open file. Returns a file descriptor or -errno.
int sg_file_reopen(int fd);

/// Holds a range. Returns 0, or -EAGAIN while somebody gives its pages back.
int sg_range_hold(int fd, uint64_t offset, uint64_t bytes);
/// Lets go of a range; gives its pages back if nobody else holds it.
void sg_range_release(int fd, uint64_t offset, uint64_t bytes);
/// Gives the pages of a range back to the system; they read as zeros then.
void sg_range_discard(int fd, uint64_t offset, uint64_t bytes);

#endif
