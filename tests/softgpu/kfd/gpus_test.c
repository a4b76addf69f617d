/* SPDX-License-Identifier: MIT */
/* A driver with two GPUs: whose memory, queues and address spaces are whose. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GPUS = 2 };
#define VRAM (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE)
static const uint64_t VA = 0x40000000;

struct two {
    struct harness harness; ///< its `vm` is the first GPU's
    struct sg_vm *vms[GPUS];
    int bo_fds[GPUS];
};

static int setup(void **state) {
    struct two *two = calloc(1, sizeof *two);
    assert_non_null(two);
    memset(&fake_cp, 0, sizeof fake_cp);
    two->harness.page_fd = memfd_create("pages", MFD_CLOEXEC);
    assert_int_equal(ftruncate(two->harness.page_fd, GPUS * SG_KFD_GPU_BYTES), 0);
    struct sg_kfd_config config = {
        .page_fd = two->harness.page_fd,
        .vram_bytes = HARNESS_VRAM,
        .ram_bytes = HARNESS_RAM,
        .cu_count = 104,
        .gpu_count = GPUS,
    };
    for (int i = 0; i < GPUS; i++) {
        config.gpus[i].vm = two->vms[i] = sg_vm_create();
        config.gpus[i].bo_fd = two->bo_fds[i] = memfd_create("objects", MFD_CLOEXEC);
    }
    two->harness.vm = two->vms[0];
    two->harness.kfd = sg_kfd_create(&config);
    assert_non_null(two->harness.kfd);
    for (uint32_t i = 0; i < GPUS; i++)
        sg_kfd_attach(two->harness.kfd, i, fake_cp_handle(), fake_cu_handle(), NULL);
    *state = two;
    return 0;
}

static int teardown(void **state) {
    struct two *two = *state;
    sg_kfd_destroy(two->harness.kfd);
    for (int i = 0; i < GPUS; i++) {
        sg_vm_destroy(two->vms[i]);
        close(two->bo_fds[i]);
    }
    close(two->harness.page_fd);
    free(two);
    return 0;
}

static int alloc(struct two *two, uint32_t gpu_id, uint64_t va, uint64_t bytes, uint32_t flags,
                 struct abi_kfd_alloc_memory *out_args) {
    *out_args = (struct abi_kfd_alloc_memory){
        .va_addr = va, .size = bytes, .gpu_id = gpu_id, .flags = flags};
    return IOCTL(&two->harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, out_args);
}

static int change(struct two *two, uint32_t nr, uint64_t handle, const uint32_t *ids,
                  uint32_t count, uint32_t *out_done) {
    struct abi_kfd_map_memory args = {
        .handle = handle, .device_ids_array_ptr = (uintptr_t)ids, .n_devices = count};
    const int error = IOCTL(&two->harness, nr, &args);
    *out_done = args.n_success;
    return error;
}

static bool is_mapped(const struct two *two, int gpu) {
    struct sg_vm_range range;
    return sg_vm_find(two->vms[gpu], VA, &range);
}

static void every_gpu_has_an_aperture(void **state) {
    struct two *two = *state;
    struct abi_kfd_device_apertures all[4];
    struct abi_kfd_get_process_apertures_new args = {.kfd_process_device_apertures_ptr =
                                                         (uintptr_t)all};
    assert_int_equal(IOCTL(&two->harness, ABI_KFD_GET_PROCESS_APERTURES_NEW, &args), 0);
    assert_int_equal(args.num_of_nodes, GPUS);
    args.num_of_nodes = 4;
    assert_int_equal(IOCTL(&two->harness, ABI_KFD_GET_PROCESS_APERTURES_NEW, &args), 0);
    assert_int_equal(args.num_of_nodes, GPUS);
    assert_int_equal(all[0].gpu_id, sg_gpu_id(0));
    assert_int_equal(all[1].gpu_id, sg_gpu_id(1));
    args.num_of_nodes = 1; /* no more than there is room for */
    all[1].gpu_id = 0;
    assert_int_equal(IOCTL(&two->harness, ABI_KFD_GET_PROCESS_APERTURES_NEW, &args), 0);
    assert_int_equal(args.num_of_nodes, 1);
    assert_int_equal(all[1].gpu_id, 0);
}

