/* SPDX-License-Identifier: MIT */
/// Code objects: from bytes to a kernel that can be dispatched.
///
/// A hsp_code_object is a file or a block of memory that holds one or more images; an image is one
/// ELF for one processor. Read are: a raw code object (ELF, AMDGPU), an offload bundle
/// ("__CLANG_OFFLOAD_BUNDLE__"), a compressed one ("CCOB", zlib or zstd), several bundles one
/// behind the other, and the HIP fat binary (section .hip_fatbin) of an executable or shared
/// library. Opening and inspecting needs neither runtime nor GPU and survives malformed input:
/// HSP_ERROR_FORMAT says what is wrong where.
///
/// Thread safety: a code object's functions may be called from several threads except open and
/// close; executables likewise.
#ifndef HSAPROBE_CODE_OBJECT_H
#define HSAPROBE_CODE_OBJECT_H

#include <hsaprobe/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hsp_code_object;

/// Reads the whole file.
HSP_API hsp_status hsp_code_object_open_file(const char *path, struct hsp_code_object **out_object);
/// Copies the bytes. `name` is what messages call it (copied; NULL for "memory").
HSP_API hsp_status hsp_code_object_open_memory(const void *bytes, size_t size, const char *name,
                                               struct hsp_code_object **out_object);
/// NULL is fine. Kernels and images of the object are gone then; executables loaded from it stay.
HSP_API void hsp_code_object_close(struct hsp_code_object *object);

/// What messages call it: the path.
HSP_API const char *hsp_code_object_name(const struct hsp_code_object *object);

enum hsp_container {
    HSP_CONTAINER_ELF,        ///< a raw code object
    HSP_CONTAINER_BUNDLE,     ///< one or more offload bundles
    HSP_CONTAINER_FAT_BINARY, ///< .hip_fatbin of a host executable or library
};
/// What the bytes turned out to be.
HSP_API enum hsp_container hsp_code_object_container(const struct hsp_code_object *object);

struct hsp_image {
    char isa[96];          ///< "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-"; only the features that
                           ///< the image insists on
    char kind[24];         ///< offload kind of the bundle entry ("hip", "hipv4", "openmp") or "elf"
    const void *bytes;     ///< the ELF; owned by the code object
    size_t size;           ///< bytes of it
    uint64_t offset;       ///< of the ELF in the file
    bool is_packed;        ///< in a compressed bundle: `offset` counts in it when unpacked
    uint32_t bundle_index; ///< which of several bundles; 0 for a raw ELF
    uint32_t version;      ///< code-object version 2..6
};
/// Device images only: a bundle's empty host entry isn't one. Never 0 for an open object.
HSP_API size_t hsp_code_object_image_count(const struct hsp_code_object *object);
/// NULL when out of range.
HSP_API const struct hsp_image *hsp_code_object_image(const struct hsp_code_object *object,
                                                      size_t index);
/// Whether code for `image_isa` runs on an agent with `agent_isa`: same processor or a generic one
/// that covers it, and each feature that the image names (xnack, sramecc) is set the same way by
/// the agent.
HSP_API bool hsp_isa_compatible(const char *image_isa, const char *agent_isa);
/// Best image for an agent's ISA: compatible, the most features named, the first of equals.
/// HSP_ERROR_ISA_MISMATCH lists what there is and what was wanted.
HSP_API hsp_status hsp_code_object_select(const struct hsp_code_object *object,
                                          const char *agent_isa, size_t *out_image_index);

/// How the metadata says that an argument is passed (".value_kind").
enum hsp_argument_kind {
    HSP_ARGUMENT_BY_VALUE,
    HSP_ARGUMENT_GLOBAL_BUFFER,          ///< pointer to global memory
    HSP_ARGUMENT_DYNAMIC_SHARED_POINTER, ///< OpenCL __local pointer: a size is passed
    HSP_ARGUMENT_IMAGE,
    HSP_ARGUMENT_SAMPLER,
    HSP_ARGUMENT_QUEUE,
    HSP_ARGUMENT_PIPE,
    HSP_ARGUMENT_HIDDEN, ///< filled by the library: hidden_*
    HSP_ARGUMENT_UNKNOWN,
};

/// One argument; strings are "" where the compiler didn't write them (HIP omits name and type_name
/// unless compiled with -fhip-kernel-arg-name).
struct hsp_kernel_argument {
    const char *name;
    const char *type_name;     ///< "float*"
    const char *value_kind;    ///< "by_value", "global_buffer", "hidden_block_count_x"
    const char *address_space; ///< "global", "local", ...
    const char *access;        ///< "read_only", ...
    enum hsp_argument_kind kind;
    uint32_t size_bytes;
    uint32_t offset_bytes;  ///< in the kernarg segment
    uint32_t pointee_align; ///< of a dynamic shared pointer; else 0
    bool is_const;
};

