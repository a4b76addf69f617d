/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/cache.h"
#include "softgpu/isa/valu_flags.h"

#include <string.h>

#define SG_FORMAT(id, name, mask, value, shift, opmask, dwords, fn)                                \
    [SG_FORMAT_##                                                                                  \
        id] = {name, mask, value, shift, opmask, dwords, sg_##fn##_decode, sg_##fn##_print},
const struct sg_format sg_formats[SG_FORMAT_COUNT] = {
#include "softgpu/isa/formats.def"
};

static bool uses_literal(const struct sg_op *op) {
    return op->src[0] == SG_LITERAL || op->src[1] == SG_LITERAL || op->src[2] == SG_LITERAL;
}

static bool is_valu(const struct sg_op *op) {
    return op->format == SG_FORMAT_VOP1 || op->format == SG_FORMAT_VOP2 ||
           op->format == SG_FORMAT_VOPC || op->format == SG_FORMAT_VOP3 ||
           op->format == SG_FORMAT_VOP3P;
}

/* A source that plain handlers take: a vector register, or a scalar whose word is its value in
 * every lane. Halves have inline constants of their own. */
static bool is_plain_source(uint32_t code, enum sg_type type) {
    if (type == SG_T_none || code >= SG_VGPR0)
        return true;
    return (type == SG_T_b32 || type == SG_T_u32 || type == SG_T_i32 || type == SG_T_f32) &&
           code != SG_VCCZ && code != SG_EXECZ;
}

static bool is_plain(const struct sg_row *row, const struct sg_op *op) {
    if (!is_valu(op) || op->mods & SG_MOD_SPECIAL)
        return false;
    for (uint32_t n = 0; n < 3; n++)
        if (!is_plain_source(op->src[n], (enum sg_type)row->types[n + 1]))
            return false;
    return !(row->flags & (SG_VF_CIN | SG_VF_VCC)) || op->aux < SG_CONST_0;
}

/* Neg and abs of floats and doubles and no other modifier: general handlers take them as they take
 * sources, so that these ops are not special. */
static bool has_signs_only(const struct sg_row *row, const struct sg_op *op) {
    enum { SIGNS = 0x3f };
    if (op->format != SG_FORMAT_VOP3 || op->mods & ~(uint32_t)(SIGNS | SG_MOD_SPECIAL))
        return false;
    for (uint32_t n = 0; n < 3; n++) {
        const uint32_t type = row->types[n + 1];
        if (op->mods & (SG_MOD_NEG0 | SG_MOD_ABS0) << n && type != SG_T_f32 && type != SG_T_f64)
            return false;
    }
    return true;
}

static bool decode_row(const uint32_t words[3], const struct sg_format *format,
                       struct sg_decoded *out) {
    struct sg_op *op = &out->op;
    op->dst = op->sdst = op->src[0] = op->src[1] = op->src[2] = SG_NONE;
    op->len = (uint8_t)format->dwords;
    if (!format->decode(words, out->row, op))
        return false;
    if (uses_literal(op)) {
        op->imm = words[op->len];
        op->len++;
    }
    if (op->mods & SG_MOD_SPECIAL && has_signs_only(out->row, op))
        op->mods &= ~SG_MOD_SPECIAL;
    else if (is_plain(out->row, op))
        op->mods |= SG_MOD_PLAIN;
    return true;
}

bool sg_decode(const struct sg_level *level, const uint32_t words[3], struct sg_decoded *out) {
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < SG_FORMAT_COUNT; i++) {
        const struct sg_format *format = &sg_formats[i];
        if ((words[0] & format->mask) != format->value)
            continue;
        uint32_t opcode = words[0] >> format->opcode_shift & format->opcode_mask;
        out->format = format;
        out->op.format = (uint8_t)i;
        out->op.opcode = (uint16_t)opcode;
        out->row = level->find[i](opcode);
        out->valid = out->row && decode_row(words, format, out);
        return out->valid;
    }
    return false;
}

uint32_t sg_isa_disassemble(const uint32_t *words, size_t word_count, uint64_t pc, char *text,
                            size_t text_bytes) {
    struct sg_text out = {text, text + text_bytes - 1};
    uint32_t padded[3] = {0};
    struct sg_decoded decoded;
    if (text_bytes == 0)
        return 0;
    *text = '\0';
    memcpy(padded, words, (word_count < 3 ? word_count : 3) * sizeof *words);
    if (word_count == 0 || !sg_decode(&sg_level_v2, padded, &decoded)) {
        sg_text_str(&out, "<undefined>");
        return 0;
    }
    sg_text_str(&out, decoded.row->name);
    decoded.format->print(padded, decoded.row, &decoded.op, pc, &out);
    return decoded.op.len;
}

uint32_t sg_isa_disassemble_at(const struct sg_vm *vm, uint64_t pc, char *text, size_t text_bytes) {
    uint32_t words[3];
    size_t count = 0;
    for (; count < 3; count++) {
        const void *host = sg_vm_host(vm, pc + count * 4, 4, SG_VM_EXEC, NULL);
        if (!host)
            break;
        memcpy(&words[count], host, 4);
    }
    return sg_isa_disassemble(words, count, pc, text, text_bytes);
}

void sg_isa_rows(void (*visit)(void *context, const struct sg_isa_row_info *row), void *context) {
    for (uint32_t i = 0; i < SG_FORMAT_COUNT; i++) {
        for (uint32_t opcode = 0; opcode <= sg_formats[i].opcode_mask; opcode++) {
            const struct sg_row *row = sg_level_v2.find[i](opcode);
            if (!row)
                continue;
            bool is_short = i == SG_FORMAT_VOP1 || i == SG_FORMAT_VOP2 || i == SG_FORMAT_VOPC;
            struct sg_isa_row_info info = {
                .name = row->name,
                .encoding = sg_formats[i].name,
                .opcode = opcode,
                .implemented = row->fn != NULL,
                .has_sdwa = is_short && sg_row_has_sdwa(row),
                .has_dpp = is_short && sg_row_has_dpp(row),
            };
            for (uint32_t level = SG_ISA_V2; sg_level(level); level++)
                info.decoded_count += sg_level(level)->find[i](opcode)->decoded_count;
            visit(context, &info);
        }
    }
}
