/* SPDX-License-Identifier: MIT */
/// Source to code object, by comgr: HIP, OpenCL C and assembly. Needs neither runtime nor GPU.
/// Arguments of HIP's and OpenCL's kernels can be bound by their names.
///
/// What comgr can't: it writes code-object version 4 (what the device libraries are for), keeps the
/// source under a temporary name (so that source lines name it by that), and finds no headers by
/// itself: HIP's are looked for in /usr/include and /opt/rocm/include, clang's own where the
/// LLVM of comgr is installed (/usr/lib/llvm-N, /opt/rocm/llvm). Compiling HIP takes about 1 s,
/// OpenCL C 0.5 s, assembly 10 ms.
///
/// Results are kept in the process and, under hsaprobe in XDG_CACHE_HOME or ~/.cache, for later
/// ones. A result is taken from there only if source, options, ISA and comgr's version are the
/// same; sources that include files but by <...>, or by .include or .incbin, and options or
/// variables (CPATH) that name files, are always compiled anew. A cache that can't be written is no
/// error.
///
/// Thread safety: any thread; comgr compiles one at a time.
#ifndef HSAPROBE_COMPILE_H
#define HSAPROBE_COMPILE_H

#include <hsaprobe/code_object.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hsp_language {
    HSP_LANGUAGE_NONE = 0, ///< by the name: .hip .cu .cpp, .cl, .s
    HSP_LANGUAGE_HIP,
    HSP_LANGUAGE_OPENCL, ///< OpenCL C 2.0
    HSP_LANGUAGE_ASSEMBLY,
};
/// By a file name's ending; HSP_LANGUAGE_NONE for others.
HSP_API enum hsp_language hsp_code_object_language(const char *name);

/// All zero but `size` and `isa` are the usual values.
struct hsp_compile_options {
    size_t size;                ///< sizeof(struct hsp_compile_options)
    const char *isa;            ///< "amdgcn-amd-amdhsa--gfx90a:xnack-", or from the processor on
    enum hsp_language language; ///<
    const char *const *words;   ///< the compiler's options; -O3 unless one of them is -O*
    size_t word_count;
    bool ignores_cache; ///< neither look there nor keep the result
};

/// Compiles, links and opens. `name` is what messages call the source. Errors of the compiler:
/// comgr's status, the first error as the text, and the whole log through the log at level warn.
/// HSP_ERROR_INVALID_ARGUMENT: no language or ISA; HSP_ERROR_NOT_SUPPORTED: comgr doesn't know the
/// ISA.
HSP_API hsp_status hsp_code_object_compile(const void *source, size_t bytes, const char *name,
                                           const struct hsp_compile_options *options,
                                           struct hsp_code_object **out_object);
/// The same for a file.
HSP_API hsp_status hsp_code_object_compile_file(const char *path,
                                                const struct hsp_compile_options *options,
                                                struct hsp_code_object **out_object);

#ifdef __cplusplus
}
#endif

#endif
