/* SPDX-License-Identifier: MIT */
/// The arms that were chosen (measure/arms.h) for one prepared launch, those of libhsaprobe-hip.so
/// included where it can be opened.
#ifndef TOOL_ARMS_H
#define TOOL_ARMS_H

#include "launch.h"
#include "measure/arms.h"
#include "measure/hip_arms.h"
#include "measure/samples.h"

#define ARMS_MAX 64

/// Rows of the table, a bit each: bit i is row i.
typedef uint64_t arms_choice;
/// Those that are measured unless the user chooses.
arms_choice arms_standard(void);
arms_choice arms_all(void);
/// The bit of the row of this name; 0 when there is none.
arms_choice arms_named(const char *name);
/// Whether any of them needs the runtime's API table.
bool arms_need_table(arms_choice choice);

/// A data symbol of libhsaprobe-hip.so, which stays open; NULL with the reason.
const void *arms_hip_symbol(const char *symbol, const char **out_reason);

/// The arms that could be made, and why the others could not.
struct arms {
    struct hsp_arm_case launch;
    void *kernarg; ///< the case's
    const struct hsp_hip_arms *hip;
    void *hip_context;
    bool packet_known;                        ///< hip_packet is what HIP wrote
    union hsp_packet hip_packet;              ///< of HIP's own launch
    struct hsp_hip_error packet_error;        ///< why it isn't known
    struct hsp_arm ring;                      ///< what checks compare with; none of `arms`
    struct hsp_arm arms[ARMS_MAX];            ///< in the order of the table
    const struct hsp_arm_row *rows[ARMS_MAX]; ///< what arms[i] is
    size_t count;
    struct {
        const char *name;
        char *reason;
    } missing[ARMS_MAX];
    size_t missing_count;
};

/// Makes those of `choice` that can be made in this process. The packets of the queue's arms take
/// their header from HIP's where `header` is 0, or have this one. Returns an exit code (printed)
/// when not even ring can be. *out_arms needs arms_fini in any case. The launch must stay.
int arms_init(const struct launch *launch, arms_choice choice, uint16_t header,
              struct arms *out_arms);
void arms_fini(struct arms *arms);
/// Names the layers of a workload in `samples`: first the chain timer, ring, hsa, hip-module, hip,
/// as far as it is there; then what each other arm adds to the one that it is next to. Returns 0 or
/// -ENOMEM.
int arms_layers(const struct arms *arms, const char *workload, bool software,
                struct hsp_samples *samples);

#endif
