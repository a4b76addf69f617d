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
static_assert(sizeof(struct abi_amdgpu_gem_create) == sizeof(union drm_amdgpu_gem_create),
              "create");
static_assert(sizeof(struct abi_amdgpu_gem_metadata) == sizeof(struct drm_amdgpu_gem_metadata), "");
static_assert(sizeof(struct abi_drm_prime_handle) == sizeof(struct drm_prime_handle), "prime");
SAME(abi_amdgpu_gem_create, domains, drm_amdgpu_gem_create_in, domains)
SAME(abi_amdgpu_gem_va, va_address, drm_amdgpu_gem_va, va_address)
SAME(abi_amdgpu_gem_va, operation, drm_amdgpu_gem_va, operation)
SAME(abi_amdgpu_gem_op, value, drm_amdgpu_gem_op, value)
SAME(abi_amdgpu_gem_userptr, handle, drm_amdgpu_gem_userptr, handle)
static_assert(ABI_DRM_AMDGPU_GEM_CREATE == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_CREATE, "number");
static_assert(ABI_DRM_AMDGPU_GEM_MMAP == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_MMAP, "number");
static_assert(ABI_DRM_AMDGPU_GEM_METADATA == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_METADATA, "number");
static_assert(ABI_DRM_AMDGPU_GEM_WAIT_IDLE == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_WAIT_IDLE,
              "number");
static_assert(ABI_DRM_AMDGPU_GEM_VA == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_VA, "number");
static_assert(ABI_DRM_AMDGPU_GEM_OP == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_OP, "number");
static_assert(ABI_DRM_AMDGPU_GEM_USERPTR == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_USERPTR, "number");
static_assert(ABI_AMDGPU_VA_MAP == AMDGPU_VA_OP_MAP && ABI_AMDGPU_VA_UNMAP == AMDGPU_VA_OP_UNMAP,
              "op");
static_assert(ABI_AMDGPU_VA_WRITEABLE == AMDGPU_VM_PAGE_WRITEABLE, "flag");
static_assert(ABI_DRM_AMDGPU_INFO == DRM_COMMAND_BASE + DRM_AMDGPU_INFO, "number");

int main(void) {
    puts("the definitions agree");
    return 0;
}
