/* SPDX-License-Identifier: MIT */
/* MTBUF: typed buffers, which this GPU names but lacks. */
#include "softgpu/isa/format.h"

#define MTBUF(name, opcode) SG_ROW(name, opcode, NULL, 0, none, none, none, none)
#define SG_DEF              "softgpu/isa/mtbuf.def"
#define SG_FIND             sg_mtbuf_find
#include "softgpu/isa/table.h"
