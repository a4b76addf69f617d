/* SPDX-License-Identifier: MIT */
/* Vector register indexing by M0 (s_set_gpr_idx_on ... s_set_gpr_idx_off). */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/hwreg.h"

enum {
    SOPP_SET_GPR_IDX_OFF = 0x1c,
    SOPC_SET_GPR_IDX_ON = 0x11,
    MODE_GPR_IDX_EN = 1 << 27,
    INDEX_DST = 8,
};

static void set_index(struct sg_wave *w, const struct sg_op *op) {
    uint32_t index = sg_scalar32(w, op, 0) & 0xff;
    w->s[SG_M0] = (w->s[SG_M0] & ~0xf0ffu) | index | (op->aux & 15u) << 12;
    w->mode |= MODE_GPR_IDX_EN;
}

static bool is_valu(const struct sg_op *op) {
    return op->format == SG_FORMAT_VOP1 || op->format == SG_FORMAT_VOP2 ||
           op->format == SG_FORMAT_VOPC || op->format == SG_FORMAT_VOP3 ||
           op->format == SG_FORMAT_VOP3P;
}

static bool is_plain_salu(const struct sg_op *op) {
    enum { SOP1_GETPC = 0x1c, SOP1_RFE = 0x1f, SOPK_CALL = 0x15 };
    return op->format == SG_FORMAT_SOP2 || op->format == SG_FORMAT_SOPC ||
           (op->format == SG_FORMAT_SOPK && op->opcode != SOPK_CALL) ||
           (op->format == SG_FORMAT_SOP1 && (op->opcode < SOP1_GETPC || op->opcode > SOP1_RFE));
}

static uint16_t move(uint16_t code, uint32_t index) {
    if (code < SG_VGPR0 || code >= SG_AGPR0)
        return code;
    uint32_t moved = code + index;
    return (uint16_t)(moved < SG_AGPR0 ? moved : SG_AGPR0 - 1);
}

static const struct sg_op *leave(struct sg_wave *w, const struct sg_op *op) {
    (void)w, (void)op;
    return NULL;
}

/* Runs one instruction apart from its page: what follows the copy leaves the handler chain. */
static void run_copy(struct sg_wave *w, const struct sg_op *op) {
    struct sg_op copy[4];
    uint32_t index = w->s[SG_M0] & 0xff, mode = w->s[SG_M0] >> 12;
    sg_handler *fn = sg_code_handler(w, op);
    memcpy(&copy[0].imm, &op->imm, sizeof copy[0] - offsetof(struct sg_op, imm));
    atomic_init(&copy[0].fn, fn);
    for (uint32_t i = 1; i < 4; i++)
        atomic_init(&copy[i].fn, leave);
    if (is_valu(op)) {
        for (uint32_t n = 0; n < 3; n++)
            if (mode >> n & 1)
                copy[0].src[n] = move(op->src[n], index);
        if (mode & INDEX_DST)
            copy[0].dst = move(op->dst, index);
    }
    fn(w, copy);
}

const struct sg_op *sg_gpr_idx_run(struct sg_wave *w, const struct sg_op *op) {
    for (;; op += op->len) {
        if (op - w->page->ops >= SG_PAGE_SLOTS && !(op = sg_code_enter(w, sg_wave_pc(w, op))))
            return NULL;
        if (sg_code_is_lazy(op) && !sg_code_decode(w, op))
            return NULL;
        if (op->format == SG_FORMAT_SOPP && op->opcode == SOPP_SET_GPR_IDX_OFF) {
            w->mode &= ~(uint32_t)MODE_GPR_IDX_EN;
            return op + 1;
        }
        if (op->format == SG_FORMAT_SOPC && op->opcode == SOPC_SET_GPR_IDX_ON)
            set_index(w, op);
        else if (is_valu(op) || is_plain_salu(op))
            run_copy(w, op);
        else if (op->format != SG_FORMAT_SOPP || !sg_code_has_no_effect(op->opcode))
            return sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);
    }
}

const struct sg_op *sg_handle_gpr_idx_on(struct sg_wave *w, const struct sg_op *op) {
    set_index(w, op);
    SG_JUMP(w, sg_gpr_idx_run(w, op + op->len));
}
