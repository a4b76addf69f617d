/* SPDX-License-Identifier: MIT */
/// One process's file as the reader of a session sees it. For session.c.
///
/// The file is written by somebody else's process, possibly a broken one: every number from it is
/// checked before it is used.
#ifndef HSP_RECORD_PROCESS_H
#define HSP_RECORD_PROCESS_H

#include "record/session.h"

struct hsp_process_name {
    const char *text; ///< in the file
    enum hsp_trace_layer layer;
};

/// A kernel object's name, or a module: newest last.
struct hsp_process_place {
    const struct hsp_trace_note *note;
    uint32_t previous; ///< kernels: index + 1 of the one before with the same object
};

struct hsp_process {
    struct hsp_session_process public; ///< first: what sinks get
    char *name;                        ///< of the file in the session's directory
    int fd;
    bool is_announced;
    struct hsp_process_page *page;
    uint64_t file_bytes;
    uint64_t note_at; ///< first note not yet read
    struct hsp_process_name *names;
    struct hsp_process_place *kernels;
    uint32_t kernel_count;
    uint32_t *kernel_heads; ///< hash table of index + 1
    uint32_t kernel_head_count;
    struct hsp_process_place *modules;
    uint32_t module_count;
    struct hsp_trace_ring *rings[HSP_TRACE_RINGS_MAX];
    uint32_t threads[HSP_TRACE_RINGS_MAX]; ///< whose events come next
};

/// Opens and checks a file.
hsp_status hsp_process_open(int directory_fd, const char *name, uint32_t number,
                            struct hsp_process **out_process);
/// NULL is fine.
void hsp_process_close(struct hsp_process *process);
/// Delivers what is in the rings; adds their number.
hsp_status hsp_process_drain(struct hsp_process *process, const struct hsp_session_sink *sink,
                             uint64_t *count);
/// Delivers the calls that have no end, of threads that still have a ring.
void hsp_process_deliver_open_calls(struct hsp_process *process,
                                    const struct hsp_session_sink *sink);
uint64_t hsp_process_dropped_count(const struct hsp_process *process);
uint64_t hsp_process_hook_ticks(const struct hsp_process *process);

#endif
