/* SPDX-License-Identifier: MIT */
#include "probe/source_lines.h"

#include <dlfcn.h>
#include <elf.h>
#include <libelf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Source: elfutils, libdw.h (ABI of libdw.so.1, version ELFUTILS_0.173). Declared here so that
// building needs no header of a library that is only opened at run time.
typedef struct Dwarf Dwarf;
typedef struct Dwarf_Lines Dwarf_Lines;
typedef struct Dwarf_Line Dwarf_Line;
#define DWARF_READ 0

static struct {
    Dwarf *(*begin_elf)(Elf *elf, int command, Elf_Scn *group);
    int (*end)(Dwarf *dwarf);
    int (*next_lines)(Dwarf *dwarf, uint64_t offset, uint64_t *next_offset, void **unit,
                      void **files, size_t *file_count, Dwarf_Lines **lines, size_t *line_count);
    Dwarf_Line *(*onesrcline)(Dwarf_Lines *lines, size_t index);
    int (*lineaddr)(Dwarf_Line *line, uint64_t *address);
    int (*lineno)(Dwarf_Line *line, int *number);
    const char *(*linesrc)(Dwarf_Line *line, uint64_t *mtime, uint64_t *length);
    int (*lineendsequence)(Dwarf_Line *line, bool *is_end);
    bool is_usable;
} dw;

static void open_dw(void) {
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    static const struct {
        const char *name;
        void *function;
    } functions[] = {
        {"dwarf_begin_elf", &dw.begin_elf},   {"dwarf_end", &dw.end},
        {"dwarf_next_lines", &dw.next_lines}, {"dwarf_onesrcline", &dw.onesrcline},
        {"dwarf_lineaddr", &dw.lineaddr},     {"dwarf_lineno", &dw.lineno},
        {"dwarf_linesrc", &dw.linesrc},       {"dwarf_lineendsequence", &dw.lineendsequence},
    };
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(library, functions[i].name);
        if (!found)
            return;
        memcpy(functions[i].function, &found, sizeof(found));
    }
    dw.is_usable = true;
}

/// What rows are collected into.
struct rows {
    struct hsp_source_line *items;
    size_t count;
    uint64_t begin;
    uint64_t end;
    struct hsp_arena *arena;
    const char *file; ///< of the row before: most rows share it
};

// False when memory is short.
static bool add_row(struct rows *rows, Dwarf_Line *raw) {
    uint64_t address = 0;
    int number = 0;
    bool is_end = false;
    if (dw.lineaddr(raw, &address) != 0 || dw.lineno(raw, &number) != 0 ||
        dw.lineendsequence(raw, &is_end) != 0 || address < rows->begin || address >= rows->end)
        return true;
    const char *file = is_end ? NULL : dw.linesrc(raw, NULL, NULL);
    if (file && (!rows->file || strcmp(file, rows->file) != 0))
        rows->file = hsp_arena_text(rows->arena, file, strlen(file));
    struct hsp_source_line *items = realloc(rows->items, (rows->count + 1) * sizeof(*items));
    if (!items)
        return false;
    rows->items = items;
    rows->items[rows->count++] = (struct hsp_source_line){
        .address = address,
        .file = file ? rows->file : NULL,
        .line = number > 0 ? (uint32_t)number : 0,
    };
    return true;
}

static void read_rows(Dwarf *dwarf, struct rows *rows) {
    uint64_t offset = 0, next = 0;
    void *unit = NULL, *files = NULL;
    size_t file_count = 0, line_count = 0;
    Dwarf_Lines *lines = NULL;
    while (dw.next_lines(dwarf, offset, &next, &unit, &files, &file_count, &lines, &line_count) ==
           0) {
        for (size_t i = 0; lines && i < line_count; i++)
            if (!add_row(rows, dw.onesrcline(lines, i)))
                return;
        if (next <= offset)
            return;
        offset = next;
    }
}

static int by_address(const void *a, const void *b) {
    const struct hsp_source_line *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    // What ends one sequence doesn't hide what begins the next one there.
    return (first->file != NULL) - (second->file != NULL);
}

struct hsp_source_line *hsp_source_lines_read(const struct hsp_image *image, uint64_t begin,
                                              uint64_t end, struct hsp_arena *arena,
                                              size_t *out_count) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_dw);
    struct rows rows = {.begin = begin, .end = end, .arena = arena};
    *out_count = 0;
    Elf64_Ehdr header;
    memcpy(&header, image->bytes, sizeof(header));
    // Lines of an unlinked object wait for relocations.
    if (!dw.is_usable || header.e_type == ET_REL || elf_version(EV_CURRENT) == EV_NONE)
        return NULL;
    // elf_memory takes a plain pointer but only reads as long as nothing is written through it.
    Elf *elf = elf_memory((char *)(uintptr_t)image->bytes, image->size);
    Dwarf *dwarf = elf ? dw.begin_elf(elf, DWARF_READ, NULL) : NULL;
    if (dwarf) {
        read_rows(dwarf, &rows);
        dw.end(dwarf);
    }
    elf_end(elf);
    if (rows.count)
        qsort(rows.items, rows.count, sizeof(*rows.items), by_address);
    *out_count = rows.count;
    return rows.items;
}
