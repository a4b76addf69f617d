/* SPDX-License-Identifier: MIT */
#include "llvm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* s_mov_b32 s99 with the item's number behind each item, three times: one that LLVM takes for the
 * end of an instruction leaves others. No item looks like it. */
enum { MARKERS = 3, FIRST = 4096 }; // FIRST: LLVM would encode small numbers without literal
static const uint32_t marker = 0xbee300ff;

void llvm_squeeze(char *text) {
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

static void write_word(FILE *input, uint32_t word) {
    fprintf(input, "0x%02x 0x%02x 0x%02x 0x%02x ", word & 255, word >> 8 & 255, word >> 16 & 255,
            word >> 24);
}

static void write_input(const struct llvm_item *items, size_t count, FILE *input) {
    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < 3; k++)
            write_word(input, items[i].words[k]);
        for (uint32_t k = 0; k < MARKERS; k++) {
            write_word(input, marker);
            write_word(input, (uint32_t)i + FIRST);
        }
        fputc('\n', input);
    }
}

/* "[0x01,0x02,...]" to words; returns how many. */
static size_t parse_encoding(const char *text, uint32_t words[4]) {
    size_t bytes = 0;
    memset(words, 0, 4 * sizeof *words);
    for (const char *at = strstr(text, "0x"); at && bytes < 16; at = strstr(at + 2, "0x"), bytes++)
        words[bytes / 4] |= (uint32_t)strtoul(at, NULL, 16) << bytes % 4 * 8;
    return bytes / 4;
}

/* The first line behind an item's markers is the next item's, if its words are. */
static void take_output(struct llvm_item *items, size_t count, FILE *output) {
    char buffer[512];
    size_t item = 0;
    while (fgets(buffer, sizeof buffer, output)) {
        char *encoding = strstr(buffer, "encoding: [");
        uint32_t words[4];
        size_t word_count = encoding ? parse_encoding(encoding, words) : 0;
        if (word_count == 2 && words[0] == marker)
            item = (size_t)words[1] - FIRST + 1;
        else if (word_count && word_count <= 3 && item < count && !items[item].text[0] &&
                 memcmp(items[item].words, words, word_count * sizeof *words) == 0) {
            *strpbrk(buffer, ";") = '\0';
            llvm_squeeze(buffer);
            memcpy(items[item].text, buffer, strnlen(buffer, LLVM_TEXT_BYTES - 1));
        }
    }
}

void llvm_disassemble(struct llvm_item *items, size_t count) {
    char path[] = "llvm_input_XXXXXX";
    char command[256];
    int fd = mkstemp(path);
    FILE *input = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!input)
        abort();
    write_input(items, count, input);
    fclose(input);
    snprintf(command, sizeof command,
             "%s -arch=amdgcn -mcpu=gfx90a -disassemble -show-encoding %s 2>/dev/null", LLVM_MC,
             path);
    FILE *output = popen(command, "r");
    if (!output)
        abort();
    take_output(items, count, output);
    int status = pclose(output);
    unlink(path);
    if (status != 0) {
        fprintf(stderr, "%s: exit status %d\n", LLVM_MC, status);
        abort();
    }
}
