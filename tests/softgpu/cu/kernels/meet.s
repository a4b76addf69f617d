// SPDX-License-Identifier: MIT
// Two work-groups: each raises its flag, then spins, without s_sleep, until the other's is raised.
// s[0:1] kernarg is the flags, s2 work-group.
    s_lshl_b32 s3, s2, 2
    v_mov_b32_e32 v1, s3
    v_mov_b32_e32 v2, 1
    global_store_dword v1, v2, s[0:1]
    s_waitcnt vmcnt(0)
    s_xor_b32 s3, s3, 4
    v_mov_b32_e32 v1, s3
spin:
    global_load_dword v3, v1, s[0:1] glc
    s_waitcnt vmcnt(0)
    v_readfirstlane_b32 s4, v3
    s_cmp_eq_u32 s4, 0
    s_cbranch_scc1 spin
    s_endpgm
