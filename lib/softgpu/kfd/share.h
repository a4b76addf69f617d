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
/// The beginning of the file is a table of records, one for each object that was ever exported.
/// A file descriptor of one object ("dmabuf") is a description of the whole file that also locks
/// the object's record: that tells which object it is. It needs no exporter, only itself.
///
/// The file lives as long as any process has it open, so an importer keeps all memory of an
/// exporter that ended without freeing it.
#ifndef SG_KFD_SHARE_H
#define SG_KFD_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// The table takes the first bytes of a file: at most this many, and at most 1/16 of the file.
enum { SG_SHARE_TABLE_BYTES = 1 << 30 };

/// A record of the table: what an importer must know of an object.
struct sg_share {
    uint64_t key;    ///< proves an IPC handle; 0: it has none, or the exporter freed the object
    uint64_t offset; ///< in the file
    uint64_t backing;
    uint64_t bytes;
    uint32_t flags;      ///< ABI_KFD_MEM_*
    uint32_t user_flags; ///< the exporting thunk's, given back to the importing one
    uint32_t gpu_id;
    uint32_t pad[5];
};

/// This process's own description of a file with shared objects.
struct sg_file {
    struct sg_file *next;
    dev_t device;
    ino_t inode;
    int slot;         ///< of its file descriptor (fds.h)
    uint32_t objects; ///< that hold a range of it
};

/// Takes over `fd`, a description that nobody else has, unless *list knows the file: then closes
/// it. Returns the list's entry, or NULL when out of memory (the fd is closed).
struct sg_file *sg_file_adopt(struct sg_file **list, int fd);
/// Its file descriptor now.
int sg_file_fd(const struct sg_file *file);
/// Closes a file that no object holds any more; else does nothing.
void sg_file_trim(struct sg_file **list, struct sg_file *file);

/// Opens another description of an open file. Returns a file descriptor (close-on-exec) or -errno.
int sg_file_reopen(int fd);

/// Holds a range. Returns 0, or -EAGAIN while somebody gives its pages back.
int sg_range_hold(int fd, uint64_t offset, uint64_t bytes);
/// Lets go of a range. Returns true if nobody else holds it; then its pages have been given back.
bool sg_range_release(int fd, uint64_t offset, uint64_t bytes);
/// Gives the pages of a range back to the system; they read as zeros then.
void sg_range_discard(int fd, uint64_t offset, uint64_t bytes);

/// Reads and writes a record. Return false if the file has none of that number.
bool sg_share_read(int fd, uint32_t record, struct sg_share *out_share);
bool sg_share_write(int fd, uint32_t record, const struct sg_share *share);

/// Opens a dmabuf of an object of the file `fd`. Returns a file descriptor (close-on-exec) or
/// -errno.
int sg_share_open(int fd, uint32_t record);
/// True if `fd`, a file of buffer objects, is a dmabuf: *out_record is its object's.
bool sg_share_identify(int fd, uint32_t *out_record);

#endif
