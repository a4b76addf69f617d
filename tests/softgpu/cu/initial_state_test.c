/* SPDX-License-Identifier: MIT */
/* The registers of a wave before its first instruction, against AMDGPUUsage, "Initial Kernel
 * Execution State". */
#include "abi/kernel_descriptor.h"
#include "softgpu/cu/launch.h"
#include "softgpu/cu/workgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CODE_VA UINT64_C(0x7f0000100000)

struct fixture {
    struct sg_vm *vm;
    struct abi_kernel_descriptor *descriptor;
    struct sg_dispatch_config config;
    struct sg_launch *launch;
    struct sg_workgroup *group;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    uint8_t *code = aligned_alloc(4096, 4096);
    f->vm = sg_vm_create();
    f->launch = aligned_alloc(64, sizeof *f->launch);
    f->group = aligned_alloc(64, 1 << 20);
    if (!code || !f->vm || !f->launch || !f->group) {
        return -1;
    }
    memset(code, 0, 4096);
    f->descriptor = (struct abi_kernel_descriptor *)code;
    f->descriptor->kernel_code_entry_byte_offset = 256;
    memset(f->launch, 0, sizeof *f->launch);
    f->launch->env.vm = f->vm;
    sg_workgroup_init(f->group, 1 << 20);
    f->config = (struct sg_dispatch_config){
        .kernel_object = CODE_VA,
        .packet_va = 0x1111222233334444,
        .queue_va = 0x5555666677778888,
        .kernarg_va = 0x9999aaaabbbbcccc,
        .dispatch_id = 0x0123456789abcdef,
        .grid_size = {64, 1, 1},
        .workgroup_size = {64, 1, 1},
        .private_bytes = 13,
        .scratch_va = 0xddddeeee0000ffff,
        .scratch_bytes = 1 << 20,
        .scratch_descriptor = {0xd0, 0xd1, 0xd2, 0xd3},
    };
    const struct sg_vm_range range = {
        .va = CODE_VA, .bytes = 4096, .host = code, .flags = SG_VM_READ | SG_VM_EXEC};
    *state = f;
    return sg_vm_map(f->vm, &range);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    sg_vm_destroy(f->vm);
    free(f->descriptor);
    free(f->launch);
    free(f->group);
    free(f);
    return 0;
}

static enum sg_dispatch_check prepare(struct fixture *f) {
    return sg_launch_prepare(f->launch, &f->config, 104);
}

static const struct sg_wave *begin(struct fixture *f, uint64_t index) {
    assert_int_equal(prepare(f), SG_DISPATCH_OK);
    assert_true(sg_workgroup_bytes(f->launch) <= f->group->storage_bytes);
    sg_workgroup_begin(f->group, f->launch, index, 0, 0);
    return f->group->waves;
}

static uint64_t pair(const struct sg_wave *wave, uint32_t at) {
    return wave->s[at] | (uint64_t)wave->s[at + 1] << 32;
}

static uint32_t rsrc2(uint32_t user_sgprs, uint32_t more) {
    return user_sgprs << 1 | more;
}
enum { SCRATCH = 1, ID_X = 1 << 7, ID_Y = 1 << 8, ID_Z = 1 << 9, INFO = 1 << 10 };

static void all_user_sgprs_come_in_order(void **state) {
    struct fixture *f = *state;
    f->descriptor->kernel_code_properties = 0x7f;
    f->descriptor->compute_pgm_rsrc2 = rsrc2(15, ID_X | ID_Y | ID_Z | INFO | SCRATCH);
    f->config.grid_size[1] = 8;
    f->config.workgroup_size[1] = 2; /* two waves */
    f->config.grid_size[2] = 3;
    f->config.tmpring_size = 64 | 2 << 12; /* 64 waves of 2 KiB */
    assert_int_equal(prepare(f), SG_DISPATCH_OK);
    sg_workgroup_begin(f->group, f->launch, 4 * 2 + 3, 0, 5);
    for (uint32_t i = 0; i < 2; i++) {
        const struct sg_wave *wave = &f->group->waves[i];
        for (uint32_t word = 0; word < 4; word++) {
            assert_int_equal(wave->s[word], 0xd0 + word);
        }
        assert_int_equal(pair(wave, 4), f->config.packet_va);
        assert_int_equal(pair(wave, 6), f->config.queue_va);
        assert_int_equal(pair(wave, 8), f->config.kernarg_va);
        assert_int_equal(pair(wave, 10), f->config.dispatch_id);
        assert_int_equal(pair(wave, 12), f->config.scratch_va);
        assert_int_equal(wave->s[14], 16); /* 13 bytes, rounded up to a dword */
        assert_int_equal(wave->s[15], 0);  /* work-group ids: 11 = 3 in y, 2 in z */
        assert_int_equal(wave->s[16], 3);
        assert_int_equal(wave->s[17], 2);
        assert_int_equal(wave->s[18], i == 0 ? 0x80000002 : 2);
        assert_int_equal(wave->s[19], (5 * 2 + i) * 2048);
    }
}

