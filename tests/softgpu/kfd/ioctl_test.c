/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "abi/drm.h"
#include "softgpu/common/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sizes that callers of other ages pass for one struct. */
static void any_size_of_struct_is_taken(void **state) {
    struct harness *harness = *state;
    struct {
        struct abi_kfd_create_queue args;
        uint8_t more[64];
    } call;
    static const size_t sizes[] = {88, 96, 160};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(&call, 0xaa, sizeof call);
        call.args = (struct abi_kfd_create_queue){.gpu_id = SG_GPU_ID,
                                                  .queue_type = ABI_KFD_QUEUE_COMPUTE_AQL,
                                                  .read_pointer_address = 0x100000,
                                                  .write_pointer_address = 0x100000,
                                                  .sdma_engine_id = 0xaaaaaaaa,
                                                  .pad = 0xaaaaaaaa,
                                                  .queue_id = 77};
        assert_int_equal(harness_ioctl(harness, ABI_KFD_CREATE_QUEUE, &call, sizes[i]), 0);
        assert_int_equal(call.args.queue_id, i);
        assert_int_equal(call.args.pad, 0xaaaaaaaa); /* not written beyond what was given */
        assert_int_equal(call.more[0], 0xaa);
    }
    /* Fields that a short struct lacks are 0: the two policies here, of which 2 is invalid. */
    struct abi_kfd_set_memory_policy policy = {
        .gpu_id = SG_GPU_ID, .default_policy = 2, .alternate_policy = 2};
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_MEMORY_POLICY, &policy), -EINVAL);
    for (int i = 0; i < 2; i++) {
        const size_t bytes = offsetof(struct abi_kfd_set_memory_policy, default_policy);
        assert_int_equal(harness_ioctl(harness, ABI_KFD_SET_MEMORY_POLICY, &policy, bytes), 0);
    }
}

static void unknown_numbers_are_invalid(void **state) {
    struct harness *harness = *state;
    static const uint32_t numbers[] = {0x00, 0x27, 0x50, 0x7f, 0x83, 0xff};
    uint8_t args[64] = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_int_equal(harness_ioctl(harness, numbers[i], args, sizeof args), -EINVAL);
}

static void bad_pointers_are_faults(void **state) {
    struct harness *harness = *state;
    assert_int_equal(harness_ioctl(harness, ABI_KFD_GET_VERSION, NULL, 8), -EFAULT);
    assert_int_equal(harness_ioctl(harness, ABI_KFD_SVM, (void *)16, 24), -EFAULT);
    assert_int_equal(harness_ioctl(harness, ABI_KFD_GET_VERSION, (void *)(1ull << 62), 8), -EFAULT);
}

/* Rows of calls that fail before they look at anything but their number and GPU. */
static void refusals_are_those_of_amdkfd(void **state) {
    static const struct {
        uint32_t nr;
        int error;
    } rows[] = {
        {ABI_KFD_SET_MEMORY_POLICY, -EINVAL}, {ABI_KFD_DBG_REGISTER, -EPERM},
        {ABI_KFD_DBG_UNREGISTER, -EPERM},     {ABI_KFD_DBG_ADDRESS_WATCH, -EPERM},
        {ABI_KFD_DBG_WAVE_CONTROL, -EPERM},   {ABI_KFD_SET_SCRATCH_BACKING_VA, -EINVAL},
        {ABI_KFD_GET_TILE_CONFIG, -EINVAL},   {ABI_KFD_SET_TRAP_HANDLER, -EINVAL},
        {ABI_KFD_ACQUIRE_VM, -EINVAL},        {ABI_KFD_GET_DMABUF_INFO, -EINVAL},
        {ABI_KFD_IMPORT_DMABUF, -EINVAL},     {ABI_KFD_SMI_EVENTS, -EINVAL},
        {ABI_KFD_CRIU_OP, -EACCES},           {ABI_KFD_AVAILABLE_MEMORY, -EINVAL},
        {ABI_KFD_EXPORT_DMABUF, -EINVAL},     {ABI_KFD_RUNTIME_ENABLE, -EINVAL},
        {ABI_KFD_DBG_TRAP, -ESRCH},           {ABI_KFD_DBG_TRAP_OLD, -EINVAL},
        {ABI_KFD_IPC_EXPORT_HANDLE, -EINVAL}, {ABI_KFD_IPC_IMPORT_HANDLE, -EINVAL},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t zeros[64] = {0};
        const int error = harness_ioctl(harness, rows[i].nr, zeros, sizeof zeros);
        if (error != rows[i].error)
            fail_msg("ioctl %#x: %d", rows[i].nr, error);
    }
}