/// A kernel as its metadata describes it; owned by the code object.
struct hsp_kernel {
    const char *name;      ///< as in the code object: "_Z5saxpyfPKfPfi"
    const char *demangled; ///< "saxpy(float, float const*, float*, int)"; name if not mangled
    const char *symbol;    ///< of the descriptor: "_Z5saxpyfPKfPfi.kd"
    const char *language;  ///< "OpenCL C", ... or ""
    size_t image_index;
    uint32_t kernarg_bytes;
    uint32_t kernarg_align;
    uint32_t group_bytes;   ///< fixed LDS of a work-group
    uint32_t private_bytes; ///< scratch of a work-item
    uint32_t wavefront_size;
    uint32_t workgroup_max_size;    ///< work-items
    uint32_t workgroup_required[3]; ///< all 0 unless reqd_work_group_size was given
    uint32_t sgpr_count;
    uint32_t vgpr_count;
    uint32_t agpr_count;
    uint32_t sgpr_spill_count;
    uint32_t vgpr_spill_count;
    bool uses_dynamic_stack;
    bool whole_groups_only;                      ///< the grid must be a multiple of the work-group
    const struct hsp_kernel_argument *arguments; ///< explicit ones first, then the hidden ones
    uint32_t argument_count;                     ///< of both
    uint32_t explicit_count;                     ///< what a caller binds
};

/// Kernels of an image, in the metadata's order. The metadata is read on the first call.
HSP_API hsp_status hsp_code_object_kernel_count(struct hsp_code_object *object, size_t image_index,
                                                size_t *out_count);
/// NULL when out of range or unreadable.
HSP_API const struct hsp_kernel *hsp_code_object_kernel(struct hsp_code_object *object,
                                                        size_t image_index, size_t kernel_index);
/// Finds a kernel in the images that run on `agent_isa` (NULL: in all of them; the first that has
/// it wins). `name` is, in this order: the exact name, the exact demangled name, the demangled name
/// without parameters, a prefix of either that fits one kernel only.
/// HSP_ERROR_NOT_FOUND lists near names, HSP_ERROR_AMBIGUOUS those that fit, and
/// HSP_ERROR_ISA_MISMATCH what the file is for.
HSP_API hsp_status hsp_code_object_find_kernel(struct hsp_code_object *object,
                                               const char *agent_isa, const char *name,
                                               const struct hsp_kernel **out_kernel);

/// An image loaded and frozen on one agent.
struct hsp_executable;

/// Checks the image's ISA, that it is linked, and that its waves have a size that the agent has,
/// each with its own message, then loads it. Enters the driver; 0.1 to 1 ms. The code
/// object may be closed afterwards.
HSP_API hsp_status hsp_executable_create(struct hsp_code_object *object, size_t image_index,
                                         const struct hsp_agent *agent,
                                         struct hsp_executable **out_executable);
/// NULL is fine. No kernel of it may be in flight.
HSP_API void hsp_executable_destroy(struct hsp_executable *executable);
/// The agent that it was loaded on.
HSP_API const struct hsp_agent *hsp_executable_agent(const struct hsp_executable *executable);

/// What a dispatch packet needs, as the runtime reports it for the loaded kernel.
struct hsp_kernel_code {
    uint64_t kernel_object; ///< device address of the kernel descriptor
    uint32_t kernarg_bytes;
    uint32_t kernarg_align;
    uint32_t group_bytes;
    uint32_t private_bytes;
};
/// Looks a kernel of the loaded image up. HSP_ERROR_NOT_FOUND: it is of another image.
HSP_API hsp_status hsp_executable_kernel(const struct hsp_executable *executable,
                                         const struct hsp_kernel *kernel,
                                         struct hsp_kernel_code *out_code);
/// Where the image lies in device memory: what a program counter of its kernels is compared with.
/// HSP_ERROR_NOT_SUPPORTED when the runtime has no loader extension.
HSP_API hsp_status hsp_executable_range(const struct hsp_executable *executable,
                                        uint64_t *out_address, uint64_t *out_bytes);
/// Address and size of a variable in device memory, by its name in the code object.
/// HSP_ERROR_NOT_FOUND when there is none of this name, or it is no variable.
HSP_API hsp_status hsp_executable_variable(const struct hsp_executable *executable,
                                           const char *name, uint64_t *out_address,
                                           uint32_t *out_bytes);

#ifdef __cplusplus
}
#endif

#endif
