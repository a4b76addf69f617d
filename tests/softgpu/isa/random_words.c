/* SPDX-License-Identifier: MIT */
#include "random_words.h"

#include "softgpu/isa/smem.h"
#include "softgpu/isa/valu_flags.h"
#include "softgpu/isa/vmem.h"

#include <stdbool.h>
#include <stddef.h>

uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1d >> 16;
}

static uint32_t below(uint64_t *state, uint32_t bound) {
    return (uint32_t)(random_next(state) % bound);
}

static uint32_t vgpr(uint64_t *state) {
    return below(state, 110) * 2;
}

static uint32_t sgpr(uint64_t *state) {
    static const uint8_t special[] = {102, 104, 106, 124, 126};
    return below(state, 6) ? below(state, 16) * 4 : special[below(state, sizeof special)];
}

static uint32_t constant(uint64_t *state) {
    static const uint8_t special[] = {128, 192, 193, 208, 235, 236, 237, 238,
                                      240, 241, 242, 247, 248, 251, 252, 253};
    return below(state, 2) ? 128 + below(state, 80) : special[below(state, sizeof special)];
}

static uint32_t scalar(uint64_t *state, bool literal) {
    uint32_t which = below(state, 8);
    return which == 0 && literal ? SG_LITERAL : which < 4 ? constant(state) : sgpr(state);
}

static uint32_t any_source(uint64_t *state, bool literal) {
    return below(state, 3) ? SG_VGPR0 + vgpr(state) : scalar(state, literal);
}

/* A field that is 0 more often than not. */
static uint32_t rare(uint64_t *state, uint32_t bits) {
    return below(state, 3) ? 0 : below(state, 1u << bits);
}

static uint32_t opcode_of(enum sg_format_id id, uint32_t word) {
    return word >> sg_formats[id].opcode_shift & sg_formats[id].opcode_mask;
}

/* Whether a row has operand n; where there is no row, perhaps. */
static bool uses(const struct sg_row *row, uint32_t n, uint64_t *state) {
    return row ? row->types[n] != SG_T_none : below(state, 2) != 0;
}

static uint32_t sdwa_word(uint64_t *state, bool compare, bool modifiers) {
    uint32_t src0 = below(state, 3) ? vgpr(state) : 1u << 23 | sgpr(state);
    uint32_t src1 = below(state, 4) ? 0 : 1u << 31;
    uint32_t word = src0 | below(state, 7) << 16 | below(state, 7) << 24 | src1;
    if (modifiers)
        word |= rare(state, 3) << 19 | rare(state, 3) << 27;
    if (compare)
        return word | (below(state, 2) ? 1u << 15 | sgpr(state) << 8 : 0);
    word |= below(state, 7) << 8 | below(state, 3) << 11;
    return modifiers ? word | rare(state, 3) << 13 : word;
}

static uint32_t dpp_word(uint64_t *state, bool modifiers) {
    static const uint16_t controls[] = {0x130, 0x134, 0x138, 0x13c, 0x140, 0x141, 0x142, 0x143};
    uint32_t which = below(state, 7);
    uint32_t control = which < 2    ? below(state, 256)
                       : which == 2 ? controls[below(state, 8)]
                       : which < 6  ? 0x100 + (which - 3) * 16 + 1 + below(state, 15)
                                    : 0x150 + below(state, 16);
    uint32_t word = vgpr(state) | control << 8 | below(state, 256) << 24 | rare(state, 1) << 19;
    return modifiers ? word | rare(state, 4) << 20 : word;
}

static void short_words(enum sg_format_id id, enum words_form form, bool modifiers, uint64_t *state,
                        uint32_t words[3]) {
    uint32_t source = form == WORDS_SDWA  ? (uint32_t)SG_SDWA_WORD
                      : form == WORDS_DPP ? (uint32_t)SG_DPP_WORD
                                          : any_source(state, true);
    uint32_t src1 = vgpr(state);
    if (id == SG_FORMAT_VOP1 && form == WORDS_PLAIN && below(state, 6) == 0)
        return; // v_nop
    words[0] |= source;
    if (id == SG_FORMAT_VOP1)
        words[0] |= (below(state, 4) ? vgpr(state) : sgpr(state)) << 17;
    else
        words[0] |= src1 << 9;
    if (id == SG_FORMAT_VOP2)
        words[0] |= vgpr(state) << 17;
    if (form == WORDS_SDWA)
        words[1] = sdwa_word(state, id == SG_FORMAT_VOPC, modifiers);
    else if (form == WORDS_DPP)
        words[1] = dpp_word(state, modifiers);
    if (form == WORDS_SDWA && words[1] >> 31 && id != SG_FORMAT_VOP1)
        words[0] = (words[0] & ~(0xffu << 9)) | sgpr(state) << 9;
    if (form == WORDS_SDWA && id == SG_FORMAT_VOP1)
        words[1] &= 0x00ffffff;
}