static void disabled_sgprs_take_no_register(void **state) {
    struct fixture *f = *state;
    f->descriptor->kernel_code_properties =
        ABI_KERNEL_DISPATCH_PTR | ABI_KERNEL_KERNARG_SEGMENT_PTR | ABI_KERNEL_PRIVATE_SEGMENT_SIZE;
    f->descriptor->compute_pgm_rsrc2 = rsrc2(5, ID_Z);
    f->config.grid_size[2] = 9;
    const struct sg_wave *wave = begin(f, 7);
    assert_int_equal(pair(wave, 0), f->config.packet_va);
    assert_int_equal(pair(wave, 2), f->config.kernarg_va);
    assert_int_equal(wave->s[4], 16);
    assert_int_equal(wave->s[5], 7);
    assert_int_equal(wave->s[6], 0);
}

static void system_sgprs_follow_the_user_count(void **state) {
    struct fixture *f = *state;
    f->descriptor->kernel_code_properties = ABI_KERNEL_KERNARG_SEGMENT_PTR;
    f->descriptor->compute_pgm_rsrc2 = rsrc2(6, ID_X); /* more than are enabled */
    f->config.grid_size[0] = 1024;
    const struct sg_wave *wave = begin(f, 9);
    assert_int_equal(pair(wave, 0), f->config.kernarg_va);
    assert_int_equal(wave->s[2], 0);
    assert_int_equal(wave->s[6], 9);
}

static void work_item_ids_are_packed(void **state) {
    struct fixture *f = *state;
    static const uint32_t size[3] = {5, 7, 11};
    for (int dim = 0; dim < 3; dim++) {
        f->config.workgroup_size[dim] = (uint16_t)size[dim];
        f->config.grid_size[dim] = size[dim];
    }
    for (uint32_t dims = 1; dims <= 3; dims++) {
        f->descriptor->compute_pgm_rsrc2 = (dims - 1) << 11;
        begin(f, 0);
        assert_int_equal(f->group->wave_count, 7); /* 385 work-items */
        for (uint32_t item = 0; item < 5 * 7 * 11; item++) {
            uint32_t wanted = item % 5;
            wanted |= dims > 1 ? item / 5 % 7 << 10 : 0;
            wanted |= dims > 2 ? item / 35 << 20 : 0;
            assert_int_equal(f->group->waves[item / 64].v[0][item % 64], wanted);
        }
        assert_int_equal(sg_wave_exec(&f->group->waves[5]), UINT64_MAX);
        assert_int_equal(sg_wave_exec(&f->group->waves[6]), 1);
    }
}

static void cut_off_groups_are_as_small_as_the_grid_leaves_them(void **state) {
    struct fixture *f = *state;
    f->descriptor->compute_pgm_rsrc2 = 2 << 11;
    f->config.workgroup_size[0] = 16;
    f->config.workgroup_size[1] = 16;
    f->config.grid_size[0] = 16 + 3;
    f->config.grid_size[1] = 16 + 5;
    begin(f, 0);
    assert_int_equal(f->launch->group_total, 4);
    assert_int_equal(f->group->wave_count, 4);
    begin(f, 1); /* 3 x 16 */
    assert_int_equal(f->group->wave_count, 1);
    assert_int_equal(sg_wave_exec(f->group->waves), (UINT64_C(1) << 48) - 1);
    assert_int_equal(f->group->waves[0].v[0][3], 1 << 10);
    assert_int_equal(f->group->waves[0].v[0][47], 2 | 15 << 10);
    begin(f, 2); /* 16 x 5 */
    assert_int_equal(f->group->wave_count, 2);
    assert_int_equal(sg_wave_exec(&f->group->waves[1]), 0xffff);
    assert_int_equal(f->group->waves[1].v[0][15], 15 | 4 << 10);
    begin(f, 3); /* 3 x 5 */
    assert_int_equal(f->group->wave_count, 1);
    assert_int_equal(sg_wave_exec(f->group->waves), 0x7fff);
    assert_int_equal(f->group->waves[0].workgroup_waves, 1);
}

