// SPDX-License-Identifier: MIT
// Each wave takes a number, writes its HW_ID to out[number] and stays until `target` numbers are
// taken.  s[0:1] kernarg {counter, out, target}.
    s_load_dwordx4 s[4:7], s[0:1], 0x0
    s_load_dword s8, s[0:1], 0x10
    s_getreg_b32 s9, hwreg(HW_REG_HW_ID)
    s_mov_b64 exec, 1
    v_mov_b32_e32 v1, 0
    v_mov_b32_e32 v2, 1
    v_mov_b32_e32 v4, s9
    s_waitcnt lgkmcnt(0)
    global_atomic_add v3, v1, v2, s[4:5] glc
    s_waitcnt vmcnt(0)
    v_lshlrev_b32_e32 v3, 2, v3
    global_store_dword v3, v4, s[6:7]
stay:
    s_sleep 1
    global_load_dword v5, v1, s[4:5] glc
    s_waitcnt vmcnt(0)
    v_cmp_gt_u32_e32 vcc, s8, v5
    s_cbranch_vccnz stay
    s_endpgm
