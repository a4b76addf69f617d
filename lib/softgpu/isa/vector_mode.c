/* SPDX-License-Identifier: MIT */
/* Modes that change what vector instructions do: register indexing by M0 (s_set_gpr_idx_on ...
 * s_set_gpr_idx_off) and skipping (s_setvskip). While one is on, waves run decoded pages of their
 * own, in which each vector instruction's handler is sg_vector_mode_handler. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/hwreg.h"

enum { INDEX_DST = 8 };

static bool is_valu(const struct sg_op *op) {
    return op->format == SG_FORMAT_VOP1 || op->format == SG_FORMAT_VOP2 ||
           op->format == SG_FORMAT_VOPC || op->format == SG_FORMAT_VOP3 ||
           op->format == SG_FORMAT_VOP3P;
}

static bool is_vector(const struct sg_op *op) {
    return is_valu(op) || op->format == SG_FORMAT_DS || op->format == SG_FORMAT_FLAT ||
           op->format == SG_FORMAT_GLOBAL || op->format == SG_FORMAT_SCRATCH ||
           op->format == SG_FORMAT_MUBUF || op->format == SG_FORMAT_MTBUF ||
           op->format == SG_FORMAT_MIMG;
}

bool sg_vector_mode_applies(uint32_t variant, const struct sg_op *op) {
    return variant & SG_PAGE_SKIPS ? is_vector(op) : is_valu(op);
}

/* Sources out of range read v0. */
static uint16_t move_source(const struct sg_wave *w, uint16_t code) {
    uint32_t moved = code + (w->s[SG_M0] & 0xff);
    if (code < SG_VGPR0 || code >= SG_AGPR0)
        return code;
    return (uint16_t)(moved - SG_VGPR0 < w->acc_offset ? moved : SG_VGPR0);
}

static const struct sg_op *leave(struct sg_wave *w, const struct sg_op *op) {
    (void)w, (void)op;
    return NULL;
}

/* Runs one instruction apart from its page: what follows the copy leaves the handler chain. A
 * destination out of range is not written, so nothing happens. */
static void run_moved(struct sg_wave *w, const struct sg_op *op, sg_handler *fn) {
    struct sg_op copy[4];
    uint32_t mode = w->s[SG_M0] >> 12;
    memcpy(&copy[0].imm, &op->imm, sizeof copy[0] - offsetof(struct sg_op, imm));
    atomic_init(&copy[0].fn, fn);
    for (uint32_t i = 1; i < 4; i++)
        atomic_init(&copy[i].fn, leave);
    for (uint32_t n = 0; n < 3; n++)
        if (mode >> n & 1)
            copy[0].src[n] = move_source(w, op->src[n]);
    if (mode & INDEX_DST && op->dst >= SG_VGPR0 && op->dst < SG_AGPR0) {
        uint32_t moved = op->dst + (w->s[SG_M0] & 0xff);
        if (moved - SG_VGPR0 >= w->acc_offset)
            return;
        copy[0].dst = (uint16_t)moved;
    }
    fn(w, copy);
}

const struct sg_op *sg_vector_mode_handler(struct sg_wave *w, const struct sg_op *op) {
    if (!(w->page->variant & SG_PAGE_SKIPS))
        run_moved(w, op, w->page->plain[op - w->page->ops]);
    SG_NEXT(w, op);
}

const struct sg_op *sg_code_mode_changed(struct sg_wave *w, const struct sg_op *op) {
    if (sg_page_variant(w) == w->page->variant)
        return op + op->len;
    return sg_code_enter(w, sg_wave_pc(w, op) + op->len * 4);
}

const struct sg_op *sg_handle_gpr_idx_on(struct sg_wave *w, const struct sg_op *op) {
    uint32_t index = sg_scalar32(w, op, 0) & 0xff;
    w->s[SG_M0] = (w->s[SG_M0] & ~0xf0ffu) | index | (op->aux & 15u) << 12;
    w->mode |= SG_MODE_GPR_IDX_EN;
    SG_JUMP(w, sg_code_mode_changed(w, op));
}

const struct sg_op *sg_handle_gpr_idx_off(struct sg_wave *w, const struct sg_op *op) {
    w->mode &= ~SG_MODE_GPR_IDX_EN;
    SG_JUMP(w, sg_code_mode_changed(w, op));
}

const struct sg_op *sg_handle_setvskip(struct sg_wave *w, const struct sg_op *op) {
    uint32_t skip = sg_scalar32(w, op, 0) >> (sg_scalar32(w, op, 1) & 31) & 1;
    w->mode = (w->mode & ~SG_MODE_VSKIP) | skip * SG_MODE_VSKIP;
    SG_JUMP(w, sg_code_mode_changed(w, op));
}
