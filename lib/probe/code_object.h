/* SPDX-License-Identifier: MIT */
/// A code object as the .c files of this folder see it.
#ifndef HSP_PROBE_CODE_OBJECT_H
#define HSP_PROBE_CODE_OBJECT_H

#include <hsaprobe/code_object.h>

#include <pthread.h>

#include "base/status.h"
#include "probe/arena.h"

/// The kernels of one image, read on first use.
struct hsp_image_kernels {
    bool is_read;
    hsp_status status; ///< of reading; then `error` holds the words
    const char *error;
    struct hsp_kernel *kernels;
    size_t count;
};

struct hsp_code_object {
    char *name;
    unsigned char *bytes; ///< owned
    size_t size;
    enum hsp_container container;
    struct hsp_image *images;
    struct hsp_image_kernels *kernels; ///< one per image; under `lock` until is_read
    size_t image_count;
    void **kept; ///< owned, each of them too: unpacked bundles
    size_t kept_count;
    struct hsp_arena arena; ///< under `lock`
    pthread_mutex_t lock;
};

/// Whole content of a regular file, to be freed.
hsp_status hsp_file_read(const char *path, unsigned char **out_bytes, size_t *out_size);
/// Reads the metadata of an image into `arena`; demangles by comgr.
hsp_status hsp_metadata_read(const struct hsp_code_object *object, size_t image_index,
                             struct hsp_arena *arena, struct hsp_kernel **out_kernels,
                             size_t *out_count);
/// Kernels of an image, reading them if need be.
hsp_status hsp_code_object_kernels(struct hsp_code_object *object, size_t image_index,
                                   const struct hsp_kernel **out_kernels, size_t *out_count);
/// What can be wrong with an image besides its ISA: not linked, metadata that can't be read,
/// kernels for waves of 32 on an agent whose `wavefront_size` is 64 only. Each has its own message,
/// where the HSA runtime has one for all.
hsp_status hsp_image_check(struct hsp_code_object *object, size_t image_index,
                           uint32_t wavefront_size);
/// "amdgcn-amd-amdhsa--gfx90a, amdgcn-amd-amdhsa--gfx906": the ISAs of all images, cut where too
/// long.
void hsp_code_object_list_isas(const struct hsp_code_object *object, char *text, size_t bytes);

#endif
