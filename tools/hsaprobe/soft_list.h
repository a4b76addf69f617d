/* SPDX-License-Identifier: MIT */
/// soft --list.
#ifndef TOOL_SOFT_LIST_H
#define TOOL_SOFT_LIST_H

#include "report.h"

/// Reports how much of LLVM's instructions for gfx90a the software GPU executes. Returns EXIT_OK.
/// Only in builds with the software GPU (HSP_HAVE_SOFTGPU).
int soft_list(struct report *report);

#endif
