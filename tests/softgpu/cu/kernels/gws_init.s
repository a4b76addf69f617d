// SPDX-License-Identifier: MIT
// Sets barrier resource 3 up for the number of waves, minus one, that kernarg's dword 0 holds.
    s_load_dword s4, s[0:1], 0x0
    s_mov_b32 m0, 0
    s_waitcnt lgkmcnt(0)
    v_mov_b32_e32 v2, s4
    ds_gws_init v2 offset:3 gds
    s_waitcnt lgkmcnt(0)
    s_endpgm
