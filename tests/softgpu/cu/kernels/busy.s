// SPDX-License-Identifier: MIT
// Counts dword 0 of kernarg down to 0, then raises the event of the work-group's number.
    s_load_dword s4, s[0:1], 0x0
    s_waitcnt lgkmcnt(0)
loop:
    s_sub_u32 s4, s4, 1
    s_cmp_lg_u32 s4, 0
    s_cbranch_scc1 loop
    s_mov_b32 m0, s2
    s_sendmsg sendmsg(MSG_INTERRUPT)
    s_endpgm
