/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/valu.h"

#define VOPC(name, opc, is_cmpx, t0, t1, condition)                                                \
    SG_VALU_COMPARE(name, is_cmpx, t0, t1, condition)
#include "softgpu/isa/vopc.def"
#undef VOPC
#define VOPC(name, opc, is_cmpx, t0, t1, ...)                                                      \
    SG_ROW(name, opc, handle_##name, SG_VF_CMP | SG_VF_NO_DPP, none, t0, t1, none)
#define SG_DEF  "softgpu/isa/vopc.def"
#define SG_FIND sg_vopc_find
#include "softgpu/isa/table.h"
