/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

enum { RING = 0x30000000, POINTERS = 0x30010000, KERNEL_ENOTSUPP = 524 };

static struct abi_kfd_create_queue arguments(uint32_t type) {
    return (struct abi_kfd_create_queue){
        .ring_base_address = RING,
        .ring_size = 4096,
        .write_pointer_address = POINTERS,
        .read_pointer_address = POINTERS + 64,
        .gpu_id = SG_GPU_ID,
        .queue_type = type,
        .queue_percentage = 100,
        .queue_priority = 7,
    };
}

static int create(struct harness *harness, uint32_t type, uint32_t *out_id) {
    struct abi_kfd_create_queue args = arguments(type);
    const int error = IOCTL(harness, ABI_KFD_CREATE_QUEUE, &args);
    *out_id = args.queue_id;
    return error;
}

static int destroy(struct harness *harness, uint32_t id) {
    struct abi_kfd_destroy_queue args = {.queue_id = id};
    return IOCTL(harness, ABI_KFD_DESTROY_QUEUE, &args);
}

static void creation_errors_are_those_of_amdkfd(void **state) {
    static const struct {
        size_t offset; /* of the uint32_t or uint64_t changed */
        size_t bytes;
        uint64_t value;
        int error;
    } rows[] = {
#define ROW(member, value, error)                                                                  \
    {offsetof(struct abi_kfd_create_queue, member),                                                \
     sizeof(((struct abi_kfd_create_queue *)0)->member), value, error}
        ROW(queue_percentage, 101, -EINVAL),
        ROW(queue_priority, 16, -EINVAL),
        ROW(ring_size, 4097, -EINVAL),
        ROW(ring_base_address, 16, -EFAULT),
        ROW(ring_base_address, 1ull << 60, -EFAULT),
        ROW(read_pointer_address, 0, -EFAULT),
        ROW(write_pointer_address, 0, -EFAULT),
        ROW(eop_buffer_address, 16, -EFAULT),
        ROW(ctx_save_restore_address, 16, -EFAULT),
        ROW(queue_type, 4, -KERNEL_ENOTSUPP),
        ROW(queue_type, ABI_KFD_QUEUE_SDMA_XGMI, -ENOMEM),
        ROW(gpu_id, 1, -EINVAL),
        ROW(queue_percentage, 0, 0),
        ROW(ring_base_address, 0, 0),
#undef ROW
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct abi_kfd_create_queue args = arguments(ABI_KFD_QUEUE_COMPUTE_AQL);
        uint8_t *member = (uint8_t *)&args + rows[i].offset;
        for (size_t byte = 0; byte < rows[i].bytes; byte++)
            member[byte] = (uint8_t)(rows[i].value >> 8 * byte);
        const int error = IOCTL(harness, ABI_KFD_CREATE_QUEUE, &args);
        if (error != rows[i].error)
            fail_msg("row %zu: %d", i, error);
    }
}

static void the_packet_processor_gets_what_was_asked(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_create_queue args = arguments(ABI_KFD_QUEUE_SDMA);
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_QUEUE, &args), 0);
    assert_int_equal(fake_cp.last_config.type, SG_CP_QUEUE_SDMA);
    assert_int_equal(fake_cp.last_config.ring_va, RING);
    assert_int_equal(fake_cp.last_config.ring_bytes, 4096);
    assert_int_equal(fake_cp.last_config.write_ptr_va, POINTERS);
    assert_int_equal(fake_cp.last_config.read_ptr_va, POINTERS + 64);
    assert_int_equal(fake_cp.last_config.priority, 7);
    assert_int_equal(fake_cp.last_config.percentage, 100);
    assert_int_equal(args.doorbell_offset,
                     (ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(SG_GPU_ID)) +
                         fake_cp.last_config.doorbell_index * 8);
}

