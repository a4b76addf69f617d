/* SPDX-License-Identifier: MIT */
/// The contact map: which operation of HSA or HIP asks what of the operating system.
///
/// The catalogue (ops.def) is run in child processes under the tracer (record/session.h), which
/// leaves an event for every call of a layer and of the OS. The child says when each operation
/// began and ended (struct hsp_map_mark); calls of the same thread between the two belong to the
/// operation, those of other threads at that time to its background.
///
/// Two ways of counting, never added: what the libraries ask for (recorder: calls at the seam, with
/// the library that made them) and what the kernel is really asked for (strace). On the software
/// GPU the ioctls of the driver are asked for and not made; what it does itself is made and not
/// asked for.
///
/// Thread safety: one caller at a time.
#ifndef HSP_MAP_MAP_H
#define HSP_MAP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Kinds of calls into the OS.
enum hsp_map_kind {
#define MAP_KIND(id, title) HSP_MAP_##id,
#include "map/kinds.def"
#undef MAP_KIND
    HSP_MAP_KIND_COUNT
};
/// "KFD ioctl", "mmap", ...
const char *hsp_map_kind_name(enum hsp_map_kind kind);
/// The kind of a call by its name in libc or in strace; `command` of an ioctl, else 0.
enum hsp_map_kind hsp_map_kind_of(const char *call, uint64_t command);
/// A bit each of mmap, munmap, madvise, mprotect, mbind: what changes the address space.
uint32_t hsp_map_memory_kinds(void);

/// Which of the child processes runs an operation.
enum hsp_map_group { HSP_MAP_HSA, HSP_MAP_HIP, HSP_MAP_HIP_BLOCKING, HSP_MAP_GROUP_COUNT };

/// What was predicted from the sources: an inclusive range; low < 0: nothing.
struct hsp_map_range {
    int low;
    int high;
};

/// A row of ops.def.
struct hsp_map_op {
    const char *name;
    enum hsp_map_group group;
    uint32_t run_count;                              ///< the first is cold, the others steady
    struct hsp_map_range driver_cold, driver_steady; ///< ioctls of KFD
    struct hsp_map_range memory_cold, memory_steady; ///< calls that change the address space
    const char *path;                                ///< file:function of ROCr, thunk, HIP 5.2.3
    const char *mechanism;                           ///< in the kernel
    const char *reason; ///< why what is observed differs from the prediction; "" where it doesn't
};
const struct hsp_map_op *hsp_map_ops(size_t *out_count);
/// NULL when there is none with this name.
const struct hsp_map_op *hsp_map_op_find(const char *name);

#define HSP_MAP_RUNS_MAX 11

/// One run of an operation, as the child writes it to its descriptor.
struct hsp_map_mark {
    uint32_t op;  ///< index in hsp_map_ops
    uint32_t run; ///< 0: cold
    uint32_t thread;
    uint32_t failed; ///< an error code of HSA or HIP; 0: it worked
    uint64_t start_ticks;
    uint64_t end_ticks;
};

/// What the child needs.
struct hsp_map_child {
    enum hsp_map_group group;
    const char *kernel_directory;
    const char *hip_library;
    int mark_fd;        ///< gets the marks
    uint32_t run_limit; ///< fewer runs of each operation; 0: all
};
/// Runs a group's operations in this process; returns 0, or -1 after a line on stderr. Before and
/// after each run it writes "hsaprobe map: OP RUN begin" or "end" to descriptor -1, for strace.
int hsp_map_run_group(const struct hsp_map_child *child);
/// How these lines begin.
#define HSP_MAP_MARK_TEXT "hsaprobe map: "

/// Which library made a call into the OS: the one that the return address lies in.
enum hsp_map_caller {
    HSP_MAP_PROGRAM, ///< the program itself, and every other library
    HSP_MAP_BY_HIP,
    HSP_MAP_BY_HSA,
    HSP_MAP_BY_THUNK,
    HSP_MAP_BY_DRM,
    HSP_MAP_BY_EMULATION, ///< the software GPU, for itself
    HSP_MAP_CALLER_COUNT
};
/// "program", "HIP", "HSA", "thunk", "libdrm", "emulation".
const char *hsp_map_caller_name(enum hsp_map_caller caller);
/// By a library's path.
enum hsp_map_caller hsp_map_caller_of(const char *path);

/// How a count was made.
enum hsp_map_source {
    HSP_MAP_ASKED, ///< by the recorder, where a library calls libc or the layer below
    HSP_MAP_MADE,  ///< by strace: system calls that the kernel executed
};

