/* SPDX-License-Identifier: MIT */
/* MIMG: images, which this GPU names but lacks. */
#include "softgpu/isa/format.h"

#define MIMG(name, opcode) SG_ROW(name, opcode, NULL, 0, none, none, none, none)
#define SG_DEF             "softgpu/isa/mimg.def"
#define SG_FIND            sg_mimg_find
#include "softgpu/isa/table.h"
