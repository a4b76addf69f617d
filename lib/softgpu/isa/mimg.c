/* SPDX-License-Identifier: MIT */
/* MIMG; compiled once per interpreter level. */
#include "softgpu/isa/image.h"

#define IMAGE_HANDLER(what)                                                                        \
    SG_HANDLER(image_##what) {                                                                     \
        if (sg_wave_exec(w) && !sg_image_##what(w, op))                                            \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
IMAGE_HANDLER(load)
IMAGE_HANDLER(store)
IMAGE_HANDLER(resinfo)
IMAGE_HANDLER(sample)

/* DMASK says how wide the operand is. Lanes outside of the image return 0. */
static bool image_atomic(struct sg_wave *w, const struct sg_op *op, sg_update_fn *narrow,
                         sg_update_fn *wide) {
    void *hosts[SG_LANES];
    uint64_t lanes;
    uint32_t operands = op->aux & SG_IMAGE_ROW_CMP ? 2 : 1;
    bool is_wide = sg_image_data_dwords(op) > operands, returns = op->mods & SG_MEM_GLC;
    sg_lane_row *data = (sg_lane_row *)sg_wave_row(w, op->dst);
    if (!sg_image_hosts(w, op, is_wide ? 8 : 4, hosts, &lanes))
        return false;
    if (lanes)
        (is_wide ? wide : narrow)(hosts, lanes, (const sg_lane_row *)data, returns ? data : NULL);
    for (uint64_t left = returns ? sg_wave_exec(w) & ~lanes : 0; left; left &= left - 1)
        for (uint32_t n = 0; n < (is_wide ? 2 : 1); n++)
            data[n][sg_first_lane(left)] = 0;
    return true;
}

#define MIMG(...)
#define MIMG_ATOMIC(name, opcode, flags)                                                           \
    SG_HANDLER(image_atomic_##name) {                                                              \
        if (sg_wave_exec(w) &&                                                                     \
            !image_atomic(w, op, SG_V(sg_update_##name), SG_V(sg_update_##name##_x2)))             \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
#include "softgpu/isa/mimg.def"
#undef MIMG
#undef MIMG_ATOMIC

#define MIMG(name, opcode, what, flags)                                                            \
    SG_ROW(name, opcode, handle_image_##what, flags, none, none, none, none)
#define MIMG_ATOMIC(name, opcode, flags)                                                           \
    SG_ROW(image_atomic_##name, opcode, handle_image_atomic_##name, flags, none, none, none, none)
#define SG_DEF  "softgpu/isa/mimg.def"
#define SG_FIND sg_mimg_find
#include "softgpu/isa/table.h"
