/* SPDX-License-Identifier: MIT */
/// What the software GPU tells the process it is loaded into: one exported data symbol.
///
/// The only consumer is tools/hsaprobe/device.c, which labels every output with it. The library
/// (lib/probe, lib/measure) never looks here: it would run unchanged on silicon.
#ifndef HSP_ABI_SOFTGPU_H
#define HSP_ABI_SOFTGPU_H

#include <stdint.h>

#define ABI_SOFTGPU_SYMBOL  "hsaprobe_softgpu"
#define ABI_SOFTGPU_VERSION 1

/// Layout grows at its end only; `size` says how much of it is there.
struct abi_softgpu {
    uint32_t version; ///< ABI_SOFTGPU_VERSION
    uint32_t size;    ///< bytes of this struct
    /// The doorbell mode in force: "auto", "trap", "uffd" or "spin".
    const char *(*doorbell_mode)(void);
    /// Nanoseconds for which the software GPU has run device work on the calling thread (trapped
    /// doorbells, packets executed inline) since the thread began. Monotonic. About 1 ns.
    uint64_t (*caller_ns)(void);
    /// Instruction-set variant of the interpreter in use: "x86-64-v2", "-v3" or "-v4".
    const char *(*variant)(void);
    /// 1 when the HSAPROBE_SOFT_ variables can be used; else 0, after a line on stderr for each
    /// that can't: the device then refuses to open. Opens nothing.
    int (*options_are_valid)(void);
};

#endif
