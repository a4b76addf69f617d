// SPDX-License-Identifier: MIT
// Every wave counts itself, meets all others of the grid at a ds_gws_barrier, and then writes the
// counter that it sees to out[its number].  s[0:1] kernarg {counter, out}.  The barrier's resource
// is set up by gws_init.
    s_load_dwordx4 s[4:7], s[0:1], 0x0
    s_mov_b64 exec, 1
    v_mov_b32_e32 v1, 0
    v_mov_b32_e32 v2, 1
    s_waitcnt lgkmcnt(0)
    global_atomic_add v3, v1, v2, s[4:5] glc
    s_waitcnt vmcnt(0)
    v_lshlrev_b32_e32 v3, 2, v3
    s_mov_b32 m0, 0
    v_mov_b32_e32 v4, 0
    ds_gws_barrier v4 offset:3 gds
    s_waitcnt lgkmcnt(0)
    global_load_dword v5, v1, s[4:5] glc
    s_waitcnt vmcnt(0)
    global_store_dword v3, v5, s[6:7]
    s_endpgm