static void long_words(enum sg_format_id id, bool modifiers, uint64_t *state, uint32_t words[3]) {
    bool is_matrix = id == SG_FORMAT_VOP3P && (words[0] >> 16 & 127) >= 0x40;
    const struct sg_row *row = sg_level_v2.find[id](opcode_of(id, words[0]));
    bool has_carry_in = row && row->flags & SG_VF_CIN;
    /* LLVM's disassembler does not survive constants as matrices. */
    for (uint32_t n = 0; n < 3; n++) {
        uint32_t source = is_matrix && n < 2 ? SG_VGPR0 + vgpr(state) : any_source(state, false);
        bool is_mask = n == 2 && has_carry_in;
        if (is_mask || uses(row, n + 1, state))
            words[1] |= (is_mask ? sgpr(state) : source) << (9 * n);
    }
    if (uses(row, 0, state) || (row && row->flags & SG_VF_CMP))
        words[0] |= below(state, 5) ? vgpr(state) : sgpr(state);
    if (id == SG_FORMAT_VOP3P) {
        words[1] |= row && row->flags & SG_VF_MFMA ? below(state, 4) << 27 : 3u << 27;
        words[0] |= is_matrix ? (row && row->flags & SG_VF_MFMA ? below(state, 2) << 15 : 1u << 14)
                              : 1u << 14;
    }
    if (id == SG_FORMAT_VOP3 && row && row->flags & SG_VF_COUT)
        words[0] |= sgpr(state) << 8;
    else if (modifiers)
        words[0] |= rare(state, 3) << 8 | rare(state, 4) << 11;
    if (modifiers) {
        words[0] |= rare(state, 1) << 15;
        words[1] ^= rare(state, 2) << 27 | rare(state, 3) << 29;
    }
}

/* Operands of LDS and memory: addresses and data with and without the accumulation registers.
 * Operand 0 of a row is the destination, 1 the address, 2 and 3 are data. */
static void memory_words(enum sg_format_id id, bool modifiers, uint64_t *state, uint32_t words[3]) {
    const struct sg_row *row = sg_level_v2.find[id](opcode_of(id, words[0]));
    uint32_t acc = modifiers ? below(state, 2) : 0, field[4];
    for (uint32_t n = 0; n < 4; n++)
        field[n] = uses(row, n, state) ? vgpr(state) : 0;
    bool returns = below(state, 2), has_load = row && row->types[0] && !row->types[2];
    switch (id) {
    case SG_FORMAT_DS:
        words[0] |= rare(state, 16) | acc << 25 | (modifiers ? rare(state, 1) << 16 : 0);
        words[1] = field[1] | field[2] << 8 | field[3] << 16 | field[0] << 24;
        if (row && row->opcode >= 0x98 && row->opcode <= 0x9d) // GWS is part of GDS
            words[0] = (words[0] & ~(1u << 25)) | 1u << 16;
        break;
    case SG_FORMAT_FLAT:
    case SG_FORMAT_SCRATCH:
    case SG_FORMAT_GLOBAL:
        words[0] |= rare(state, id == SG_FORMAT_FLAT ? 12 : 13) | rare(state, 1) << 17 |
                    (uint32_t)returns << 16;
        if (id == SG_FORMAT_GLOBAL && modifiers)
            words[0] |= rare(state, 1) << 13;
        if (words[0] >> 13 & 1 || (!has_load && !returns))
            field[0] = 0;
        words[1] = field[1] | field[2] << 8 | acc << 23 | field[0] << 24;
        if (id != SG_FORMAT_FLAT)
            words[1] |= (below(state, 2) ? 127 : below(state, 50) * 2) << 16;
        if (id == SG_FORMAT_SCRATCH && words[1] >> 16 != 127)
            words[1] &= below(state, 2) ? ~0xffu : ~0u;
        break;
    case SG_FORMAT_MIMG: // a channel mask, and unnormalised coordinates
        words[0] |= (1 + below(state, 15)) << 8 | 1u << 12 | (uint32_t)returns << 13 | acc << 16;
        if (modifiers)
            words[0] |= rare(state, 1) << 7 | rare(state, 2) << 14 | rare(state, 1) << 17 |
                        rare(state, 1) << 25;
        words[1] = vgpr(state) | vgpr(state) << 8 | below(state, 20) << 16;
        words[1] |= below(state, 2) ? below(state, 20) << 21 : 0;
        break;
    default: // MUBUF, MTBUF
        if (row && row->flags & SG_VMEM_BARE)
            break;
        words[0] |= rare(state, 12) | below(state, 4) << 12 | rare(state, 1) << 14;
        words[1] = field[1] | (field[0] | field[2]) << 8 | below(state, 25) << 16 | acc << 23 |
                   (constant(state) & 191) << 24;
        if (row && row->flags & SG_VMEM_LDS)
            words[0] = (words[0] & ~0x3000u) | 1u << 16;
        if (id == SG_FORMAT_MTBUF) { // formats are part of the instruction
            words[0] |= below(state, 128) << 19;
            words[1] |= modifiers ? rare(state, 1) << 22 : 0;
        } else if (modifiers) {
            words[0] |= rare(state, 2) << 16;
        }
        if (id == SG_FORMAT_MUBUF && words[0] >> 16 & 1)
            words[1] &= ~0xff00u;
        if ((words[0] >> 12 & 3) == 0)
            words[1] &= ~0xffu;
        break;
    }
}

