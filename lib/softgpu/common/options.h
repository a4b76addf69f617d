/* SPDX-License-Identifier: MIT */
/// What the user chose for the software GPU, read once from the environment, and its trace lines.
///
/// * HSAPROBE_SOFT_VRAM: bytes, or with suffix K, M, G, T (powers of 2), of each GPU; 64M to 1T, a
///   multiple of 4K. Default: half of RAM, at most 64G.
/// * HSAPROBE_SOFT_CUS: compute units of each GPU, 1 to 104. Default: 104.
/// * HSAPROBE_SOFT_GPUS: GPUs, 1 to 8. Default: 1.
/// * HSAPROBE_SOFT_DOORBELL: auto, trap, uffd or spin. Default: auto.
/// * HSAPROBE_SOFT_TRACE: comma list of ioctl, packet, insn. Default: none.
/// * HSAPROBE_SOFT_ISA: v2, v3 or v4, not above what the processor has. Default: what it has.
/// * HSAPROBE_SOFT_WORKERS: threads of each GPU that run work-groups, 1 to 256. Default: as many as
///   there are usable processors.
/// * HSAPROBE_SOFT_DELAY: nanoseconds, 0 to 1000000, that the packet processor spins at each kernel
///   dispatch before it completes: a known delay, for testing instruments. Default: 0.
///
/// A variable that is set to nothing counts as unset. A bad value is reported, naming variable,
/// value and what was expected, and the software GPU then refuses to open: it never runs with
/// something else than was asked for.
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

/// As many GPUs as one process can have.
enum { SG_GPU_LIMIT = 8 };

enum sg_trace { SG_TRACE_IOCTL = 1u << 0, SG_TRACE_PACKET = 1u << 1, SG_TRACE_INSN = 1u << 2 };

struct sg_options {
    uint64_t vram_bytes; ///< of each GPU
    uint32_t cu_count;   ///< of each GPU
    uint32_t gpu_count;
    uint32_t worker_count;
    uint32_t delay_ns; ///< of each kernel dispatch
    enum sg_doorbell_mode doorbell;
    uint32_t trace;     ///< enum sg_trace
    uint32_t isa_level; ///< 2, 3 or 4: instruction set x86-64-v<level> of the interpreter
};

/// Reads the environment, where every variable is optional. Returns false after having printed a
/// line to stderr for each bad value; *out_options is then unspecified. Call it once, at open, and
/// set sg_trace_mask and sg_delay_ns from the result.
bool sg_options_read(struct sg_options *out_options);
/// Name of a doorbell mode as the user writes it; "?" for a value that is none.
const char *sg_doorbell_mode_name(enum sg_doorbell_mode mode);
/// The highest x86-64 level (psABI: 2, 3 or 4) that this processor and kernel support.
uint32_t sg_processor_level(void);

/// sg_options.delay_ns of the process; set once at open, 0 before.
extern uint32_t sg_delay_ns;

/// Which kinds of trace lines are on (enum sg_trace); set once at open, 0 before.
extern uint32_t sg_trace_mask;
/// Prints one line to stderr, prefixed "softgpu: " and ended by a newline; over 500 characters it
/// is cut and ends in "...". Async-signal-safe and thread-safe: formats into a stack buffer (about
/// 2 KiB of stack in all), writes once, keeps errno. Only integer and string conversions, no
/// positional arguments.
void sg_trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// True when lines of this kind are wanted; costs a load.
static inline bool sg_trace_on(enum sg_trace kind) {
    return __builtin_expect((sg_trace_mask & kind) != 0, 0);
}

#endif
