// SPDX-License-Identifier: MIT
// Says that it runs (dword 1), then polls dword 0 of kernarg without s_sleep until it is not 0.
    v_mov_b32_e32 v1, 0
    v_mov_b32_e32 v2, 1
    global_store_dword v1, v2, s[0:1] offset:4
spin:
    global_load_dword v3, v1, s[0:1] glc
    s_waitcnt vmcnt(0)
    v_readfirstlane_b32 s4, v3
    s_cmp_eq_u32 s4, 0
    s_cbranch_scc1 spin
    s_endpgm