static void nobody_is_debugged(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_dbg_trap own = {.pid = (uint32_t)getpid(), .op = 1};
    struct abi_kfd_dbg_trap other = {.pid = 1};
    struct abi_kfd_dbg_trap none = {.pid = INT32_MAX};
    assert_int_equal(IOCTL(harness, ABI_KFD_DBG_TRAP, &own), -EINVAL);
    assert_int_equal(IOCTL(harness, ABI_KFD_DBG_TRAP, &other), -EPERM);
    assert_int_equal(IOCTL(harness, ABI_KFD_DBG_TRAP, &none), -ESRCH);
}

static void the_process_calls_answer(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_get_version version = {0};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_VERSION, &version), 0);
    assert_int_equal(version.major_version, 1);
    assert_int_equal(version.minor_version, 14);

    struct abi_kfd_get_process_apertures_new count = {0};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_PROCESS_APERTURES_NEW, &count), 0);
    assert_int_equal(count.num_of_nodes, 1);
    struct abi_kfd_device_apertures entry[2] = {0};
    count.kfd_process_device_apertures_ptr = (uintptr_t)entry;
    count.num_of_nodes = 2;
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_PROCESS_APERTURES_NEW, &count), 0);
    assert_int_equal(count.num_of_nodes, 1);
    assert_int_equal(entry[0].gpu_id, SG_GPU_ID);
    assert_int_equal(entry[0].gpuvm_limit, 0x7fffffffffff);
    struct abi_kfd_get_process_apertures old = {0};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_PROCESS_APERTURES, &old), 0);
    assert_memory_equal(&old.process_apertures[0], &entry[0], sizeof entry[0]);

    struct abi_kfd_acquire_vm vm = {.drm_fd = (uint32_t)harness->bo_fd, .gpu_id = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_ACQUIRE_VM, &vm), 0);
    vm.drm_fd = (uint32_t)harness->page_fd;
    assert_int_equal(IOCTL(harness, ABI_KFD_ACQUIRE_VM, &vm), -EINVAL);
    struct abi_kfd_set_memory_policy policy = {.gpu_id = SG_GPU_ID, .default_policy = 2};
    assert_int_equal(IOCTL(harness, ABI_KFD_SET_MEMORY_POLICY, &policy), -EINVAL);
}

static void tile_modes_are_tables_of_zeros(void **state) {
    struct harness *harness = *state;
    uint32_t modes[40], macro_modes[4];
    memset(modes, 0xff, sizeof modes);
    memset(macro_modes, 0xff, sizeof macro_modes);
    struct abi_kfd_get_tile_config config = {.gpu_id = SG_GPU_ID,
                                             .tile_config_ptr = (uintptr_t)modes,
                                             .num_tile_configs = 40,
                                             .macro_tile_config_ptr = (uintptr_t)macro_modes,
                                             .num_macro_tile_configs = 3};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_TILE_CONFIG, &config), 0);
    assert_int_equal(config.num_tile_configs, 32);
    assert_int_equal(config.num_macro_tile_configs, 3);
    assert_int_equal(modes[0] | modes[31] | macro_modes[2], 0);
    assert_int_equal(modes[32] & macro_modes[3], UINT32_MAX);
    config.tile_config_ptr = 0;
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_TILE_CONFIG, &config), -EFAULT);
}

static void the_clocks_agree(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_get_clock_counters clocks = {.gpu_id = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_CLOCK_COUNTERS, &clocks), 0);
    assert_int_equal(clocks.system_clock_freq, 1000000000);
    const int64_t gap = (int64_t)(clocks.system_clock_counter - clocks.gpu_clock_counter * 10);
    assert_true(gap >= 0 && gap < 1000000000); /* 100 MHz from the same origin */
    clocks.gpu_id = 0;
    assert_int_equal(IOCTL(harness, ABI_KFD_GET_CLOCK_COUNTERS, &clocks), 0);
    assert_int_equal(clocks.gpu_clock_counter, 0);
}

