/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { VA = 0x40000000, READ = SG_VM_READ };

static int svm(struct harness *harness, uint32_t op, uint64_t va, uint64_t size,
               struct abi_kfd_svm_attribute *attrs, uint32_t count) {
    uint8_t bytes[sizeof(struct abi_kfd_svm) + 4 * sizeof *attrs];
    const struct abi_kfd_svm head = {.start_addr = va, .size = size, .op = op, .nattr = count};
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, attrs, count * sizeof *attrs);
    const int error =
        harness_ioctl(harness, ABI_KFD_SVM, bytes, sizeof head + count * sizeof *attrs);
    memcpy(attrs, bytes + sizeof head, count * sizeof *attrs);
    return error;
}

static int set(struct harness *harness, uint64_t va, uint64_t size, uint32_t type, uint32_t value) {
    struct abi_kfd_svm_attribute attribute = {type, value};
    return svm(harness, ABI_KFD_SVM_SET_ATTR, va, size, &attribute, 1);
}

static uint32_t get(struct harness *harness, uint64_t va, uint64_t size, uint32_t type) {
    struct abi_kfd_svm_attribute attribute = {type, type == ABI_KFD_SVM_ACCESS ? SG_GPU_ID : 0};
    assert_int_equal(svm(harness, ABI_KFD_SVM_GET_ATTR, va, size, &attribute, 1), 0);
    return type == ABI_KFD_SVM_ACCESS ? attribute.type : attribute.value;
}

static void access_makes_the_applications_pages_reachable(void **state) {
    struct harness *harness = *state;
    assert_int_equal(set(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), 0);
    assert_ptr_equal(sg_vm_host(harness->vm, VA + PAGE, PAGE, READ, NULL), (void *)(VA + PAGE));
    assert_int_equal(get(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS), ABI_KFD_SVM_ACCESS);
    assert_int_equal(set(harness, VA, 4 * PAGE, ABI_KFD_SVM_NO_ACCESS, SG_GPU_ID), 0);
    assert_null(sg_vm_host(harness->vm, VA + PAGE, PAGE, READ, NULL));
    assert_int_equal(fake_cp.drains, 1);
}

static void a_part_can_be_taken_out(void **state) {
    struct harness *harness = *state;
    assert_int_equal(set(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS_IN_PLACE, SG_GPU_ID), 0);
    assert_int_equal(set(harness, VA + PAGE, PAGE, ABI_KFD_SVM_NO_ACCESS, SG_GPU_ID), 0);
    assert_non_null(sg_vm_host(harness->vm, VA, PAGE, READ, NULL));
    assert_null(sg_vm_host(harness->vm, VA + PAGE, PAGE, READ, NULL));
    assert_non_null(sg_vm_host(harness->vm, VA + 2 * PAGE, 2 * PAGE, READ, NULL));
    assert_int_equal(get(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS), ABI_KFD_SVM_NO_ACCESS);
}

static void read_only_is_kept_from_writing(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_svm_attribute attrs[2] = {{ABI_KFD_SVM_ACCESS, SG_GPU_ID},
                                             {ABI_KFD_SVM_SET_FLAGS, ABI_KFD_SVM_FLAG_GPU_RO}};
    assert_int_equal(svm(harness, ABI_KFD_SVM_SET_ATTR, VA, PAGE, attrs, 2), 0);
    assert_non_null(sg_vm_host(harness->vm, VA, PAGE, SG_VM_READ, NULL));
    assert_null(sg_vm_host(harness->vm, VA, PAGE, SG_VM_WRITE, NULL));
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_CLR_FLAGS, ABI_KFD_SVM_FLAG_GPU_RO), 0);
    assert_non_null(sg_vm_host(harness->vm, VA, PAGE, SG_VM_WRITE, NULL));
}

static void attributes_of_a_range_are_combined(void **state) {
    struct harness *harness = *state;
    assert_int_equal(get(harness, VA, PAGE, ABI_KFD_SVM_GRANULARITY), 9);
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_PREFERRED_LOC, SG_GPU_ID), 0);
    assert_int_equal(get(harness, VA, PAGE, ABI_KFD_SVM_PREFERRED_LOC), SG_GPU_ID);
    assert_int_equal(set(harness, VA + PAGE, PAGE, ABI_KFD_SVM_PREFERRED_LOC, 0), 0);
    assert_int_equal(get(harness, VA, 2 * PAGE, ABI_KFD_SVM_PREFERRED_LOC), UINT32_MAX);
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_GRANULARITY, 3), 0);
    assert_int_equal(get(harness, VA, 2 * PAGE, ABI_KFD_SVM_GRANULARITY), 3);
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_SET_FLAGS, ABI_KFD_SVM_FLAG_GPU_EXEC), 0);
    assert_false(get(harness, VA, 2 * PAGE, ABI_KFD_SVM_SET_FLAGS) & ABI_KFD_SVM_FLAG_GPU_EXEC);
    assert_true(get(harness, VA, PAGE, ABI_KFD_SVM_SET_FLAGS) & ABI_KFD_SVM_FLAG_GPU_EXEC);
}

