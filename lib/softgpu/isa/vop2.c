/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/packed.h"
#include "softgpu/isa/valu.h"

#define VOP2(name, opc, tD, t0, t1, ...)              SG_VALU(name, tD, t0, t1, none, __VA_ARGS__)
#define VOP2_E32(name, opc, tD, t0, t1, ...)          SG_VALU(name, tD, t0, t1, none, __VA_ARGS__)
#define VOP2_ACC(name, opc, tD, t0, t1, ...)          SG_VALU(name, tD, t0, t1, none, __VA_ARGS__)
#define VOP2_PK(name, opc, tD, t0, t1, ...)           SG_VALU(name, tD, t0, t1, none, __VA_ARGS__)
#define VOP2_K(name, opc, flags, tD, t0, t1, t2, ...) SG_VALU(name, tD, t0, t1, t2, __VA_ARGS__)
#define VOP2_CARRY(name, opc, flags, tD, t0, t1, ...)                                              \
    SG_VALU_CARRY(name, flags, tD, t0, t1, none, __VA_ARGS__)
#include "softgpu/isa/vop2.def"
#undef VOP2
#undef VOP2_E32
#undef VOP2_ACC
#undef VOP2_PK
#undef VOP2_K
#undef VOP2_CARRY
#define VOP2(name, opc, tD, t0, t1, ...) SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, none)
#define VOP2_E32(name, opc, tD, t0, t1, ...)                                                       \
    SG_ROW(name, opc, handle_##name, SG_VF_NO_E64 | SG_VF_NO_SDWA, tD, t0, t1, none)
#define VOP2_ACC(name, opc, tD, t0, t1, ...)                                                       \
    SG_ROW(name, opc, handle_##name, SG_VF_NO_SDWA, tD, t0, t1, none)
#define VOP2_PK(name, opc, tD, t0, t1, ...)                                                        \
    SG_ROW(name, opc, handle_##name, SG_VF_NO_E64 | SG_VF_NO_SDWA | SG_VF_NO_DPP, tD, t0, t1, none)
#define VOP2_K(name, opc, flags, tD, t0, t1, t2, ...)                                              \
    SG_ROW(name, opc, handle_##name, (flags) | SG_VF_NO_E64 | SG_VF_NO_SDWA | SG_VF_NO_DPP, tD,    \
           t0, t1, t2)
#define VOP2_CARRY(name, opc, flags, tD, t0, t1, ...)                                              \
    SG_ROW(name, opc, handle_##name, flags, tD, t0, t1, none)
#define SG_DEF  "softgpu/isa/vop2.def"
#define SG_FIND sg_vop2_find
#include "softgpu/isa/table.h"
