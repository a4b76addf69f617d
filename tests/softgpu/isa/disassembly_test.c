/* SPDX-License-Identifier: MIT */
/// Every opcode of the scalar and vector encodings against LLVM's disassembler: what LLVM knows we
/// know, under the same name and with the same operands, and the other way round.
#include "row_words.h"

#include "softgpu/isa/isa.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 16384, TEXT_BYTES = 160 };

struct line {
    struct row_words row;
    char ours[TEXT_BYTES]; ///< "" when it does not decode
    char llvm[TEXT_BYTES];
};

struct list {
    struct line *lines;
    size_t count;
};

/* What LLVM prints differently on purpose, or decodes though it assembles nothing like it. */
static bool is_excepted(const struct line *line) {
    static const char *const prefixes[] = {
        "s_branch",       "s_cbranch",      "s_call_b64", // we print the target address
        "s_sendmsg",                                      // message 0
        "s_incperflevel", "s_decperflevel", "s_ttracedata",
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(line->llvm, prefixes[i], strlen(prefixes[i])) == 0)
            return strncmp(line->ours, prefixes[i], strlen(prefixes[i])) == 0;
    /* A vector register as lane mask or lane number, matrices in scalar registers: LLVM's decoder
     * lets them pass, its assembler refuses them. */
    static const char *const strict[] = {"_co_u32_e64", "v_cndmask_b32_e64", "mfma", "lane_b32"};
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++)
        if (line->ours[0] == '\0' && strstr(line->llvm, strict[i]))
            return true;
    return false;
}

static void add(void *context, const struct row_words *row) {
    struct list *list = context;
    struct line *line = &list->lines[list->count++];
    if (list->count > MAX_LINES)
        abort();
    line->row = *row;
    if (sg_isa_disassemble(row->words, 3, 0, line->ours, TEXT_BYTES) == 0)
        line->ours[0] = '\0';
}

static void squeeze(char *text) {
    char *to = text;
    for (const char *from = text + strspn(text, " \t"); *from && *from != '\n'; from++) {
        bool blank = *from == ' ' || *from == '\t';
        if (!blank || (to > text && to[-1] != ' '))
            *to++ = blank ? ' ' : *from;
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

/* "[0x01,0x02,...]" to words; returns how many. */
static size_t parse_encoding(const char *text, uint32_t words[3]) {
    size_t bytes = 0;
    memset(words, 0, 3 * sizeof *words);
    for (const char *at = strstr(text, "0x"); at && bytes < 12; at = strstr(at + 2, "0x"), bytes++)
        words[bytes / 4] |= (uint32_t)strtoul(at, NULL, 16) << bytes % 4 * 8;
    return bytes / 4;
}

/* LLVM goes on behind what it decoded or could not; its encoding says what a line belongs to. */
static size_t take_output(struct list *list, FILE *output) {
    char buffer[512];
    size_t next = 0, taken = 0;
    while (fgets(buffer, sizeof buffer, output)) {
        char *encoding = strstr(buffer, "encoding: [");
        uint32_t words[3];
        if (!encoding)
            continue;
        size_t count = parse_encoding(encoding, words);
        for (size_t i = next; i < list->count; i++) {
            struct line *line = &list->lines[i];
            if (line->llvm[0] || memcmp(line->row.words, words, count * sizeof *words) != 0)
                continue;
            *strpbrk(buffer, ";") = '\0';
            squeeze(buffer);
            memcpy(line->llvm, buffer, strnlen(buffer, TEXT_BYTES - 1));
            next = i + 1;
            taken++;
            break;
        }
    }
    return taken;
}

static FILE *run_llvm(const struct list *list, const char *input_path) {
    char command[512];
    FILE *input = fopen(input_path, "w");
    if (!input)
        return NULL;
    for (size_t i = 0; i < list->count; i++) {
        for (uint32_t byte = 0; byte < 8; byte++)
            fprintf(input, "0x%02x ", list->lines[i].row.words[byte / 4] >> byte % 4 * 8 & 255);
        fputc('\n', input);
    }
    fclose(input);
    snprintf(command, sizeof command,
             "%s -arch=amdgcn -mcpu=gfx90a -disassemble -show-encoding %s 2>/dev/null", LLVM_MC,
             input_path);
    return popen(command, "r");
}

int main(void) {
    static struct line lines[MAX_LINES];
    struct list list = {lines, 0};
    size_t compared = 0, wrong = 0;
    row_words_all(add, &list);
    FILE *output = run_llvm(&list, "disassembly_test.in");
    size_t taken = output ? take_output(&list, output) : 0;
    if (!output || pclose(output) != 0 || taken < 1000) {
        fprintf(stderr, "%s decoded %zu of %zu\n", LLVM_MC, taken, list.count);
        return 1;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct line *line = &lines[i];
        squeeze(line->ours);
        if (line->ours[0] == '\0' && line->llvm[0] == '\0')
            continue;
        compared++;
        if (strcmp(line->ours, line->llvm) == 0 || is_excepted(line))
            continue;
        /* Fields that an instruction ignores: we decode, LLVM may refuse. Another choice of the
         * fields has to agree, which the row's other lines show. */
        if (line->llvm[0] == '\0')
            continue;
        wrong++;
        fprintf(stderr, "%s %#x: %08x %08x: ours '%s', LLVM's '%s'\n", line->row.encoding,
                line->row.opcode, line->row.words[0], line->row.words[1], line->ours, line->llvm);
    }
    /* Every row of ours was confirmed by LLVM under one choice of its fields at least. */
    for (size_t i = 0; i < list.count; i++) {
        bool confirmed = lines[i].row.name[0] == '\0';
        for (size_t k = 0; k < list.count && !confirmed; k++)
            confirmed = lines[k].row.opcode == lines[i].row.opcode &&
                        lines[k].row.encoding == lines[i].row.encoding && lines[k].llvm[0];
        if (!confirmed) {
            wrong++;
            fprintf(stderr, "%s %#x %s: not an instruction to LLVM\n", lines[i].row.encoding,
                    lines[i].row.opcode, lines[i].row.name);
            lines[i].row.name = "";
        }
    }
    printf("%zu words, %zu decoded, %zu wrong\n", list.count, compared, wrong);
    return wrong != 0;
}
