/* SPDX-License-Identifier: MIT */
/// The parts of `hsaprobe map`.
#ifndef TOOL_MAP_COMMAND_H
#define TOOL_MAP_COMMAND_H

#include "map/map.h"
#include "report.h"

/// The table of operations, that of predictions and, among the details, every call.
void map_tables_add(struct report *report, const struct hsp_map_counts *counts, bool software);
/// What a program did: the same table with one row, and the calls.
void map_tables_add_program(struct report *report, const struct hsp_map_counts *counts,
                            bool software);
/// Coverage of the recorder against strace for each kind of call, with reasons.
void map_tables_add_coverage(struct report *report, const struct hsp_map_counts *counts,
                             bool software);
/// One operation in full: prediction, path, mechanism, the calls as they nest, and the paths seen.
void map_tables_explain(struct report *report, const struct hsp_map_counts *counts, uint32_t op,
                        const struct hsp_map_paths *paths);

/// Calls of one operation and phase (0 cold, 1 steady), by the layer that makes them.
struct map_flow {
    uint32_t hip, hsa, thunk;      ///< calls into these layers
    uint32_t driver, memory, rest; ///< calls into the OS, asked for
};
struct map_flow map_flow_of(const struct hsp_map_counts *counts, uint32_t op, bool steady);
/// Writes the stack diagram (program, HIP, ROCr, thunk, OS, device) with counts on its arrows: a
/// column for each operation of the list. Returns an exit code, prints.
int map_svg_write(const char *path, const struct hsp_map_counts *counts, bool software);

/// Compares two results in JSON: rows of operations and calls that differ. Returns an exit code.
int map_diff_run(struct report *report, const char *before, const char *after);
/// What each way of watching system calls costs on this machine. Returns an exit code.
int map_cost_run(struct report *report, const char *tracer);

/// The watched process of map_cost_run: measures way `index` into the memory behind `fd`.
void map_cost_child(unsigned index, int fd);

#endif