static void memory_is_where_it_was_mapped(void **state) {
    struct two *two = *state;
    const uint32_t ids[] = {sg_gpu_id(0), sg_gpu_id(1)};
    struct abi_kfd_alloc_memory memory;
    struct sg_vm_range ranges[GPUS];
    uint32_t done;
    assert_int_equal(alloc(two, ids[0], VA, PAGE, VRAM, &memory), 0);
    assert_int_equal(change(two, ABI_KFD_MAP_MEMORY_TO_GPU, memory.handle, ids + 1, 1, &done), 0);
    assert_false(is_mapped(two, 0));
    assert_true(is_mapped(two, 1));
    assert_int_equal(change(two, ABI_KFD_MAP_MEMORY_TO_GPU, memory.handle, ids, GPUS, &done), 0);
    assert_int_equal(done, GPUS);
    for (int i = 0; i < GPUS; i++)
        assert_true(sg_vm_find(two->vms[i], VA, &ranges[i]));
    assert_ptr_equal(ranges[0].host, ranges[1].host);

    assert_int_equal(change(two, ABI_KFD_UNMAP_MEMORY_FROM_GPU, memory.handle, ids, 1, &done), 0);
    assert_false(is_mapped(two, 0));
    assert_true(is_mapped(two, 1));
    assert_int_equal(harness_free(&two->harness, memory.handle), -EBUSY);
    assert_int_equal(change(two, ABI_KFD_UNMAP_MEMORY_FROM_GPU, memory.handle, ids + 1, 1, &done),
                     0);
    assert_int_equal(harness_free(&two->harness, memory.handle), 0);
}

static void mapping_stops_at_an_unknown_gpu(void **state) {
    struct two *two = *state;
    const uint32_t ids[] = {sg_gpu_id(1), sg_gpu_id(2), sg_gpu_id(0)};
    struct abi_kfd_alloc_memory memory;
    uint32_t done;
    assert_int_equal(alloc(two, sg_gpu_id(0), VA, PAGE, VRAM, &memory), 0);
    assert_int_equal(change(two, ABI_KFD_MAP_MEMORY_TO_GPU, memory.handle, ids, 3, &done), -EINVAL);
    assert_int_equal(done, 1);
    assert_true(is_mapped(two, 1));
    assert_false(is_mapped(two, 0));
}

static void each_gpu_has_its_own_vram(void **state) {
    struct two *two = *state;
    struct abi_kfd_alloc_memory memory[3];
    assert_int_equal(alloc(two, sg_gpu_id(1), VA, HARNESS_VRAM, VRAM, &memory[0]), 0);
    assert_int_equal(alloc(two, sg_gpu_id(1), VA, PAGE, VRAM, &memory[1]), -ENOMEM);
    assert_int_equal(alloc(two, sg_gpu_id(0), VA, PAGE, VRAM, &memory[2]), 0);
    for (uint32_t i = 0; i < GPUS; i++) {
        struct abi_kfd_available_memory available = {.gpu_id = sg_gpu_id(i)};
        assert_int_equal(IOCTL(&two->harness, ABI_KFD_AVAILABLE_MEMORY, &available), 0);
        assert_int_equal(available.available, i ? 0 : HARNESS_VRAM - PAGE);
    }
    /* The handle tells whose it is, and so does the render node. */
    assert_int_equal(memory[0].handle >> 32, sg_gpu_id(1));
    assert_int_equal(
        harness_free(&two->harness, (memory[0].handle & UINT32_MAX) | (uint64_t)sg_gpu_id(0) << 32),
        -EINVAL);
    struct sg_gpu *second = sg_kfd_gpu(two->harness.kfd, 1);
    int fd;
    uint64_t offset;
    assert_int_equal(sg_kfd_drm_mmap(second, memory[0].mmap_offset, HARNESS_VRAM, &fd, &offset), 0);
    assert_int_equal(harness_free(&two->harness, memory[0].handle), 0);
    assert_true(sg_kfd_drm_mmap(second, memory[0].mmap_offset, HARNESS_VRAM, &fd, &offset) < 0);
}

static void each_gpu_has_its_own_doorbells(void **state) {
    struct two *two = *state;
    uint64_t offsets[GPUS];
    for (uint32_t i = 0; i < GPUS; i++) {
        const uint64_t where = ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(sg_gpu_id(i));
        assert_int_equal(sg_kfd_mmap(two->harness.kfd, where, SG_KFD_DOORBELL_BYTES, &offsets[i]),
                         0);
    }
    assert_int_equal(offsets[1] - offsets[0], SG_KFD_GPU_BYTES);
    assert_true(sg_kfd_doorbell_page(sg_kfd_gpu(two->harness.kfd, 0)) !=
                sg_kfd_doorbell_page(sg_kfd_gpu(two->harness.kfd, 1)));
    /* A kernel of one may ring the other's: ROCT maps the pages everywhere. */
    const uint32_t ids[] = {sg_gpu_id(0), sg_gpu_id(1)};
    struct abi_kfd_alloc_memory page;
    struct sg_vm_range range;
    uint32_t done;
    assert_int_equal(alloc(two, ids[1], VA, SG_KFD_DOORBELL_BYTES, ABI_KFD_MEM_DOORBELL, &page), 0);
    assert_int_equal(change(two, ABI_KFD_MAP_MEMORY_TO_GPU, page.handle, ids, GPUS, &done), 0);
    assert_true(sg_vm_find(two->vms[0], VA, &range));
    assert_ptr_equal(range.host, sg_kfd_doorbell_page(sg_kfd_gpu(two->harness.kfd, 1)));
    assert_true(range.flags & SG_VM_DOORBELL);
    const uint64_t third = ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(sg_gpu_id(2));
    assert_int_equal(sg_kfd_mmap(two->harness.kfd, third, SG_KFD_DOORBELL_BYTES, &offsets[0]),
                     -EINVAL);
}

