/* SPDX-License-Identifier: MIT */
/* The row tables of one interpreter level; compiled once per level. */
#include "softgpu/isa/format.h"

#define SG_FORMAT(id, name, mask, value, shift, opmask, dwords, fn) sg_find_fn SG_V(sg_##fn##_find);
#include "softgpu/isa/formats.def"

#define SG_TEXT_(x) #x
#define SG_TEXT(x)  SG_TEXT_(x)
#define SG_FORMAT(id, name, mask, value, shift, opmask, dwords, fn)                                \
    [SG_FORMAT_##id] = SG_V(sg_##fn##_find),
const struct sg_level SG_V(sg_level) = {
    .name = "x86-64-" SG_TEXT(SG_VARIANT),
    .find =
        {
#include "softgpu/isa/formats.def"
        },
};
