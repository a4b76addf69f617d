/* SPDX-License-Identifier: MIT */
/* Our definitions of the drivers' interfaces against the system's headers. All of it is known to
 * the compiler; the program only reports that it was built. */
#include "abi/drm.h"
#include "abi/kfd.h"

#include <libdrm/amdgpu_drm.h>
#include <linux/kfd_ioctl.h>
#include <stdio.h>

/* Newer headers may have longer structs: fields are only ever appended. */
#define SAME_SIZE(ours, theirs)                                                                    \
    static_assert(sizeof(struct ours) >= sizeof(struct theirs), #ours " is too short");
#define SAME(ours, member, theirs, their_member)                                                   \
    static_assert(offsetof(struct ours, member) == offsetof(struct theirs, their_member),          \
                  #ours "." #member " is elsewhere");                                              \
    static_assert(sizeof(((struct ours *)0)->member) ==                                            \
                      sizeof(((struct theirs *)0)->their_member),                                  \
                  #ours "." #member " has another size");
#define NUMBER(name) static_assert(_IOC_NR(AMDKFD_IOC_##name) == ABI_KFD_##name, #name);

NUMBER(GET_VERSION)
NUMBER(CREATE_QUEUE)
NUMBER(DESTROY_QUEUE)
NUMBER(SET_MEMORY_POLICY)
NUMBER(GET_CLOCK_COUNTERS)
NUMBER(GET_PROCESS_APERTURES)
NUMBER(UPDATE_QUEUE)
NUMBER(CREATE_EVENT)
NUMBER(DESTROY_EVENT)
NUMBER(SET_EVENT)
NUMBER(RESET_EVENT)
NUMBER(WAIT_EVENTS)
NUMBER(SET_SCRATCH_BACKING_VA)
NUMBER(GET_TILE_CONFIG)
NUMBER(SET_TRAP_HANDLER)
NUMBER(GET_PROCESS_APERTURES_NEW)
NUMBER(ACQUIRE_VM)
NUMBER(ALLOC_MEMORY_OF_GPU)
NUMBER(FREE_MEMORY_OF_GPU)
NUMBER(MAP_MEMORY_TO_GPU)
NUMBER(UNMAP_MEMORY_FROM_GPU)
NUMBER(SET_CU_MASK)
NUMBER(GET_QUEUE_WAVE_STATE)
NUMBER(GET_DMABUF_INFO)
NUMBER(IMPORT_DMABUF)
NUMBER(ALLOC_QUEUE_GWS)
NUMBER(SMI_EVENTS)
NUMBER(SVM)
NUMBER(SET_XNACK_MODE)
NUMBER(CRIU_OP)
NUMBER(AVAILABLE_MEMORY)

SAME_SIZE(abi_kfd_get_version, kfd_ioctl_get_version_args)
SAME_SIZE(abi_kfd_create_queue, kfd_ioctl_create_queue_args)
SAME(abi_kfd_create_queue, doorbell_offset, kfd_ioctl_create_queue_args, doorbell_offset)
SAME(abi_kfd_create_queue, queue_id, kfd_ioctl_create_queue_args, queue_id)
SAME(abi_kfd_create_queue, ctl_stack_size, kfd_ioctl_create_queue_args, ctl_stack_size)
SAME_SIZE(abi_kfd_update_queue, kfd_ioctl_update_queue_args)
SAME(abi_kfd_update_queue, queue_priority, kfd_ioctl_update_queue_args, queue_priority)
SAME_SIZE(abi_kfd_set_cu_mask, kfd_ioctl_set_cu_mask_args)
SAME(abi_kfd_set_cu_mask, cu_mask_ptr, kfd_ioctl_set_cu_mask_args, cu_mask_ptr)
SAME_SIZE(abi_kfd_get_queue_wave_state, kfd_ioctl_get_queue_wave_state_args)
SAME(abi_kfd_get_queue_wave_state, queue_id, kfd_ioctl_get_queue_wave_state_args, queue_id)
SAME_SIZE(abi_kfd_set_memory_policy, kfd_ioctl_set_memory_policy_args)
SAME(abi_kfd_set_memory_policy, alternate_policy, kfd_ioctl_set_memory_policy_args,
     alternate_policy)
SAME_SIZE(abi_kfd_get_clock_counters, kfd_ioctl_get_clock_counters_args)
SAME(abi_kfd_get_clock_counters, gpu_id, kfd_ioctl_get_clock_counters_args, gpu_id)
SAME_SIZE(abi_kfd_device_apertures, kfd_process_device_apertures)
SAME(abi_kfd_device_apertures, gpuvm_limit, kfd_process_device_apertures, gpuvm_limit)
SAME_SIZE(abi_kfd_get_process_apertures, kfd_ioctl_get_process_apertures_args)
SAME(abi_kfd_get_process_apertures, num_of_nodes, kfd_ioctl_get_process_apertures_args,
     num_of_nodes)
SAME_SIZE(abi_kfd_get_process_apertures_new, kfd_ioctl_get_process_apertures_new_args)
SAME_SIZE(abi_kfd_create_event, kfd_ioctl_create_event_args)
SAME(abi_kfd_create_event, event_slot_index, kfd_ioctl_create_event_args, event_slot_index)
SAME(abi_kfd_create_event, event_type, kfd_ioctl_create_event_args, event_type)
SAME_SIZE(abi_kfd_event_id, kfd_ioctl_set_event_args)
SAME_SIZE(abi_kfd_memory_exception, kfd_hsa_memory_exception_data)
SAME(abi_kfd_memory_exception, va, kfd_hsa_memory_exception_data, va)
SAME_SIZE(abi_kfd_event_data, kfd_event_data)
SAME(abi_kfd_event_data, event_id, kfd_event_data, event_id)
SAME_SIZE(abi_kfd_wait_events, kfd_ioctl_wait_events_args)
SAME(abi_kfd_wait_events, wait_result, kfd_ioctl_wait_events_args, wait_result)
SAME_SIZE(abi_kfd_set_scratch_backing_va, kfd_ioctl_set_scratch_backing_va_args)
SAME_SIZE(abi_kfd_get_tile_config, kfd_ioctl_get_tile_config_args)
SAME(abi_kfd_get_tile_config, num_ranks, kfd_ioctl_get_tile_config_args, num_ranks)
SAME_SIZE(abi_kfd_set_trap_handler, kfd_ioctl_set_trap_handler_args)
SAME_SIZE(abi_kfd_acquire_vm, kfd_ioctl_acquire_vm_args)
SAME_SIZE(abi_kfd_alloc_memory, kfd_ioctl_alloc_memory_of_gpu_args)
SAME(abi_kfd_alloc_memory, flags, kfd_ioctl_alloc_memory_of_gpu_args, flags)
SAME_SIZE(abi_kfd_free_memory, kfd_ioctl_free_memory_of_gpu_args)
SAME_SIZE(abi_kfd_map_memory, kfd_ioctl_map_memory_to_gpu_args)
SAME(abi_kfd_map_memory, n_success, kfd_ioctl_map_memory_to_gpu_args, n_success)
SAME_SIZE(abi_kfd_alloc_queue_gws, kfd_ioctl_alloc_queue_gws_args)
SAME_SIZE(abi_kfd_get_dmabuf_info, kfd_ioctl_get_dmabuf_info_args)
SAME_SIZE(abi_kfd_import_dmabuf, kfd_ioctl_import_dmabuf_args)
SAME_SIZE(abi_kfd_smi_events, kfd_ioctl_smi_events_args)
SAME_SIZE(abi_kfd_svm, kfd_ioctl_svm_args)
SAME_SIZE(abi_kfd_set_xnack_mode, kfd_ioctl_set_xnack_mode_args)
SAME_SIZE(abi_kfd_available_memory, kfd_ioctl_get_available_memory_args)

static_assert(ABI_KFD_MEM_WRITABLE == (uint32_t)KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE, "flag");
static_assert(ABI_KFD_MEM_AQL_QUEUE == KFD_IOC_ALLOC_MEM_FLAGS_AQL_QUEUE_MEM, "flag");
static_assert(ABI_KFD_MEM_MMIO_REMAP == KFD_IOC_ALLOC_MEM_FLAGS_MMIO_REMAP, "flag");
static_assert((int)ABI_KFD_SVM_GRANULARITY == (int)KFD_IOCTL_SVM_ATTR_GRANULARITY, "attribute");

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
