/* SPDX-License-Identifier: MIT */
/// Flags of the vector tables' rows.
#ifndef SG_ISA_VALU_FLAGS_H
#define SG_ISA_VALU_FLAGS_H

/// Flags of a vector row: what its encoding has beyond plain sources.
#define SG_VF_CIN         (1u << 0)  ///< lane mask operand: VCC in VOP2, the third source in VOP3
#define SG_VF_VCC         (1u << 1)  ///< lane mask is always VCC
#define SG_VF_COUT        (1u << 2)  ///< lane mask result: VCC in VOP2, SDST in VOP3
#define SG_VF_CMP         (1u << 3)  ///< a compare: the result is a lane mask only
#define SG_VF_MADMK       (1u << 4)  ///< literal is the second factor
#define SG_VF_MADAK       (1u << 5)  ///< literal is the addend
#define SG_VF_NO_E64      (1u << 6)  ///< has no VOP3 form
#define SG_VF_SDST        (1u << 7)  ///< VDST names an SGPR
#define SG_VF_ACC_D       (1u << 8)  ///< VDST is an AGPR
#define SG_VF_ACC_S       (1u << 9)  ///< the source is an AGPR
#define SG_VF_MIX         (1u << 10) ///< fma_mix: op_sel_hi chooses the type
#define SG_VF_MFMA        (1u << 11)
#define SG_VF_NO_SDWA     (1u << 12)
#define SG_VF_NO_DPP      (1u << 14)
#define SG_VF_SCALAR_SRC1 (1u << 13) ///< readlane: the lane select

#endif
