// SPDX-License-Identifier: MIT
// Everyone stores 42 to a good address; work-item 69 of work-group 2 to a bad one.
// s[0:1] kernarg {good, bad}, s2 work-group, v0 work-item.
    s_load_dwordx4 s[4:7], s[0:1], 0x0
    s_waitcnt lgkmcnt(0)
    v_mov_b32_e32 v2, s4
    v_mov_b32_e32 v3, s5
    s_cmp_lg_u32 s2, 2
    s_cbranch_scc1 store
    v_mov_b32_e32 v4, 0x45
    v_cmp_eq_u32_e32 vcc, v4, v0
    v_mov_b32_e32 v5, s6
    v_mov_b32_e32 v6, s7
    v_cndmask_b32_e32 v2, v2, v5, vcc
    v_cndmask_b32_e32 v3, v3, v6, vcc
store:
    v_mov_b32_e32 v7, 42
    global_store_dword v[2:3], v7, off
    s_endpgm
