// SPDX-License-Identifier: MIT
// Counts dword 0 of kernarg down to 0 in a register, then writes 1 to dword 1.
    s_load_dword s4, s[0:1], 0x0
    s_waitcnt lgkmcnt(0)
loop:
    s_sub_u32 s4, s4, 1
    s_cmp_lg_u32 s4, 0
    s_cbranch_scc1 loop
    v_mov_b32_e32 v1, 0
    v_mov_b32_e32 v2, 1
    global_store_dword v1, v2, s[0:1] offset:4
    s_endpgm
