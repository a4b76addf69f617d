/* SPDX-License-Identifier: MIT */
/* MTBUF; compiled once per interpreter level. */
#include "softgpu/isa/buffer_format.h"

SG_HANDLER(tbuffer_load) {
    if (sg_wave_exec(w) && !sg_buffer_format_load(w, op))
        return NULL;
    SG_NEXT(w, op);
}

SG_HANDLER(tbuffer_store) {
    if (sg_wave_exec(w) && !sg_buffer_format_store(w, op))
        return NULL;
    SG_NEXT(w, op);
}

/* Rows as those of MUBUF: {destination, address, data, descriptor}. */
#define MTBUF(name, opcode, what, type, flags) ROW_OF_##what(name, opcode, type, flags)
#define ROW_OF_load(name, opcode, type, flags)                                                     \
    SG_ROW(name, opcode, handle_tbuffer_load, SG_VMEM_LOAD | flags, type, b32, none, b128)
#define ROW_OF_store(name, opcode, type, flags)                                                    \
    SG_ROW(name, opcode, handle_tbuffer_store, SG_VMEM_STORE | flags, none, b32, type, b128)
#define SG_DEF  "softgpu/isa/mtbuf.def"
#define SG_FIND sg_mtbuf_find
#include "softgpu/isa/table.h"
