/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VA = 0x20000000, MIB = 1 << 20 };
#define VRAM (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE)
#define GTT  (ABI_KFD_MEM_GTT | ABI_KFD_MEM_WRITABLE)
#define USER (ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_WRITABLE)

static void allocation_errors_are_those_of_amdkfd(void **state) {
    static const struct {
        uint64_t size;
        uint32_t gpu_id;
        uint32_t flags;
        uint64_t mmap_offset;
        int error;
    } rows[] = {
        {0, SG_GPU_ID, VRAM, 0, -EINVAL},
        {PAGE, SG_GPU_ID + 1, VRAM, 0, -EINVAL},
        {PAGE, SG_GPU_ID, ABI_KFD_MEM_WRITABLE, 0, -EINVAL},
        {PAGE, SG_GPU_ID, USER, 0, -EINVAL},
        {PAGE, SG_GPU_ID, USER, 0x20001, -EINVAL},
        {PAGE, SG_GPU_ID, USER, 0x20000, -EFAULT},
        {PAGE, SG_GPU_ID, ABI_KFD_MEM_DOORBELL, 0, -EINVAL},
        {2 * PAGE, SG_GPU_ID, ABI_KFD_MEM_DOORBELL, 0, 0},
        {2 * PAGE, SG_GPU_ID, ABI_KFD_MEM_MMIO_REMAP, 0, -EINVAL},
        {PAGE, SG_GPU_ID, ABI_KFD_MEM_MMIO_REMAP, 0, 0},
        {HARNESS_VRAM + PAGE, SG_GPU_ID, VRAM, 0, -ENOMEM},
        {HARNESS_RAM, SG_GPU_ID, GTT, 0, -ENOMEM},
        {UINT64_MAX - PAGE, SG_GPU_ID, VRAM, 0, -ENOMEM},
        {1ull << 62, SG_GPU_ID, GTT, 0, -ENOMEM},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct abi_kfd_alloc_memory args = {.va_addr = VA,
                                            .size = rows[i].size,
                                            .gpu_id = rows[i].gpu_id,
                                            .flags = rows[i].flags,
                                            .mmap_offset = rows[i].mmap_offset};
        const int error = IOCTL(harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, &args);
        if (error != rows[i].error)
            fail_msg("row %zu: %d", i, error);
    }
}

static void vram_is_limited_and_comes_back(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory first;
    struct abi_kfd_alloc_memory second;
    struct abi_kfd_available_memory available = {.gpu_id = SG_GPU_ID};
    assert_int_equal(harness_alloc(harness, VA, HARNESS_VRAM - MIB, VRAM, &first), 0);
    assert_int_equal(harness_alloc(harness, 2 * VA, 2 * MIB, VRAM, &second), -ENOMEM);
    assert_int_equal(harness_alloc(harness, 2 * VA, MIB, VRAM, &second), 0);
    assert_int_equal(IOCTL(harness, ABI_KFD_AVAILABLE_MEMORY, &available), 0);
    assert_int_equal(available.available, 0);
    assert_int_equal(harness_free(harness, first.handle), 0);
    assert_int_equal(IOCTL(harness, ABI_KFD_AVAILABLE_MEMORY, &available), 0);
    assert_int_equal(available.available, HARNESS_VRAM - MIB);
    assert_int_equal(harness_alloc(harness, VA, HARNESS_VRAM - MIB, VRAM, &first), 0);
}

static void a_mapped_object_is_found_with_its_rights(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    struct sg_vm_range range;
    assert_int_equal(
        harness_alloc(harness, VA, 3 * PAGE, ABI_KFD_MEM_VRAM | ABI_KFD_MEM_EXECUTABLE, &args), 0);
    assert_false(sg_vm_find(harness->vm, VA, &range));
    assert_int_equal(harness_map(harness, args.handle), 0);
    assert_true(sg_vm_find(harness->vm, VA + 2 * PAGE, &range));
    assert_int_equal(range.va, VA);
    assert_int_equal(range.bytes, 3 * PAGE);
    assert_int_equal(range.flags, SG_VM_READ | SG_VM_EXEC);
    assert_int_equal(harness_map(harness, args.handle), 0); /* again: nothing to do */
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_false(sg_vm_find(harness->vm, VA, &range));
}