static void scalar_memory_words(uint64_t *state, uint32_t words[3]) {
    const struct sg_row *row =
        sg_level_v2.find[SG_FORMAT_SMEM](opcode_of(SG_FORMAT_SMEM, words[0]));
    if (row && row->flags & SG_SMEM_BARE) {
        words[0] |= row->types[0] ? sgpr(state) << 6 : 0;
        return;
    }
    uint32_t addressing = below(state, 4);
    bool has_imm = addressing != 0;
    words[0] |= below(state, 25) * 2 | (!row || below(state, 2) ? below(state, 24) * 4 << 6 : 0) |
                rare(state, 1) << 16 | (uint32_t)has_imm << 17;
    words[1] = has_imm ? below(state, 1u << 21) : below(state, 100);
    if (addressing == 3) {
        words[0] |= 1u << 14;
        words[1] |= below(state, 100) << 25;
    }
}

void random_words(enum sg_format_id id, uint32_t opcode, enum words_form form, bool modifiers,
                  uint64_t *state, uint32_t words[3]) {
    const struct sg_format *format = &sg_formats[id];
    words[0] = format->value | opcode << format->opcode_shift;
    words[1] = words[2] = 0;
    switch (id) {
    case SG_FORMAT_SOP1: // 0 where there is no such operand
        words[0] |=
            (below(state, 3) ? sgpr(state) << 16 : 0) | (below(state, 4) ? scalar(state, true) : 0);
        break;
    case SG_FORMAT_SOP2:
        words[0] |= (below(state, 3) ? sgpr(state) << 16 : 0) | scalar(state, true) |
                    scalar(state, false) << 8;
        break;
    case SG_FORMAT_SOPC:
        words[0] |= scalar(state, true) | scalar(state, false) << 8;
        break;
    case SG_FORMAT_SOPK:
        words[0] |= (below(state, 3) ? sgpr(state) << 16 : 0) | below(state, 0x10000);
        break;
    case SG_FORMAT_SOPP:
        words[0] |= below(state, 1u << (below(state, 5) * 4));
        break;
    case SG_FORMAT_VOP1:
    case SG_FORMAT_VOP2:
    case SG_FORMAT_VOPC:
        short_words(id, form, modifiers, state, words);
        break;
    case SG_FORMAT_VOP3:
    case SG_FORMAT_VOP3P:
        long_words(id, modifiers, state, words);
        break;
    case SG_FORMAT_SMEM:
        scalar_memory_words(state, words);
        break;
    default:
        memory_words(id, modifiers, state, words);
        break;
    }
    if (words[1] == 0 && sg_formats[id].dwords == 1)
        words[1] = 0x10000000 | below(state, 1u << 28); // where a literal would be
}
