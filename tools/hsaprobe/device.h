/* SPDX-License-Identifier: MIT */
/// The device that a command runs on: a real one, or the software GPU by restarting the process
/// with it preloaded. The only place that knows whether the process runs on the software GPU.
#ifndef TOOL_DEVICE_H
#define TOOL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <hsaprobe/agent.h>

#include "report.h"

enum device_kind { DEVICE_AUTO, DEVICE_SOFT, DEVICE_HW };

/// What the user asked for with --device.
struct device_choice {
    enum device_kind kind;
    const char *selector; ///< of a real device: index or UUID; NULL for the first. Unowned.
};

/// The device in use.
struct device {
    const struct hsp_agent *agent;
    bool software;
    const char *doorbell_mode;   ///< of the software GPU, "" on hardware
    const char *variant;         ///< of the software GPU's interpreter, "" on hardware
    uint64_t (*caller_ns)(void); ///< device time on the calling thread; NULL on hardware
};

/// Parses soft, hw, hw:INDEX or hw:UUID. Returns false when it is none of them.
bool device_choice_parse(const char *text, struct device_choice *out_choice);

/// Makes sure that the process runs where the choice says: returns EXIT_OK when it does, restarts
/// the process with the software GPU preloaded where that is needed (and then doesn't return), or
/// prints why neither is possible and returns an exit code. Call it before anything touches HSA.
int device_prepare(const struct device_choice *choice, char **argv);
/// Initialises the library and picks the agent. Prints and returns an exit code on failure.
int device_open(const struct device_choice *choice, struct device *out_device);
/// Shuts the library down.
void device_close(struct device *device);
/// Puts the device into the report's manifest.
void device_describe(const struct device *device, struct report *report);

/// Path of a file of this build or installation, to be freed: of a library, or of what share/ has
/// ("share/hsaprobe/..."). NULL when it isn't there.
char *device_installed(const char *file);
/// Path of libhsaprobe-softgpu.so, beside the running executable or where it was installed; in
/// memory to be freed. NULL when this build or installation has none.
char *device_softgpu_library(void);
/// False for a path that LD_PRELOAD would cut in pieces: it holds a space or a colon.
bool device_can_preload(const char *library);
/// Path of the running executable's directory, to be freed; NULL when /proc isn't there.
char *device_executable_directory(void);
/// LD_PRELOAD with the library added: before everything but what must come first (sanitizer
/// runtimes, our own trace library). To be freed. `existing` may be NULL.
char *device_preload_value(const char *library, const char *existing);
/// True when the software GPU is loaded into this process.
bool device_is_software(void);
/// An address within the software GPU's library, by which its part of a stack is known; NULL when
/// it isn't loaded.
const void *device_software_address(void);
/// Source of what the driver or device said.
enum report_source device_source(const struct device *device);

#endif
