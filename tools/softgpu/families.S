/* SPDX-License-Identifier: MIT */
/* A kernel per row of families.def: registers set up, then a loop over the row's instructions.
 * Arguments: data, EXEC, how often the loop runs. */
#include "families.h"

        .amdgcn_target "amdgcn-amd-amdhsa--gfx90a"

        .macro KERNEL_END name
        s_endpgm
        .size \name, . - \name
        .section .rodata, #alloc
        .p2align 6
        .amdhsa_kernel \name
        .amdhsa_group_segment_fixed_size 4096
        .amdhsa_private_segment_fixed_size 512
        .amdhsa_user_sgpr_private_segment_buffer 1
        .amdhsa_user_sgpr_kernarg_segment_ptr 1
        .amdhsa_user_sgpr_flat_scratch_init 1
        .amdhsa_system_sgpr_private_segment_wavefront_offset 1
        .amdhsa_next_free_vgpr 112
        .amdhsa_accum_offset 96
        .amdhsa_next_free_sgpr 96
        .end_amdhsa_kernel
        .text
        .endm

/* s[0:3] private buffer, s[4:5] arguments, s[6:7] flat scratch, s8 work-group, s9 scratch offset */
        .macro KERNEL_BEGIN name
        .globl \name
        .protected \name
        .type \name, @function
        .p2align 12
\name:
        s_mov_b32 s19, s9
        s_add_u32 flat_scratch_lo, s6, s9
        s_addc_u32 flat_scratch_hi, s7, 0
        s_load_dwordx4 s[20:23], s[4:5], 0x0
        s_load_dword s46, s[4:5], 0x10
        v_mov_b32_e32 v6, v0
        v_lshlrev_b32_e32 v4, 2, v0
        v_lshlrev_b32_e32 v5, 3, v0
        v_mov_b32_e32 v7, 0
        s_waitcnt lgkmcnt(0)
        s_lshl_b32 s24, s8, 12
        s_and_b32 s24, s24, 0x3ffff
        s_add_u32 s20, s20, s24
        s_addc_u32 s21, s21, 0
        v_mov_b32_e32 v1, s21
        v_add_co_u32_e32 v8, vcc, s20, v4
        v_addc_co_u32_e32 v9, vcc, 0, v1, vcc
        v_mov_b32_e32 v10, s20
        v_mov_b32_e32 v11, s21
        v_and_b32_e32 v2, 60, v4
        v_add_co_u32_e32 v12, vcc, s20, v2
        v_addc_co_u32_e32 v13, vcc, 0, v1, vcc
        v_lshrrev_b32_e32 v2, 4, v0
        v_lshlrev_b32_e32 v2, 10, v2
        v_add_co_u32_e32 v14, vcc, s20, v2
        v_addc_co_u32_e32 v15, vcc, 0, v1, vcc
        v_mul_u32_u24_e32 v2, 0x25, v0
        v_and_b32_e32 v2, 0x3ff, v2
        v_lshlrev_b32_e32 v2, 2, v2
        v_add_co_u32_e32 v16, vcc, s20, v2
        v_addc_co_u32_e32 v17, vcc, 0, v1, vcc
        v_lshlrev_b32_e32 v2, 4, v0
        v_add_co_u32_e32 v18, vcc, s20, v2
        v_addc_co_u32_e32 v19, vcc, 0, v1, vcc
        v_cvt_f32_u32_e32 v20, v0
        v_mul_f32_e32 v20, 0x3c23d70a, v20
        v_add_f32_e32 v20, 0.5, v20
        v_add_f32_e32 v21, 0.5, v20
        v_add_f32_e32 v22, 0.5, v21
        v_add_f32_e32 v23, 0.5, v22
        v_add_f32_e32 v24, 0.5, v23
        v_add_f32_e32 v25, 0.5, v24
        v_add_f32_e32 v26, 0.5, v25
        v_add_f32_e32 v27, 0.5, v26
        v_cvt_f64_f32_e32 v[28:29], v20
        v_cvt_f64_f32_e32 v[30:31], v21
        v_cvt_f64_f32_e32 v[32:33], v22
        v_cvt_f64_f32_e32 v[34:35], v23
        v_mul_u32_u24_e32 v36, 0x3c011, v0
        v_add_u32_e32 v37, 0x3c003c0, v36
        v_add_u32_e32 v38, 0x1234567, v36
        v_xor_b32_e32 v39, v37, v38
        s_mov_b32 s24, 0x12345
        s_mov_b32 s25, 0x777
        s_mov_b32 s26, 0x54321
        s_mov_b32 s27, 0xff
        s_getreg_b32 s28, hwreg(HW_REG_SH_MEM_BASES, 0, 16)
        s_lshl_b32 s28, s28, 16
        v_mov_b32_e32 v56, 0
        v_mov_b32_e32 v57, s28
        s_mov_b64 exec, s[22:23]
        .endm

        .macro family name, a, b, c, d
        KERNEL_BEGIN \name
.Lloop_\name:
        .rept FAMILY_REPEATS
        \a
        \b
        \c
        \d
        .endr
        s_add_i32 s46, s46, -1
        s_cmp_lg_u32 s46, 0
        s_cbranch_scc1 .Lloop_\name
        KERNEL_END \name
        .endm

        .text
#define FAMILY(name, group, what, lanes, a, b, c, d) family family_##name, a, b, c, d
#include "families.def"

/* For decoding: a straight line of different instructions, longer than a page. */
        KERNEL_BEGIN straight_line
        .rept STRAIGHT_REPEATS
        v_add_u32_e32 v40, v36, v37
        s_add_u32 s30, s24, s25
        v_fma_f32 v41, v20, v21, v22
        global_load_dword v42, v[8:9], off
        v_add_u32_sdwa v43, v36, v37 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_1 src1_sel:DWORD
        ds_read_b32 v44, v4
        v_mov_b32_e32 v45, 0x12345678
        s_load_dword s31, s[20:21], 0x0
        .endr
        KERNEL_END straight_line
