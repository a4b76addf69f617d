/* SPDX-License-Identifier: MIT */
/// Names of instruction sets: from ELF flags, and compared.
///
/// Source: LLVM 15, AMDGPUUsage, "ELF Code Object" (e_flags, EI_ABIVERSION) and "Target ID".
/// Thread safety: all functions are pure.
#ifndef HSP_PROBE_ISA_H
#define HSP_PROBE_ISA_H

#include <hsaprobe/base.h>

/// "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-" of an ELF with these flags, naming the features that
/// it insists on. `version` is the code-object version (2 has no processor in its flags). False,
/// and nothing written, when the processor is unknown.
bool hsp_isa_from_elf(uint32_t e_flags, uint32_t version, char *out_name, size_t name_bytes);

/// Number of features that an ISA name insists on.
uint32_t hsp_isa_feature_count(const char *isa);

/// Why an image doesn't run on an agent, as "the processor differs" or "xnack differs"; NULL when
/// it runs.
const char *hsp_isa_conflict(const char *image_isa, const char *agent_isa);

#endif