static void device_and_application_see_the_same_bytes(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, PAGE, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    uint64_t offset;
    int fd;
    assert_int_equal(
        sg_kfd_drm_mmap(sg_kfd_gpu(harness->kfd, 0), args.mmap_offset, PAGE, &fd, &offset), 0);
    assert_int_equal(fd, harness->bo_fd);
    assert_int_equal(offset, args.mmap_offset);
    char *application = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, harness->bo_fd,
                             (off_t)args.mmap_offset);
    assert_ptr_not_equal(application, MAP_FAILED);
    strcpy(application, "hello");
    char *device = sg_vm_host(harness->vm, VA, PAGE, SG_VM_READ | SG_VM_WRITE, NULL);
    assert_non_null(device);
    assert_ptr_not_equal(device, application);
    assert_string_equal(device, "hello");
    mprotect(application, PAGE, PROT_NONE);
    strcpy(device, "still writable");
    munmap(application, PAGE);
}

static void mapping_errors_are_those_of_amdkfd(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, PAGE, VRAM, &args), 0);
    uint32_t gpus[2] = {SG_GPU_ID, 1};
    struct abi_kfd_map_memory map = {.handle = args.handle,
                                     .device_ids_array_ptr = (uintptr_t)gpus};
    assert_int_equal(IOCTL(harness, ABI_KFD_MAP_MEMORY_TO_GPU, &map), -EINVAL);
    map.n_devices = 1;
    map.n_success = 2;
    assert_int_equal(IOCTL(harness, ABI_KFD_MAP_MEMORY_TO_GPU, &map), -EINVAL);
    map.n_success = 0;
    map.device_ids_array_ptr = 16;
    assert_int_equal(IOCTL(harness, ABI_KFD_MAP_MEMORY_TO_GPU, &map), -EFAULT);
    map.device_ids_array_ptr = (uintptr_t)gpus;
    map.n_devices = 2;
    assert_int_equal(IOCTL(harness, ABI_KFD_MAP_MEMORY_TO_GPU, &map), -EINVAL);
    assert_int_equal(map.n_success, 1); /* the first was mapped */
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_int_equal(harness_unmap(harness, args.handle), -EINVAL);
    assert_int_equal(harness_map(harness, args.handle + 1), -ENOMEM);
    assert_int_equal(harness_unmap(harness, args.handle + 1), -ENOMEM);
    assert_int_equal(harness_map(harness, 1), -EINVAL);
    assert_int_equal(harness_free(harness, args.handle + 1), -EINVAL);
}

static void addresses_must_not_overlap(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory first;
    struct abi_kfd_alloc_memory second;
    assert_int_equal(harness_alloc(harness, VA, 2 * PAGE, VRAM, &first), 0);
    assert_int_equal(harness_alloc(harness, VA + PAGE, PAGE, VRAM, &second), 0);
    assert_int_equal(harness_map(harness, first.handle), 0);
    assert_int_equal(harness_map(harness, second.handle), -EINVAL);
}

static void freeing_a_mapped_object_is_refused(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, PAGE, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    assert_int_equal(harness_free(harness, args.handle), -EBUSY);
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_int_equal(harness_free(harness, args.handle), 0);
    assert_int_equal(harness_free(harness, args.handle), -EINVAL);
}

static void unmapping_first_hides_then_drains(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, PAGE, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    fake_cp.watch_va = VA;
    fake_cp.mapped_at_drain = true;
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_int_equal(fake_cp.drains, 1);
    assert_false(fake_cp.mapped_at_drain);
    assert_int_equal(fake_cp.invalidations, 1);
}