static void queues_count_per_gpu_and_are_named_per_process(void **state) {
    struct two *two = *state;
    uint32_t last_id = UINT32_MAX;
    for (uint32_t gpu = 0; gpu < GPUS; gpu++) {
        for (uint32_t i = 0; i <= 16; i++) { /* as many SDMA queues as one GPU has, and another */
            struct abi_kfd_create_queue args = {.ring_base_address = 0x30000000,
                                                .ring_size = 4096,
                                                .write_pointer_address = 0x30010000,
                                                .read_pointer_address = 0x30010040,
                                                .gpu_id = sg_gpu_id(gpu),
                                                .queue_type = ABI_KFD_QUEUE_SDMA,
                                                .queue_percentage = 100,
                                                .queue_priority = 7};
            const int error = IOCTL(&two->harness, ABI_KFD_CREATE_QUEUE, &args);
            assert_int_equal(error, i < 16 ? 0 : -ENOMEM);
            if (error)
                continue;
            assert_int_not_equal(args.queue_id, last_id);
            last_id = args.queue_id;
            assert_int_equal(args.doorbell_offset >> 13 << 13,
                             ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(sg_gpu_id(gpu)));
        }
    }
    assert_int_equal(last_id, 31);
}

static void a_fault_names_its_gpu(void **state) {
    struct two *two = *state;
    const uint32_t id = harness_event(&two->harness, ABI_KFD_EVENT_MEMORY, false);
    const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_UNMAPPED, .va = 0x5000};
    sg_kfd_memory_fault(sg_kfd_gpu(two->harness.kfd, 1), &fault);
    struct abi_kfd_event_data data = {.event_id = id};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
    assert_int_equal(IOCTL(&two->harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    assert_int_equal(data.memory.gpu_id, sg_gpu_id(1));
}

static void shared_pages_are_given_to_each_gpu_apart(void **state) {
    struct two *two = *state;
    void *pages = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    struct {
        struct abi_kfd_svm args;
        struct abi_kfd_svm_attribute attribute;
    } svm = {{.start_addr = (uintptr_t)pages, .size = PAGE, .op = ABI_KFD_SVM_SET_ATTR, .nattr = 1},
             {ABI_KFD_SVM_ACCESS, sg_gpu_id(1)}};
    struct sg_vm_range range;
    assert_int_equal(harness_ioctl(&two->harness, ABI_KFD_SVM, &svm, sizeof svm), 0);
    assert_false(sg_vm_find(two->vms[0], (uintptr_t)pages, &range));
    assert_true(sg_vm_find(two->vms[1], (uintptr_t)pages, &range));
    svm.attribute.value = sg_gpu_id(0);
    assert_int_equal(harness_ioctl(&two->harness, ABI_KFD_SVM, &svm, sizeof svm), 0);
    svm.attribute = (struct abi_kfd_svm_attribute){ABI_KFD_SVM_NO_ACCESS, sg_gpu_id(1)};
    assert_int_equal(harness_ioctl(&two->harness, ABI_KFD_SVM, &svm, sizeof svm), 0);
    assert_true(sg_vm_find(two->vms[0], (uintptr_t)pages, &range));
    assert_false(sg_vm_find(two->vms[1], (uintptr_t)pages, &range));
    munmap(pages, PAGE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_gpu_has_an_aperture),       TEST(memory_is_where_it_was_mapped),
        TEST(mapping_stops_at_an_unknown_gpu), TEST(each_gpu_has_its_own_vram),
        TEST(each_gpu_has_its_own_doorbells),  TEST(queues_count_per_gpu_and_are_named_per_process),
        TEST(a_fault_names_its_gpu),           TEST(shared_pages_are_given_to_each_gpu_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