static void each_queue_has_a_doorbell_of_its_own(void **state) {
    struct harness *harness = *state;
    bool seen[SG_CP_MAX_QUEUES] = {false};
    uint32_t id;
    for (int i = 0; i < SG_CP_MAX_QUEUES; i++) {
        assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
        const uint32_t index = fake_cp.last_config.doorbell_index;
        assert_true(index < SG_CP_MAX_QUEUES);
        assert_false(seen[index]);
        seen[index] = true;
    }
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), -ENOMEM);
    assert_int_equal(destroy(harness, 500), 0);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
    assert_int_equal(id, 500);
}

static void sdma_queues_are_sixteen(void **state) {
    struct harness *harness = *state;
    uint32_t id;
    for (int i = 0; i < 16; i++)
        assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), 0);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), -ENOMEM);
    assert_int_equal(destroy(harness, 3), 0);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), 0);
}

static void unknown_queues_are_refused_as_in_amdkfd(void **state) {
    struct harness *harness = *state;
    uint32_t mask = 1;
    struct abi_kfd_update_queue update = {.queue_id = 9, .queue_percentage = 100};
    struct abi_kfd_set_cu_mask set_mask = {
        .queue_id = 9, .num_cu_mask = 32, .cu_mask_ptr = (uintptr_t)&mask};
    struct abi_kfd_get_queue_wave_state wave_state = {.queue_id = 9};
    struct abi_kfd_alloc_queue_gws gws = {.queue_id = 9, .num_gws = 1};
    assert_int_equal(destroy(harness, 9), -EINVAL);
    assert_int_equal(destroy(harness, UINT32_MAX), -EINVAL);
    assert_int_equal(IOCTL(harness, ABI_KFD_UPDATE_QUEUE, &update), -EFAULT);
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_CU_MASK, &set_mask), -EFAULT);
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_QUEUE_WAVE_STATE, &wave_state), -EFAULT);
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_QUEUE_GWS, &gws), -EINVAL);
}

static void a_failed_creation_leaves_nothing(void **state) {
    struct harness *harness = *state;
    uint32_t id;
    fake_cp.create_error = -EFAULT;
    assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), -EFAULT);
    fake_cp.create_error = 0;
    for (int i = 0; i < 16; i++)
        assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), 0);
    assert_int_equal(id, 15);
}

static void updating_suspends_and_lets_waves_be_saved(void **state) {
    struct harness *harness = *state;
    uint32_t id;
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
    struct abi_kfd_get_queue_wave_state waves = {.queue_id = id, .ctl_stack_used_size = 5};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_QUEUE_WAVE_STATE, &waves), -EINVAL);
    struct abi_kfd_update_queue update = {
        .queue_id = id, .ring_base_address = RING, .ring_size = 8192, .queue_priority = 15};
    assert_int_equal(IOCTL(harness, ABI_KFD_UPDATE_QUEUE, &update), 0);
    assert_int_equal(fake_cp.last_percentage, 0);
    assert_int_equal(fake_cp.last_config.ring_bytes, 8192);
    assert_int_equal(fake_cp.last_config.priority, 15);
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_QUEUE_WAVE_STATE, &waves), 0);
    assert_int_equal(waves.ctl_stack_used_size, 0);
    update.queue_percentage = 101;
    assert_int_equal(IOCTL(harness, ABI_KFD_UPDATE_QUEUE, &update), -EINVAL);
    assert_int_equal(fake_cp.updates, 1);
}

static void masks_come_in_words_and_are_copied(void **state) {
    struct harness *harness = *state;
    uint32_t id;
    uint32_t mask[4] = {1, 2, 3, 4};
    struct abi_kfd_set_cu_mask args = {.cu_mask_ptr = (uintptr_t)mask};
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
    args.queue_id = id;
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_CU_MASK, &args), -EINVAL);
    args.num_cu_mask = 33;
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_CU_MASK, &args), -EINVAL);
    args.num_cu_mask = 128;
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_CU_MASK, &args), 0);
    assert_int_equal(fake_cp.last_mask_bits, 128);
    assert_memory_equal(fake_cp.last_mask, mask, sizeof mask);
    args.cu_mask_ptr = 8;
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_CU_MASK, &args), -EFAULT);
}