static void errors_are_those_of_amdkfd(void **state) {
    static const struct {
        uint64_t va;
        uint64_t size;
        uint32_t op;
        uint32_t type;
        uint32_t value;
        int error;
    } rows[] = {
        {VA + 1, PAGE, 0, ABI_KFD_SVM_ACCESS, SG_GPU_ID, -EINVAL},
        {VA, PAGE + 1, 0, ABI_KFD_SVM_ACCESS, SG_GPU_ID, -EINVAL},
        {0, PAGE, 0, ABI_KFD_SVM_ACCESS, SG_GPU_ID, -EINVAL},
        {VA, 0, 0, ABI_KFD_SVM_ACCESS, SG_GPU_ID, -EINVAL},
        {VA, PAGE, 2, ABI_KFD_SVM_ACCESS, SG_GPU_ID, -EINVAL},
        {VA, PAGE, 0, 8, 0, -EINVAL},
        {VA, PAGE, 0, ABI_KFD_SVM_ACCESS, 1, -EINVAL},
        {VA, PAGE, 0, ABI_KFD_SVM_PREFETCH_LOC, UINT32_MAX, -EINVAL},
        {VA, PAGE, 0, ABI_KFD_SVM_PREFERRED_LOC, UINT32_MAX, 0},
        {VA, PAGE, 1, ABI_KFD_SVM_ACCESS, 1, -EINVAL},
        {VA, PAGE, 1, ABI_KFD_SVM_NO_ACCESS, SG_GPU_ID, -EINVAL},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct abi_kfd_svm_attribute attribute = {rows[i].type, rows[i].value};
        const int error = svm(harness, rows[i].op, rows[i].va, rows[i].size, &attribute, 1);
        if (error != rows[i].error)
            fail_msg("row %zu: %d", i, error);
    }
    struct abi_kfd_svm short_call = {
        .start_addr = VA, .size = PAGE, .op = ABI_KFD_SVM_SET_ATTR, .nattr = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_SVM, &short_call), -EINVAL);
}

static void a_new_object_displaces_pages_that_were_unmapped(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(set(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), 0);
    assert_int_equal(harness_alloc(harness, VA + PAGE, PAGE, ABI_KFD_MEM_VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    assert_ptr_not_equal(sg_vm_host(harness->vm, VA + PAGE, PAGE, READ, NULL), (void *)(VA + PAGE));
    assert_ptr_equal(sg_vm_host(harness->vm, VA + 2 * PAGE, PAGE, READ, NULL),
                     (void *)(VA + 2 * PAGE));
    assert_int_equal(set(harness, VA, 2 * PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), -EADDRINUSE);
}

static void what_is_not_there_is_refused(void **state) {
    struct harness *harness = *state;
    munmap((void *)(uintptr_t)(VA + 2 * PAGE), PAGE);
    assert_int_equal(set(harness, VA, 4 * PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), -EFAULT);
    assert_null(sg_vm_host(harness->vm, VA, PAGE, READ, NULL));
    assert_int_equal(set(harness, VA, 2 * PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), 0);
}

static void with_xnack_access_is_taken_away_not_given(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_set_xnack_mode on = {.xnack_enabled = 1};
    struct sg_vm_range range;
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_XNACK_MODE, &on), 0);
    assert_int_equal(get(harness, VA, PAGE, ABI_KFD_SVM_ACCESS), ABI_KFD_SVM_ACCESS);
    assert_true(sg_vm_find(harness->vm, VA, &range));
    assert_true(range.flags & SG_VM_WRITE);
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_NO_ACCESS, SG_GPU_ID), 0);
    assert_true(sg_vm_find(harness->vm, VA, &range));
    assert_false(range.flags & (SG_VM_READ | SG_VM_WRITE));
    assert_true(sg_vm_find(harness->vm, VA + PAGE, &range));
    assert_true(range.flags & SG_VM_WRITE);
    assert_int_equal(set(harness, VA, PAGE, ABI_KFD_SVM_ACCESS, SG_GPU_ID), 0);
    assert_true(sg_vm_find(harness->vm, VA, &range));
    assert_true(range.flags & SG_VM_WRITE);
}

/* The application's pages, which the driver asks the system about. */
static int setup(void **state) {
    void *pages = mmap((void *)(uintptr_t)VA, 4 * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return pages == MAP_FAILED ? -1 : harness_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(access_makes_the_applications_pages_reachable),
        TEST(a_part_can_be_taken_out),
        TEST(read_only_is_kept_from_writing),
        TEST(attributes_of_a_range_are_combined),
        TEST(errors_are_those_of_amdkfd),
        TEST(what_is_not_there_is_refused),
        TEST(with_xnack_access_is_taken_away_not_given),
        TEST(a_new_object_displaces_pages_that_were_unmapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
