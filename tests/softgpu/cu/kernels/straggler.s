// SPDX-License-Identifier: MIT
// Work-group 0 ends after as many rounds as dword 0 of kernarg says, the others never.
    s_load_dword s4, s[0:1], 0x0
    s_waitcnt lgkmcnt(0)
loop:
    s_cmp_lg_u32 s2, 0
    s_cbranch_scc1 loop
    s_sub_u32 s4, s4, 1
    s_cmp_lg_u32 s4, 0
    s_cbranch_scc1 loop
    s_endpgm
