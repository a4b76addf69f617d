/* SPDX-License-Identifier: MIT */
/// Adding up calls: what the two ways of counting share.
#ifndef HSP_MAP_ENTRIES_H
#define HSP_MAP_ENTRIES_H

#include "map/map.h"

/// Counts one call in a run of the operation; `key` is an entry whose counts don't matter. Ends the
/// program when memory is exhausted.
void map_entries_add(struct hsp_map_counts *counts, const struct hsp_map_entry *key, uint32_t run,
                     uint64_t exclusive_ns);

#endif
