/* SPDX-License-Identifier: MIT */
#include "row_words.h"

#include "softgpu/isa/format.h"
#include "softgpu/isa/isa.h"

#include <stdbool.h>
#include <stddef.h>

struct fields {
    uint32_t low; ///< the first word without encoding and opcode
    uint32_t second;
};

/* v2, v4, v6, v8 or s2, s4, s6 in the places that the encodings have. */
static const struct fields sop1[] = {{0x00020004, 0}, {0x00000004, 0}, {0x00020000, 0}};
static const struct fields sop2[] = {{0x00020604, 0}, {0x00000604, 0}};
static const struct fields sopc[] = {{0x00000604, 0}};
static const struct fields sopk[] = {{0x00020001, 0x12345678}, {0x00000001, 0x12345678}};
static const struct fields sopp[] = {{0x00000000, 0}, {0x00000001, 0}};
static const struct fields vop1[] = {{0x00040104, 0}, {0x00000000, 0}};
static const struct fields vop2[] = {{0x00040904, 0x3456}};
static const struct fields vopc[] = {{0x00000904, 0}};
static const struct fields vop3[] = {{0x00000002, 0x04220d04}, {0x00000002, 0x00020d04},
                                     {0x00000002, 0x00000104}, {0x00000002, 0x00180d04},
                                     {0x00000002, 0x00000d04}, {0x00000602, 0x04220d04},
                                     {0x00000602, 0x00020d04}, {0x00000002, 0x00000c04},
                                     {0x00000000, 0x00000000}, {0x0000000a, 0x042a0d04}};
static const struct fields vop3p[] = {{0x00004002, 0x1c220d04},
                                      {0x00004002, 0x18020d04},
                                      {0x00000002, 0x04220d04},
                                      {0x00004002, 0x18000104}};

struct choice {
    enum sg_format_id format;
    const struct fields *fields;
    size_t count;
};
#define CHOICE(id, list)                                                                           \
    { SG_FORMAT_##id, list, sizeof list / sizeof *list }
static const struct choice choices[] = {
    CHOICE(SOP1, sop1), CHOICE(SOP2, sop2),   CHOICE(SOPC, sopc), CHOICE(SOPK, sopk),
    CHOICE(SOPP, sopp), CHOICE(VOP1, vop1),   CHOICE(VOP2, vop2), CHOICE(VOPC, vopc),
    CHOICE(VOP3, vop3), CHOICE(VOP3P, vop3p),
};

/* An encoding that comes first in formats.def owns the overlap (SOP2 with the other scalar ones).
 */
static bool is_of_format(uint32_t word, enum sg_format_id id) {
    for (uint32_t i = 0; i < SG_FORMAT_COUNT; i++)
        if ((word & sg_formats[i].mask) == sg_formats[i].value)
            return i == (uint32_t)id;
    return false;
}

static void visit_choice(const struct choice *choice, uint32_t opcode, uint32_t which,
                         void (*visit)(void *context, const struct row_words *row), void *context) {
    const struct sg_format *format = &sg_formats[choice->format];
    const struct fields *fields = &choice->fields[which];
    const struct sg_row *found = sg_level_v2.find[choice->format](opcode);
    struct row_words row = {
        .encoding = format->name,
        .name = found ? found->name : "",
        .opcode = opcode,
        .words = {format->value | opcode << format->opcode_shift | fields->low, fields->second},
    };
    if (is_of_format(row.words[0], choice->format))
        visit(context, &row);
}

void row_words_all(void (*visit)(void *context, const struct row_words *row), void *context) {
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        uint32_t last = sg_formats[choices[i].format].opcode_mask;
        for (uint32_t opcode = 0; opcode <= last; opcode++)
            for (uint32_t which = 0; which < choices[i].count; which++)
                visit_choice(&choices[i], opcode, which, visit, context);
    }
}

/* ---- vector variations ---- */

struct vector_visit {
    uint32_t variation;
    void (*visit)(void *context, const struct row_words *row);
    void *context;
    uint32_t seen_opcode; ///< the first choice that decodes is enough
    const char *seen_encoding;
};

static bool vary(struct row_words *row, uint32_t variation) {
    bool is_short = row->encoding[3] == '1' || row->encoding[3] == '2' || row->encoding[3] == 'C';
    bool is_long = row->encoding[3] == '3' && row->encoding[4] == '\0';
    if (variation == 1 && is_long) // neg of all, abs of source 0, clamp, *2
        row->words[0] |= row->opcode < 0x100 ? 0x8100 : 0x8000;
    if (variation == 1 && is_long)
        row->words[1] |= 0xe8000000;
    else if (variation == 2 && is_short) { // bytes, sign-extended, preserved
        row->words[0] = (row->words[0] & ~0x1ffu) | SG_SDWA_WORD;
        row->words[1] = 0x04 | (row->encoding[3] == 'C' ? 0 : 0x1100) | 0x000d0000 | 0x02000000;
    } else if (variation == 3 && is_short) { // row_shr:3, two banks
        row->words[0] = (row->words[0] & ~0x1ffu) | SG_DPP_WORD;
        row->words[1] = 0x04 | 0x113 << 8 | 0xf5000000;
    } else {
        return variation == 0;
    }
    return true;
}

static void visit_vector(void *context, const struct row_words *plain) {
    struct vector_visit *v = context;
    struct row_words row = *plain;
    char text[160];
    if (row.encoding[0] != 'V' || row.name[0] == '\0')
        return;
    if (v->seen_opcode == row.opcode && v->seen_encoding == row.encoding)
        return;
    if (!vary(&row, v->variation) || sg_isa_disassemble(row.words, 3, 0, text, sizeof text) == 0)
        return;
    v->seen_opcode = row.opcode;
    v->seen_encoding = row.encoding;
    v->visit(v->context, &row);
}

void row_words_vector(uint32_t variation, void (*visit)(void *context, const struct row_words *row),
                      void *context) {
    struct vector_visit v = {variation, visit, context, UINT32_MAX, NULL};
    row_words_all(visit_vector, &v);
}
