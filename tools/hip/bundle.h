/* SPDX-License-Identifier: MIT */
/// An offload bundle around one code object, as the compiler embeds it into a program.
#ifndef TOOL_HIP_BUNDLE_H
#define TOOL_HIP_BUNDLE_H

#include <stddef.h>

/// A bundle with an empty host entry and one for `isa` ("amdgcn-amd-amdhsa--gfx90a") in memory to
/// be freed; NULL when there is no memory. Layout: ClangOffloadBundler.rst of LLVM 15.
void *bundle_create(const char *isa, const void *code, size_t code_bytes);

#endif