static void grid_smaller_than_the_group_needs_few_waves(void **state) {
    struct fixture *f = *state;
    f->config.workgroup_size[0] = 1024;
    f->config.grid_size[0] = 65;
    begin(f, 0);
    assert_int_equal(f->launch->wave_count, 2);
    assert_int_equal(sg_wave_exec(&f->group->waves[1]), 1);
}

static void mode_comes_from_the_descriptor(void **state) {
    struct fixture *f = *state;
    f->descriptor->compute_pgm_rsrc1 = 0xc5u << 12;
    assert_int_equal(begin(f, 0)->mode, 0xc5);
    f->descriptor->compute_pgm_rsrc1 = 1u << 21;
    assert_int_equal(begin(f, 0)->mode, 1 << 8);
    f->descriptor->compute_pgm_rsrc1 = 1u << 23;
    assert_int_equal(begin(f, 0)->mode, 1 << 9);
    f->descriptor->compute_pgm_rsrc1 = 1u << 26;
    assert_int_equal(begin(f, 0)->mode, 1 << 23);
}

static void register_files_have_the_descriptors_size(void **state) {
    struct fixture *f = *state;
    f->descriptor->compute_pgm_rsrc1 = 11 | 6 << 6;
    f->descriptor->compute_pgm_rsrc3 = 15;
    f->config.workgroup_size[0] = 128;
    f->config.grid_size[0] = 128;
    const struct sg_wave *wave = begin(f, 0);
    assert_int_equal(f->launch->kernel.vgpr_count, 96);
    assert_int_equal(f->launch->kernel.sgpr_count, 64);
    assert_int_equal(wave->acc_offset, 64);
    assert_int_equal(wave->v_rows, 96);
    assert_true((uint8_t *)wave[1].v >= (uint8_t *)(wave[0].v + 96)); /* not shared */
    assert_true((uint8_t *)(wave[1].v + SG_WAVE_ROWS) <= (uint8_t *)f->group + (1 << 20));
    assert_int_equal((uintptr_t)wave[1].v % 64, 0);
}

static void lds_is_zero_and_rounded_up(void **state) {
    struct fixture *f = *state;
    f->config.group_bytes = 1000;
    const struct sg_wave *wave = begin(f, 0);
    assert_int_equal(wave->lds_bytes, 1024);
    memset(wave->lds, 0xee, 1024);
    wave = begin(f, 0);
    for (uint32_t i = 0; i < 1024; i++) {
        assert_int_equal(wave->lds[i], 0);
    }
}

static void reused_storage_keeps_nothing(void **state) {
    struct fixture *f = *state;
    f->config.workgroup_size[0] = 1024;
    f->config.grid_size[0] = 1024;
    begin(f, 0);
    struct sg_wave *first = f->group->waves;
    for (uint32_t i = 0; i < 16; i++) {
        memset(first[i].s, 0xff, 128 * sizeof(uint32_t));
        first[i].state = SG_WAVE_FAULTED;
        first[i].fault.cause = SG_FAULT_TRAP;
        first[i].trapsts = 1;
    }
    f->config.workgroup_size[0] = 64; /* other waves' places become registers */
    f->config.grid_size[0] = 64;
    const struct sg_wave *wave = begin(f, 0);
    memset(wave->v, 0xff, 16 * 256);
    f->config.workgroup_size[0] = 1024;
    f->config.grid_size[0] = 1024;
    wave = begin(f, 0);
    for (uint32_t i = 0; i < 16; i++) {
        for (uint32_t at = 16; at < 124; at++) {
            const bool is_ttmp11 = at == SG_TTMP0 + 11;
            const bool is_ttmp6 = at == SG_TTMP0 + 6;
            assert_int_equal(wave[i].s[at], is_ttmp11 ? i : is_ttmp6 ? 0x1abcdef : 0);
        }
        assert_int_equal(wave[i].s[SG_CONST_0 + 7], 7);
        assert_int_equal(wave[i].state, SG_WAVE_RUNNING);
        assert_int_equal(wave[i].fault.cause, SG_FAULT_NONE);
        assert_int_equal(wave[i].trapsts, 0);
        assert_int_equal(wave[i].pc, CODE_VA + 256);
        assert_ptr_equal(wave[i].tlb.vm, f->vm);
    }
}