/* Runs an ioctl with the trace on and returns its line, without the newline. */
static void traced(struct harness *harness, uint32_t nr, size_t bytes, char line[512]) {
    int pipe_fds[2];
    uint8_t args[512] = {0};
    assert_int_equal(pipe(pipe_fds), 0);
    const int saved = dup(STDERR_FILENO);
    dup2(pipe_fds[1], STDERR_FILENO);
    sg_trace_mask = SG_TRACE_IOCTL;
    harness_ioctl(harness, nr, args, bytes);
    sg_trace_mask = 0;
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    const ssize_t length = read(pipe_fds[0], line, 511);
    close(pipe_fds[0]);
    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

static void each_call_is_traced_by_name_with_its_result(void **state) {
    static const struct {
        uint32_t nr;
        size_t bytes;
        const char *name;
    } rows[] = {
#define SG_IOCTL(nr, name, type, handler, ...) {nr, sizeof(struct type), #name},
#include "softgpu/kfd/ioctl.def"
#undef SG_IOCTL
        {ABI_KFD_SVM, sizeof(struct abi_kfd_svm), "SVM"},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[512];
        char begin[64];
        snprintf(begin, sizeof begin, "softgpu: ioctl %s ", rows[i].name);
        traced(harness, rows[i].nr, rows[i].bytes, line);
        const char *result = strrchr(line, '=');
        if (strncmp(line, begin, strlen(begin)) || !result || result[1] != ' ')
            fail_msg("%s: \"%s\"", rows[i].name, line);
    }
}

static void the_trace_shows_arguments_and_answers(void **state) {
    struct harness *harness = *state;
    char line[512];
    traced(harness, ABI_KFD_GET_VERSION, sizeof(struct abi_kfd_get_version), line);
    assert_string_equal(line, "softgpu: ioctl GET_VERSION version=1.14 = 0");
    traced(harness, ABI_KFD_CREATE_EVENT, sizeof(struct abi_kfd_create_event), line);
    assert_string_equal(
        line, "softgpu: ioctl CREATE_EVENT type=0 auto_reset=0 node=0 -> event=0x1 slot=1 = 0");
    traced(harness, 0x50, 8, line);
    assert_string_equal(line, "softgpu: ioctl 0x50 (unknown) = -22");
}

static int drm_info(struct harness *harness, uint32_t query, void *out, uint32_t bytes) {
    struct abi_amdgpu_info args = {
        .query = query, .return_pointer = (uintptr_t)out, .return_size = bytes};
    return sg_kfd_drm_ioctl(sg_kfd_gpu(harness->kfd, 0),
                            _IOC(_IOC_WRITE, 'd', ABI_DRM_AMDGPU_INFO, sizeof args), &args);
}

static void the_render_node_answers_libdrm(void **state) {
    struct harness *harness = *state;
    uint32_t working = 0;
    assert_int_equal(drm_info(harness, ABI_AMDGPU_INFO_ACCEL_WORKING, &working, 4), 0);
    assert_int_equal(working, 1);
    struct abi_amdgpu_dev_info info;
    assert_int_equal(drm_info(harness, ABI_AMDGPU_INFO_DEV_INFO, &info, sizeof info), 0);
    assert_int_equal(info.device_id, 0x740f);
    assert_int_equal(info.pci_rev, 2);
    uint32_t units = 0;
    for (int i = 0; i < 16; i++)
        units += (uint32_t)__builtin_popcount(info.cu_bitmap[i % 4][i / 4]);
    assert_int_equal(units, info.cu_active_number);
    struct abi_amdgpu_memory memory;
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, 0x10000000, PAGE, ABI_KFD_MEM_VRAM, &args), 0);
    assert_int_equal(drm_info(harness, ABI_AMDGPU_INFO_MEMORY, &memory, sizeof memory), 0);
    assert_int_equal(memory.vram.total_heap_size, HARNESS_VRAM);
    assert_int_equal(memory.vram.heap_usage, PAGE);
    assert_int_equal(drm_info(harness, 0x999, &working, 4), -EINVAL);
    assert_int_equal(drm_info(harness, ABI_AMDGPU_INFO_ACCEL_WORKING, NULL, 4), -EINVAL);
    assert_int_equal(drm_info(harness, ABI_AMDGPU_INFO_ACCEL_WORKING, (void *)8, 4), -EFAULT);

    char name[8] = "";
    struct abi_drm_version version = {.name_len = 3, .name = (uintptr_t)name};
    assert_int_equal(sg_kfd_drm_ioctl(sg_kfd_gpu(harness->kfd, 0),
                                      _IOC(_IOC_READ | _IOC_WRITE, 'd', 0, sizeof version),
                                      &version),
                     0);
    assert_string_equal(name, "amd");
    assert_int_equal(version.name_len, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(any_size_of_struct_is_taken),
        TEST(unknown_numbers_are_invalid),
        TEST(bad_pointers_are_faults),
        TEST(refusals_are_those_of_amdkfd),
        TEST(nobody_is_debugged),
        TEST(the_process_calls_answer),
        TEST(tile_modes_are_tables_of_zeros),
        TEST(the_clocks_agree),
        TEST(each_call_is_traced_by_name_with_its_result),
        TEST(the_trace_shows_arguments_and_answers),
        TEST(the_render_node_answers_libdrm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
