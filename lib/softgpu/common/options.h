/* SPDX-License-Identifier: MIT */
/// What the user chose for the software GPU, read once from the environment.
///
/// | variable                 | value                                     | default |
/// |--------------------------|-------------------------------------------|--------------------------|
/// | HSAPROBE_SOFT_VRAM       | bytes, with K, M, G suffix (powers of 2)  | min(64G, half of RAM) |
/// | HSAPROBE_SOFT_CUS        | 1..104                                    | 104 | |
/// HSAPROBE_SOFT_DOORBELL   | auto, trap, uffd, spin                    | auto | |
/// HSAPROBE_SOFT_TRACE      | comma list of ioctl, packet, insn         | none | |
/// HSAPROBE_SOFT_ISA        | v2, v3, v4                                | what the processor has |
/// | HSAPROBE_SOFT_WORKERS    | 1..256                                    | online processors |
///
/// A bad value is reported once, naming variable, value and what was expected, and the software
/// GPU then refuses to open: it never runs with something else than was asked for.
#ifndef SG_OPTIONS_H
#define SG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum sg_doorbell_mode {
    SG_DOORBELL_AUTO, ///< trap when idle, open page and a spinning worker while doorbells come fast
    SG_DOORBELL_TRAP, ///< every doorbell store is caught by SIGSEGV and run inline where short
    SG_DOORBELL_UFFD, ///< userfaultfd write protection while idle: no signal involved
    SG_DOORBELL_SPIN, ///< each queue's thread spins; never a trap (debuggers)
};

enum sg_trace { SG_TRACE_IOCTL = 1u << 0, SG_TRACE_PACKET = 1u << 1, SG_TRACE_INSN = 1u << 2 };

struct sg_options {
    uint64_t vram_bytes;
    uint32_t cu_count;
    uint32_t worker_count;
    enum sg_doorbell_mode doorbell;
    uint32_t trace; ///< enum sg_trace
};

/// Reads the environment. Returns false after having printed what was wrong.
bool sg_options_read(struct sg_options *out_options);
/// Name of a doorbell mode as the user writes it.
const char *sg_doorbell_mode_name(enum sg_doorbell_mode mode);

/// Where the trace lines go (stderr) and which kinds are on; set once at open.
extern uint32_t sg_trace_mask;
/// Prints one trace line, prefixed "softgpu: ". Async-signal-safe: formats into a stack buffer and
/// writes once.
void sg_trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// True when lines of this kind are wanted; costs a load.
static inline bool sg_trace_on(enum sg_trace kind) {
    return __builtin_expect((sg_trace_mask & kind) != 0, 0);
}

#endif