/// One kind of call in one operation. Owned by struct hsp_map_counts.
struct hsp_map_entry {
    uint32_t op;     ///< index in hsp_map_ops; HSP_MAP_WHOLE for a program
    bool background; ///< by another thread than the operation's
    enum hsp_map_source source;
    uint8_t layer;              ///< enum hsp_trace_layer of the call
    enum hsp_map_kind kind;     ///< of a call into the OS
    enum hsp_map_caller caller; ///< of a call into the OS
    char name[56];              ///< "hsa_queue_create", "KFD_CREATE_QUEUE", "mmap"
    char parent[56];            ///< innermost recorded call around it; "" at the outermost
    uint32_t counts[HSP_MAP_RUNS_MAX];
    uint64_t exclusive_ns[HSP_MAP_RUNS_MAX]; ///< without recorded calls inside; 0 for MADE
};
#define HSP_MAP_WHOLE UINT32_MAX

struct hsp_map_counts {
    struct hsp_map_entry *entries;
    size_t count;
    uint32_t run_counts[64]; ///< of each operation, that were seen
    uint32_t failures[64];   ///< error code of the first run that failed, by operation
    uint64_t dropped_count;  ///< events that the recorder lost
    bool has_stacks;         ///< of MADE entries: callers are known
};
void hsp_map_counts_fini(struct hsp_map_counts *counts);

/// How a child or a program is started.
struct hsp_map_launch {
    char **argv;
    const char *tracer;  ///< path of libhsaprobe-trace.so
    const char *preload; ///< what else is preloaded; NULL for nothing
    int mark_fd;         ///< memfd that a child of the catalogue writes marks to; -1: a program
};
/// Runs it under the recorder and adds what was asked for. Returns 0, or -1 after a line on stderr;
/// *out_status is the program's, as of waitpid.
int hsp_map_record(const struct hsp_map_launch *launch, struct hsp_map_counts *counts,
                   int *out_status);
/// A way from ROCm's libraries into the OS, as it was seen in one run of an operation.
struct hsp_map_path {
    uint32_t run; ///< 0: cold
    uint32_t count;
    char call[56]; ///< "KFD_CREATE_QUEUE", "mmap"
    /// Functions of ROCm's libraries, outermost first, after the name of the library that they
    /// are in: "libhsa-runtime64.so.1 +0x54a9c > libhsakmt.so.1 hsaKmtAllocMemory +0x874c". With
    /// debug information installed they have source lines; what has no name is an offset.
    char *frames;
};
struct hsp_map_paths {
    struct hsp_map_path *paths;
    size_t count;
};
void hsp_map_paths_fini(struct hsp_map_paths *paths);
/// Runs a child of the catalogue once more, recording the stack of each call into the OS, and adds
/// the paths of operation `op` (of its own thread), named by libdw. As hsp_map_record.
int hsp_map_record_paths(const struct hsp_map_launch *launch, uint32_t op,
                         struct hsp_map_paths *paths, int *out_status);

/// Whether strace can be used here; else *out_reason says why not.
bool hsp_map_can_strace(const char **out_reason);
/// Runs it under strace and adds what was made; `stacks` asks for callers too (slow). As above.
int hsp_map_strace(const struct hsp_map_launch *launch, bool stacks, struct hsp_map_counts *counts,
                   int *out_status);
/// Reads strace's output; for tests and hsp_map_strace. `whole` is for a program without marks.
void hsp_map_read_strace(const char *text, bool whole, struct hsp_map_counts *counts);

/// Calls of one operation: those of one source, layer and kind set, in its cold or a steady run.
struct hsp_map_sum {
    uint32_t cold;
    uint32_t steady;      ///< the median of the steady runs
    uint32_t least, most; ///< of the steady runs
};
/// Adds up entries; kind_set is a bit per hsp_map_kind. Emulation's own are left out unless asked.
struct hsp_map_sum hsp_map_sum_of(const struct hsp_map_counts *counts, uint32_t op,
                                  enum hsp_map_source source, bool background, uint32_t kind_set,
                                  bool emulation);

enum hsp_map_verdict { HSP_MAP_CONFIRMED, HSP_MAP_CORRECTED, HSP_MAP_UNEXPLAINED };
/// One predicted cell.
struct hsp_map_check {
    uint32_t op;
    const char *what;  ///< "driver" or "memory"
    const char *phase; ///< "cold" or "steady"
    struct hsp_map_range expected;
    uint32_t observed;
    enum hsp_map_verdict verdict;
};
/// Compares all predictions of operations that ran; returns how many were written.
size_t hsp_map_check_all(const struct hsp_map_counts *counts, struct hsp_map_check *out_checks,
                         size_t capacity);

#endif
