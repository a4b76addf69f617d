/* SPDX-License-Identifier: MIT */
/// This library as a tool of the HSA runtime: how it comes by the API table.
///
/// The runtime calls OnLoad of each library that HSA_TOOLS_LIB names; from ROCm 5.3 on also of each
/// loaded one that exports HSA_AMD_TOOL_PRIORITY. From 6.1 on it does neither where
/// rocprofiler-register answered, unless HSA_TOOLS_DISABLE_REGISTER is set.
#ifndef HSP_PROBE_TOOL_H
#define HSP_PROBE_TOOL_H

#include <stdbool.h>

#include "hsa/api_table.h"

/// The table, or NULL without; gone with the last hsa_shut_down.
const struct hsp_api_table *hsp_tool_table(void);

/// What hsp_tool_enter changed.
struct hsp_tool_environment {
    char *tools;            ///< value before, or NULL
    char *disable_register; ///< value before, or NULL
    bool is_entered;
};
/// Names this library in the environment that hsa_init reads; false when memory or the library's
/// path is lacking, and nothing was changed.
bool hsp_tool_enter(struct hsp_tool_environment *saved);
/// Restores the environment. Does nothing unless entered.
void hsp_tool_leave(struct hsp_tool_environment *saved);

#endif
