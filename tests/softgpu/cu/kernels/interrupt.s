// SPDX-License-Identifier: MIT
// Raises event 77.
    s_movk_i32 m0, 77
    s_sendmsg sendmsg(MSG_INTERRUPT)
    s_endpgm
