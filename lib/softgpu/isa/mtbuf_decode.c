/* SPDX-License-Identifier: MIT */
/* MTBUF: only the mnemonic is known; a wave that meets one stops and names it. */
#include "softgpu/isa/format.h"

bool sg_mtbuf_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    (void)words, (void)row, (void)op;
    return true;
}

void sg_mtbuf_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                    uint64_t pc, struct sg_text *text) {
    (void)words, (void)row, (void)op, (void)pc, (void)text;
}