static void freed_pages_go_back_to_the_system(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    struct stat before;
    struct stat after;
    assert_int_equal(harness_alloc(harness, VA, MIB, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    memset(sg_vm_host(harness->vm, VA, MIB, SG_VM_WRITE, NULL), 1, MIB);
    fstat(harness->bo_fd, &before);
    assert_true(before.st_blocks * 512 >= MIB);
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_int_equal(harness_free(harness, args.handle), 0);
    fstat(harness->bo_fd, &after);
    assert_int_equal(after.st_blocks, 0);
    uint64_t offset;
    int fd;
    assert_int_equal(
        sg_kfd_drm_mmap(sg_kfd_gpu(harness->kfd, 0), args.mmap_offset, PAGE, &fd, &offset),
        -EINVAL);
}

static void an_aql_ring_is_mapped_twice(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, 2 * PAGE, GTT | ABI_KFD_MEM_AQL_QUEUE, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    char *first = sg_vm_host(harness->vm, VA, PAGE, SG_VM_WRITE, NULL);
    assert_ptr_equal(sg_vm_host(harness->vm, VA + PAGE, PAGE, SG_VM_WRITE, NULL), first);
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    assert_null(sg_vm_host(harness->vm, VA + PAGE, PAGE, SG_VM_WRITE, NULL));
}

static void a_user_pointer_has_an_address_of_its_own(void **state) {
    struct harness *harness = *state;
    char *user = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct abi_kfd_alloc_memory args = {.va_addr = VA,
                                        .size = PAGE,
                                        .gpu_id = SG_GPU_ID,
                                        .flags = USER,
                                        .mmap_offset = (uintptr_t)user};
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    struct sg_vm_range range;
    assert_true(sg_vm_find(harness->vm, VA, &range));
    assert_ptr_equal(range.host, user);
    assert_true(range.flags & SG_VM_USERPTR);
    munmap(user, PAGE);
}

static void of_several_domains_the_first_counts(void **state) {
    static const uint32_t flags[] = {VRAM | USER, GTT | USER, VRAM | GTT | USER};
    struct harness *harness = *state;
    char *user = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *user = 1;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct abi_kfd_alloc_memory args = {.va_addr = VA,
                                            .size = PAGE,
                                            .gpu_id = SG_GPU_ID,
                                            .flags = flags[i],
                                            .mmap_offset = (uintptr_t)user};
        struct sg_vm_range range;
        assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, &args), 0);
        assert_int_equal(harness_map(harness, args.handle), 0);
        assert_true(sg_vm_find(harness->vm, VA, &range));
        assert_ptr_not_equal(range.host, user);
        assert_false(range.flags & SG_VM_USERPTR);
        assert_int_equal(harness_unmap(harness, args.handle), 0);
        assert_int_equal(harness_free(harness, args.handle), 0);
        assert_int_equal(*user, 1);
    }
    munmap(user, PAGE);
}

static void only_the_pages_of_the_driver_can_be_mapped(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    int fd;
    uint64_t offset;
    const uint64_t doorbells = ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(SG_GPU_ID);
    assert_int_equal(doorbells & 0xffffffff, 0);
    assert_int_equal(sg_kfd_mmap(harness->kfd, doorbells, 2 * PAGE, &offset), 0);
    assert_int_equal(offset, SG_KFD_DOORBELL_OFFSET);
    assert_int_equal(sg_kfd_mmap(harness->kfd, doorbells, 4 * PAGE, &offset), -EINVAL);
    assert_int_equal(sg_kfd_mmap(harness->kfd, doorbells + PAGE, PAGE, &offset), -EINVAL);
    assert_int_equal(sg_kfd_mmap(harness->kfd, 0, PAGE, &offset), -EINVAL);
    assert_int_equal(harness_alloc(harness, VA, PAGE, ABI_KFD_MEM_MMIO_REMAP, &args), 0);
    assert_int_equal(sg_kfd_mmap(harness->kfd, args.mmap_offset, PAGE, &offset), 0);
    assert_int_equal(offset, SG_KFD_MMIO_OFFSET);
    assert_int_equal(sg_kfd_drm_mmap(sg_kfd_gpu(harness->kfd, 0), 0, PAGE, &fd, &offset), -EINVAL);
}

/* Of the file of objects; a sanitizer has mappings of its own. */
static uint64_t mapping_count(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    uint64_t count = 0;
    for (char line[512]; fgets(line, sizeof line, maps);)
        count += strstr(line, "memfd:objects") != NULL;
    fclose(maps);
    return count;
}