static void one_queue_has_global_wave_sync(void **state) {
    struct harness *harness = *state;
    uint32_t first;
    uint32_t second;
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &first), 0);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &second), 0);
    struct abi_kfd_alloc_queue_gws args = {.queue_id = first, .num_gws = 64, .first_gws = 9};
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_QUEUE_GWS, &args), 0);
    assert_int_equal(args.first_gws, 0);
    args.queue_id = second;
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_QUEUE_GWS, &args), -EBUSY);
    assert_int_equal(destroy(harness, first), 0);
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_QUEUE_GWS, &args), 0);
}

static void xnack_changes_while_there_is_no_queue(void **state) {
    static const struct {
        int32_t asked;
        bool with_queue;
        int error;
        int32_t mode;
    } rows[] = {{-1, false, 0, 0},    {1, false, 0, 1},     {-1, false, 0, 1}, {-1, true, 0, 1},
                {0, true, -EBUSY, 0}, {1, true, -EBUSY, 1}, {0, false, 0, 0},  {-1, true, 0, 0}};
    struct harness *harness = *state;
    static int page;
    struct sg_vm_range range;
    uint32_t id;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].with_queue)
            assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
        struct abi_kfd_set_xnack_mode args = {.xnack_enabled = rows[i].asked};
        assert_int_equal(IOCTL(harness, ABI_KFD_SET_XNACK_MODE, &args), rows[i].error);
        assert_int_equal(args.xnack_enabled, rows[i].mode);
        if (!rows[i].error)
            assert_int_equal(sg_vm_find(harness->vm, (uintptr_t)&page, &range), rows[i].mode);
        if (rows[i].with_queue)
            destroy(harness, id);
    }
}

struct destroyer {
    struct harness *harness;
    uint32_t id;
};

static void *destroy_one(void *argument) {
    struct destroyer *destroyer = argument;
    destroy(destroyer->harness, destroyer->id);
    return NULL;
}

/* A kernel that must be stopped may itself wait for memory or an event from the host. */
static void destroying_keeps_memory_and_events_going(void **state) {
    struct harness *harness = *state;
    struct destroyer destroyer = {.harness = harness};
    struct abi_kfd_alloc_memory args;
    pthread_t thread;
    const uint32_t event = harness_event(harness, ABI_KFD_EVENT_SIGNAL, true);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &destroyer.id), 0);
    atomic_store(&fake_cp.hold_destroy, true);
    assert_int_equal(pthread_create(&thread, NULL, destroy_one, &destroyer), 0);
    while (!atomic_load(&fake_cp.in_destroy))
        sched_yield();
    assert_int_equal(harness_alloc(harness, 0x1000000, PAGE, ABI_KFD_MEM_VRAM, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    assert_int_equal(harness_unmap(harness, args.handle), 0);
    struct abi_kfd_event_id set = {.event_id = event};
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_EVENT, &set), 0);
    assert_int_equal(fake_cp.destroys, 0);
    atomic_store(&fake_cp.hold_destroy, false);
    pthread_join(thread, NULL);
    assert_int_equal(fake_cp.destroys, 1);
}

static void closing_the_device_destroys_what_is_left(void **state) {
    struct harness *harness = *state;
    uint32_t id;
    assert_int_equal(create(harness, ABI_KFD_QUEUE_COMPUTE_AQL, &id), 0);
    assert_int_equal(create(harness, ABI_KFD_QUEUE_SDMA, &id), 0);
    harness_teardown(state);
    assert_int_equal(fake_cp.destroys, 2);
    harness_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(creation_errors_are_those_of_amdkfd),
        TEST(the_packet_processor_gets_what_was_asked),
        TEST(each_queue_has_a_doorbell_of_its_own),
        TEST(sdma_queues_are_sixteen),
        TEST(unknown_queues_are_refused_as_in_amdkfd),
        TEST(a_failed_creation_leaves_nothing),
        TEST(updating_suspends_and_lets_waves_be_saved),
        TEST(masks_come_in_words_and_are_copied),
        TEST(one_queue_has_global_wave_sync),
        TEST(xnack_changes_while_there_is_no_queue),
        TEST(destroying_keeps_memory_and_events_going),
        TEST(closing_the_device_destroys_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
