/* SPDX-License-Identifier: MIT */
/* Operands as text. No stdio: a signal handler prints where waves stand. */
#include "softgpu/isa/format.h"

#include <string.h>

void sg_text_str(struct sg_text *text, const char *s) {
    while (*s && text->at < text->end)
        *text->at++ = *s++;
    *text->at = '\0';
}

void sg_text_dec(struct sg_text *text, int64_t value) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--at] = '-';
    sg_text_str(text, &digits[at]);
}

void sg_text_hex(struct sg_text *text, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do
        digits[--at] = "0123456789abcdef"[value & 15];
    while (value >>= 4);
    digits[--at] = 'x';
    digits[--at] = '0';
    sg_text_str(text, &digits[at]);
}

struct operand_name {
    uint16_t code;
    uint8_t dwords;
    const char *name;
};

static const struct operand_name operand_names[] = {
    {SG_FLAT_SCRATCH, 2, "flat_scratch"},
    {SG_FLAT_SCRATCH, 1, "flat_scratch_lo"},
    {SG_FLAT_SCRATCH + 1, 1, "flat_scratch_hi"},
    {SG_XNACK_MASK, 2, "xnack_mask"},
    {SG_XNACK_MASK, 1, "xnack_mask_lo"},
    {SG_XNACK_MASK + 1, 1, "xnack_mask_hi"},
    {SG_VCC, 2, "vcc"},
    {SG_VCC, 1, "vcc_lo"},
    {SG_VCC + 1, 1, "vcc_hi"},
    {SG_M0, 0, "m0"},
    {SG_EXEC, 2, "exec"},
    {SG_EXEC, 1, "exec_lo"},
    {SG_EXEC + 1, 1, "exec_hi"},
    {SG_SHARED_BASE, 0, "src_shared_base"},
    {SG_SHARED_LIMIT, 0, "src_shared_limit"},
    {SG_PRIVATE_BASE, 0, "src_private_base"},
    {SG_PRIVATE_LIMIT, 0, "src_private_limit"},
    {SG_POPS_WAVE_ID, 0, "src_pops_exiting_wave_id"},
    {240, 0, "0.5"},
    {241, 0, "-0.5"},
    {242, 0, "1.0"},
    {243, 0, "-1.0"},
    {244, 0, "2.0"},
    {245, 0, "-2.0"},
    {246, 0, "4.0"},
    {247, 0, "-4.0"},
    {248, 2, "0.15915494309189532"},
    {248, 0, "0.15915494"},
    {SG_VCCZ, 0, "src_vccz"},
    {SG_EXECZ, 0, "src_execz"},
    {SG_SCC, 0, "src_scc"},
    {SG_NONE, 0, "off"},
};

static const char *operand_name(uint32_t code, uint32_t dwords) {
    for (size_t i = 0; i < sizeof operand_names / sizeof *operand_names; i++) {
        const struct operand_name *row = &operand_names[i];
        if (row->code == code && (row->dwords == 0 || row->dwords == dwords))
            return row->name;
    }
    return NULL;
}

void sg_text_registers(struct sg_text *text, uint32_t code, uint32_t count) {
    const char *file = "s";
    uint32_t first = code;
    if (code >= SG_AGPR0) {
        file = "a";
        first = code - SG_AGPR0;
    } else if (code >= SG_VGPR0) {
        file = "v";
        first = code - SG_VGPR0;
    } else if (code >= SG_TTMP0 && code < SG_M0) {
        file = "ttmp";
        first = code - SG_TTMP0;
    }
    sg_text_str(text, file);
    if (count > 1)
        sg_text_str(text, "[");
    sg_text_dec(text, first);
    if (count > 1) {
        sg_text_str(text, ":");
        sg_text_dec(text, first + count - 1);
        sg_text_str(text, "]");
    }
}

uint32_t sg_type_dwords(enum sg_type type) {
    static const uint8_t dwords[] = {
        [SG_T_b64] = 2,    [SG_T_u64] = 2,   [SG_T_i64] = 2,  [SG_T_f64] = 2,
        [SG_T_b96] = 3,    [SG_T_b128] = 4,  [SG_T_b256] = 8, [SG_T_b512] = 16,
        [SG_T_b1024] = 32, [SG_T_pkf32] = 2, [SG_T_none] = 0,
    };
    if (type == SG_T_none)
        return 0;
    return type < sizeof dwords && dwords[type] ? dwords[type] : 1;
}

/* LLVM prints what such an operand takes of a literal. */
static bool is_half(enum sg_type type) {
    return type == SG_T_f16 || type == SG_T_u16 || type == SG_T_i16 || type == SG_T_pk16;
}

void sg_text_operand(struct sg_text *text, uint32_t code, enum sg_type type, uint32_t literal) {
    uint32_t dwords = sg_type_dwords(type);
    const char *name = operand_name(code, dwords);
    if (name)
        sg_text_str(text, name);
    else if (code == SG_LITERAL)
        sg_text_hex(text, is_half(type) ? literal & 0xffff : literal);
    else if (code >= SG_CONST_0 && code <= 192)
        sg_text_dec(text, (int64_t)code - SG_CONST_0);
    else if (code > 192 && code <= 208)
        sg_text_dec(text, 192 - (int64_t)code);
    else
        sg_text_registers(text, code, dwords);
}