static void hw_ids_of_resident_waves_differ_and_obey_the_mask(void **state) {
    struct fixture *f = *state;
    static bool seen[1 << 16];
    const uint32_t mask[] = {0x00000a00}; /* units 9 and 11: engines 1 and 3, unit 1 of each */
    f->config.cu_mask = mask;
    f->config.cu_mask_count = 32;
    f->config.workgroup_size[0] = 192;
    f->config.grid_size[0] = 1 << 20;
    begin(f, 0);
    assert_int_equal(f->launch->resident_limit, 2 * (32 / 3));
    for (uint32_t place = 0; place < f->launch->resident_limit; place++) {
        sg_workgroup_begin(f->group, f->launch, 0, place, 0);
        for (uint32_t i = 0; i < 3; i++) {
            const uint32_t id = f->group->waves[i].hw_id;
            assert_true((id >> 13 & 7) == 1 || (id >> 13 & 7) == 3);
            assert_int_equal(id >> 8 & 0xf, 1);
            assert_true((id & 0xf) < 8);
            assert_false(seen[id & 0xffff]);
            seen[id & 0xffff] = true;
        }
    }
}

static void scratch_limits_what_is_resident(void **state) {
    struct fixture *f = *state;
    f->config.workgroup_size[0] = 128;
    f->config.grid_size[0] = 1 << 20;
    f->config.tmpring_size = 9 | 4 << 12; /* 9 waves of 4 KiB */
    begin(f, 0);
    assert_int_equal(f->launch->resident_limit, 104 * 16); /* not enabled */
    f->descriptor->compute_pgm_rsrc2 = SCRATCH;
    begin(f, 0);
    assert_int_equal(f->launch->resident_limit, 4);
    f->config.scratch_bytes = 5 * 4096; /* less than tmpring_size promises */
    begin(f, 0);
    assert_int_equal(f->launch->resident_limit, 2);
    f->config.scratch_bytes = 4096;
    assert_int_equal(prepare(f), SG_DISPATCH_WORKGROUP_SIZE);
}

static void what_does_not_fit_is_refused(void **state) {
    struct fixture *f = *state;
    f->config.group_bytes = 65537;
    assert_int_equal(prepare(f), SG_DISPATCH_GROUP_MEMORY);
    f->config.group_bytes = 65536;
    assert_int_equal(prepare(f), SG_DISPATCH_OK);

    f->config.workgroup_size[0] = 1024;
    f->config.grid_size[0] = 1024;
    f->descriptor->compute_pgm_rsrc1 = 16; /* 136 registers: 12 waves fit, 16 are wanted */
    assert_int_equal(prepare(f), SG_DISPATCH_REGISTERS);
    f->descriptor->compute_pgm_rsrc1 = 15;
    assert_int_equal(prepare(f), SG_DISPATCH_OK);

    f->config.workgroup_size[1] = 2;
    assert_int_equal(prepare(f), SG_DISPATCH_WORKGROUP_SIZE);
    f->config.workgroup_size[1] = 0;
    assert_int_equal(prepare(f), SG_DISPATCH_WORKGROUP_SIZE);
    f->config.workgroup_size[1] = 1;

    f->descriptor->kernel_code_properties = ABI_KERNEL_WAVEFRONT_SIZE32;
    assert_int_equal(prepare(f), SG_DISPATCH_BAD_CODE);
    f->descriptor->kernel_code_properties = 0;
    f->descriptor->kernel_code_entry_byte_offset = 4096; /* behind the mapping */
    assert_int_equal(prepare(f), SG_DISPATCH_BAD_CODE);
    f->descriptor->kernel_code_entry_byte_offset = 260;
    assert_int_equal(prepare(f), SG_DISPATCH_BAD_CODE);
    f->descriptor->kernel_code_entry_byte_offset = 256;
    f->config.kernel_object = CODE_VA + 4096;
    assert_int_equal(prepare(f), SG_DISPATCH_BAD_CODE);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(all_user_sgprs_come_in_order),
        ROW(disabled_sgprs_take_no_register),
        ROW(system_sgprs_follow_the_user_count),
        ROW(work_item_ids_are_packed),
        ROW(cut_off_groups_are_as_small_as_the_grid_leaves_them),
        ROW(grid_smaller_than_the_group_needs_few_waves),
        ROW(mode_comes_from_the_descriptor),
        ROW(register_files_have_the_descriptors_size),
        ROW(lds_is_zero_and_rounded_up),
        ROW(reused_storage_keeps_nothing),
        ROW(hw_ids_of_resident_waves_differ_and_obey_the_mask),
        ROW(scratch_limits_what_is_resident),
        ROW(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