static void a_hundred_thousand_objects_are_no_limit(void **state) {
    enum { OBJECTS = 120000 };
    struct sg_vm *vm = sg_vm_create();
    const int page_fd = memfd_create("pages", MFD_CLOEXEC);
    const int bo_fd = memfd_create("objects", MFD_CLOEXEC);
    const struct sg_kfd_config config = {.page_fd = page_fd,
                                         .gpu_count = 1,
                                         .gpus = {{.vm = vm, .bo_fd = bo_fd}},
                                         .vram_bytes = 1 << 30,
                                         .ram_bytes = 1 << 30,
                                         .cu_count = 104};
    assert_int_equal(ftruncate(page_fd, SG_KFD_GPU_BYTES), 0);
    struct harness many = {.kfd = sg_kfd_create(&config), .vm = vm, .bo_fd = bo_fd};
    uint64_t *handles = calloc(OBJECTS, sizeof *handles);
    struct abi_kfd_alloc_memory args;
    (void)state;
    for (uint64_t i = 0; i < OBJECTS; i++) {
        assert_int_equal(harness_alloc(&many, VA + i * PAGE, PAGE, VRAM, &args), 0);
        handles[i] = args.handle;
        if (i % 1000 == 0) {
            assert_int_equal(harness_map(&many, args.handle), 0);
            *(uint64_t *)sg_vm_host(vm, VA + i * PAGE, 8, SG_VM_WRITE, NULL) = i;
        }
    }
    assert_true(mapping_count() < 100);
    for (uint64_t i = 0; i < OBJECTS; i++) {
        if (i % 1000 == 0) {
            assert_int_equal(*(uint64_t *)sg_vm_host(vm, VA + i * PAGE, 8, SG_VM_READ, NULL), i);
            assert_int_equal(harness_unmap(&many, handles[i]), 0);
        }
        assert_int_equal(harness_free(&many, handles[i]), 0);
    }
    assert_int_equal(mapping_count(), 0);
    free(handles);
    sg_kfd_destroy(many.kfd);
    sg_vm_destroy(vm);
    close(page_fd);
    close(bo_fd);
}

static void odd_objects_are_refused_or_rounded(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    struct abi_kfd_alloc_memory top;
    struct sg_vm_range range;
    /* Sizes count in pages; an address is looked at when it is mapped. */
    assert_int_equal(harness_alloc(harness, VA, PAGE + 1, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    assert_true(sg_vm_find(harness->vm, VA, &range));
    assert_int_equal(range.bytes, 2 * PAGE);
    assert_int_equal(harness_alloc(harness, VA + 8 * PAGE + 1, PAGE, VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), -EINVAL);
    assert_int_equal(harness_alloc(harness, UINT64_MAX - PAGE + 1, PAGE, VRAM, &top), 0);
    assert_int_equal(harness_map(harness, top.handle), 0);
    assert_int_equal(harness_unmap(harness, top.handle), 0);
    assert_int_equal(harness_free(harness, top.handle), 0);
    assert_int_equal(harness_alloc(harness, UINT64_MAX - PAGE + 1, 2 * PAGE, VRAM, &top), 0);
    assert_int_equal(harness_map(harness, top.handle), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(odd_objects_are_refused_or_rounded),
        cmocka_unit_test(a_hundred_thousand_objects_are_no_limit),
        TEST(allocation_errors_are_those_of_amdkfd),
        TEST(vram_is_limited_and_comes_back),
        TEST(a_mapped_object_is_found_with_its_rights),
        TEST(device_and_application_see_the_same_bytes),
        TEST(mapping_errors_are_those_of_amdkfd),
        TEST(addresses_must_not_overlap),
        TEST(freeing_a_mapped_object_is_refused),
        TEST(unmapping_first_hides_then_drains),
        TEST(freed_pages_go_back_to_the_system),
        TEST(an_aql_ring_is_mapped_twice),
        TEST(a_user_pointer_has_an_address_of_its_own),
        TEST(of_several_domains_the_first_counts),
        TEST(only_the_pages_of_the_driver_can_be_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
