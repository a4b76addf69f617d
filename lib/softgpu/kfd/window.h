/* SPDX-License-Identifier: MIT */
/// The device's own mappings of a file of buffer objects.
///
/// A process has room for about 65,000 mappings and the application wants them, so small objects
/// share: a window is one mapping of 16 MiB of the file, kept while it has objects. Larger objects,
/// and those across two windows, have a mapping of their own. The caller sees to exclusion.
#ifndef SG_KFD_WINDOW_H
#define SG_KFD_WINDOW_H

#include <stdint.h>

struct sg_window;

/// Maps a range of a file for the device alone: forked children and core files don't have it.
/// Returns NULL when out of memory or address space.
void *sg_file_map(int fd, uint64_t offset, uint64_t bytes);

/// Host address of an object's bytes, or NULL as above.
uint8_t *sg_window_map(struct sg_window **list, int fd, uint64_t offset, uint64_t bytes);
/// Ends what sg_window_map returned for these bytes.
void sg_window_unmap(struct sg_window **list, uint8_t *host, uint64_t bytes);

#endif
