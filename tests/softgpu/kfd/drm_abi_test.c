/* SPDX-License-Identifier: MIT */
/* Our definitions of the render node's interface against libdrm's headers. All of it is known to
 * the compiler; the program only reports that it was built. */
#include "abi/drm.h"

#include <libdrm/amdgpu_drm.h>
#include <stdio.h>

#define SAME(ours, member, theirs, their_member)                                                   \
    static_assert(offsetof(struct ours, member) == offsetof(struct theirs, their_member),          \
                  #ours "." #member " is elsewhere");

static_assert(sizeof(struct abi_amdgpu_info) == sizeof(struct drm_amdgpu_info), "info");
static_assert(sizeof(struct abi_drm_version) == sizeof(struct drm_version), "version");
static_assert(sizeof(struct abi_amdgpu_memory) == sizeof(struct drm_amdgpu_memory_info), "memory");
SAME(abi_amdgpu_dev_info, high_va_max, drm_amdgpu_info_device, high_va_max)
SAME(abi_amdgpu_dev_info, cu_bitmap, drm_amdgpu_info_device, cu_bitmap)
SAME(abi_amdgpu_dev_info, vram_type, drm_amdgpu_info_device, vram_type)
static_assert(ABI_AMDGPU_INFO_DEV_INFO == AMDGPU_INFO_DEV_INFO, "query");
static_assert(ABI_AMDGPU_INFO_MEMORY == AMDGPU_INFO_MEMORY, "query");
static_assert(ABI_DRM_AMDGPU_INFO == DRM_COMMAND_BASE + DRM_AMDGPU_INFO, "number");

int main(void) {
    puts("the definitions agree");
    return 0;
}
