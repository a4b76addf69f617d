/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int harness_setup(void **state) {
    struct harness *harness = calloc(1, sizeof *harness);
    assert_non_null(harness);
    memset(&fake_cp, 0, sizeof fake_cp);
    harness->page_fd = memfd_create("pages", MFD_CLOEXEC);
    harness->bo_fd = memfd_create("objects", MFD_CLOEXEC);
    assert_int_equal(ftruncate(harness->page_fd, SG_KFD_GPU_BYTES), 0);
    harness->vm = sg_vm_create();
    fake_cp.vm = harness->vm;
    const struct sg_kfd_config config = {
        .page_fd = harness->page_fd,
        .gpu_count = 1,
        .gpus = {{.vm = harness->vm, .bo_fd = harness->bo_fd}},
        .vram_bytes = HARNESS_VRAM,
        .ram_bytes = HARNESS_RAM,
        .cu_count = 104,
    };
    harness->kfd = sg_kfd_create(&config);
    assert_non_null(harness->kfd);
    sg_kfd_attach(harness->kfd, 0, fake_cp_handle(), fake_cu_handle(), NULL);
    *state = harness;
    return 0;
}

int harness_teardown(void **state) {
    struct harness *harness = *state;
    sg_kfd_destroy(harness->kfd);
    sg_vm_destroy(harness->vm);
    close(harness->page_fd);
    close(harness->bo_fd);
    free(harness);
    return 0;
}

int harness_ioctl(struct harness *harness, uint32_t nr, void *arg, size_t bytes) {
    return sg_kfd_ioctl(harness->kfd, _IOC(_IOC_READ | _IOC_WRITE, 'K', nr, bytes), arg);
}

int harness_alloc(struct harness *harness, uint64_t va, uint64_t size, uint32_t flags,
                  struct abi_kfd_alloc_memory *out_args) {
    *out_args = (struct abi_kfd_alloc_memory){
        .va_addr = va, .size = size, .gpu_id = SG_GPU_ID, .flags = flags};
    if (flags & ABI_KFD_MEM_USERPTR)
        out_args->mmap_offset = va;
    return IOCTL(harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, out_args);
}

static int change_mapping(struct harness *harness, uint32_t nr, uint64_t handle) {
    uint32_t gpu = SG_GPU_ID;
    struct abi_kfd_map_memory args = {
        .handle = handle, .device_ids_array_ptr = (uintptr_t)&gpu, .n_devices = 1};
    return IOCTL(harness, nr, &args);
}

int harness_map(struct harness *harness, uint64_t handle) {
    return change_mapping(harness, ABI_KFD_MAP_MEMORY_TO_GPU, handle);
}

int harness_unmap(struct harness *harness, uint64_t handle) {
    return change_mapping(harness, ABI_KFD_UNMAP_MEMORY_FROM_GPU, handle);
}

int harness_free(struct harness *harness, uint64_t handle) {
    struct abi_kfd_free_memory args = {.handle = handle};
    return IOCTL(harness, ABI_KFD_FREE_MEMORY_OF_GPU, &args);
}

uint32_t harness_event(struct harness *harness, uint32_t type, bool auto_reset) {
    struct abi_kfd_create_event args = {.event_type = type, .auto_reset = auto_reset};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), 0);
    return args.event_id;
}
