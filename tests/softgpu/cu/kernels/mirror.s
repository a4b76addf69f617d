// SPDX-License-Identifier: MIT
// out[group * 256 + i] = in[group * 256 + 255 - i]: every wave reads what another wave wrote to LDS.
// The lower a wave's number, the longer it takes to come to the barrier.
// s[0:1] kernarg {in, out}, s2 work-group, v0 work-item.
    s_load_dwordx4 s[4:7], s[0:1], 0x0
    v_readfirstlane_b32 s8, v0
    s_sub_u32 s8, 0x100, s8
    s_lshl_b32 s8, s8, 4
delay:
    s_sub_u32 s8, s8, 1
    s_cmp_lg_u32 s8, 0
    s_cbranch_scc1 delay
    v_lshlrev_b32_e32 v1, 2, v0
    s_lshl_b32 s3, s2, 10
    v_add_u32_e32 v2, s3, v1
    s_waitcnt lgkmcnt(0)
    global_load_dword v3, v2, s[4:5]
    s_waitcnt vmcnt(0)
    ds_write_b32 v1, v3
    s_waitcnt lgkmcnt(0)
    s_barrier
    v_sub_u32_e32 v1, 0x3fc, v1
    ds_read_b32 v3, v1
    s_waitcnt lgkmcnt(0)
    global_store_dword v2, v3, s[6:7]
    s_endpgm
