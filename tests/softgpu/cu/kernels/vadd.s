// SPDX-License-Identifier: MIT
// c[i] = a[i] + b[i]; groups of 256.  s[0:1] kernarg {a, b, c}, s2 work-group, v0 work-item.
    s_load_dwordx4 s[4:7], s[0:1], 0x0
    s_load_dwordx2 s[8:9], s[0:1], 0x10
    s_lshl_b32 s2, s2, 8
    v_add_u32_e32 v0, s2, v0
    v_lshlrev_b32_e32 v0, 2, v0
    s_waitcnt lgkmcnt(0)
    global_load_dword v1, v0, s[4:5]
    global_load_dword v2, v0, s[6:7]
    s_waitcnt vmcnt(0)
    v_add_f32_e32 v1, v1, v2
    global_store_dword v0, v1, s[8:9]
    s_endpgm
