// SPDX-License-Identifier: MIT
// Says that it runs (dword 0 of kernarg), then loops without end.
    v_mov_b32_e32 v1, 0
    v_mov_b32_e32 v2, 1
    global_store_dword v1, v2, s[0:1]
loop:
    s_branch loop
