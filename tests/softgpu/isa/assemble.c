/* SPDX-License-Identifier: MIT */
#include "assemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The .text section of an ELF64 object, found by its flag SHF_EXECINSTR. */
static size_t text_section(FILE *object, uint32_t *words, size_t capacity) {
    uint8_t header[64], section[64];
    uint64_t at, offset, bytes;
    uint16_t count;
    if (fread(header, sizeof header, 1, object) != 1)
        return 0;
    memcpy(&at, header + 0x28, sizeof at);
    memcpy(&count, header + 0x3c, sizeof count);
    for (uint16_t i = 0; i < count; i++) {
        fseek(object, (long)(at + i * sizeof section), SEEK_SET);
        if (fread(section, sizeof section, 1, object) != 1)
            return 0;
        memcpy(&offset, section + 0x18, sizeof offset);
        memcpy(&bytes, section + 0x20, sizeof bytes);
        if ((section[8] & 4) == 0 || bytes == 0 || bytes > capacity * sizeof *words)
            continue;
        fseek(object, (long)offset, SEEK_SET);
        return fread(words, sizeof *words, bytes / sizeof *words, object);
    }
    return 0;
}

size_t assemble(const char *text, uint32_t *out_words, size_t capacity) {
    char path[] = "isa_test_XXXXXX";
    char command[256];
    int fd = mkstemp(path);
    if (fd < 0)
        abort();
    close(fd);
    snprintf(command, sizeof command, "%s -arch=amdgcn -mcpu=gfx90a -filetype=obj -o %s", LLVM_MC,
             path);
    FILE *assembler = popen(command, "w");
    if (!assembler || fputs(text, assembler) < 0 || pclose(assembler) != 0) {
        fprintf(stderr, "does not assemble:\n%s\n", text);
        abort();
    }
    FILE *object = fopen(path, "r");
    size_t count = object ? text_section(object, out_words, capacity) : 0;
    if (object)
        fclose(object);
    unlink(path);
    if (count == 0)
        abort();
    return count;
}

void assemble_all(const char *const *texts, size_t count, uint32_t *out_words, size_t capacity,
                  size_t *out_first) {
    static const uint32_t between = 0xbf807abc; // s_nop 0x7abc
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(texts[i]) + 16;
    char *all = malloc(bytes), *at = all;
    if (!all)
        abort();
    *all = '\0';
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s\ns_nop 0x7abc\n", texts[i]);
    size_t words = assemble(all, out_words, capacity), kept = 0, found = 0;
    free(all);
    out_first[0] = 0;
    for (size_t i = 0; i < words; i++) {
        if (out_words[i] == between)
            out_first[++found] = kept;
        else
            out_words[kept++] = out_words[i];
    }
    if (found != count)
        abort();
}
