/* SPDX-License-Identifier: MIT */
#include "probe/symbol.h"

#include <string.h>

#include "probe/image.h"

/// The section table of an image.
struct sections {
    const unsigned char *bytes;
    size_t size;
    Elf64_Ehdr header;
};

static bool section_at(const struct sections *sections, uint32_t index, Elf64_Shdr *out_section) {
    if (index == SHN_UNDEF || index >= sections->header.e_shnum)
        return false;
    memcpy(out_section, sections->bytes + sections->header.e_shoff + index * sizeof(*out_section),
           sizeof(*out_section));
    return out_section->sh_type != SHT_NOBITS &&
           hsp_bytes_hold(sections->size, out_section->sh_offset, out_section->sh_size);
}

static bool place(const struct sections *sections, const Elf64_Sym *raw,
                  struct hsp_symbol *symbol) {
    Elf64_Shdr section;
    if (!section_at(sections, raw->st_shndx, &section))
        return false;
    // An unlinked object's values count in the section.
    const uint64_t start = sections->header.e_type == ET_REL ? 0 : section.sh_addr;
    if (raw->st_value < start || raw->st_value - start > section.sh_size)
        return false;
    symbol->address = raw->st_value;
    symbol->offset = section.sh_offset + (raw->st_value - start);
    symbol->room = section.sh_size - (raw->st_value - start);
    symbol->size = raw->st_size < symbol->room ? raw->st_size : symbol->room;
    symbol->section = raw->st_shndx;
    symbol->type = ELF64_ST_TYPE(raw->st_info);
    return true;
}

// Linked code has two symbol tables, .symtab and .dynsym. Any number could show the same bytes.
#define TABLES_MAX 8u

// Bytes of a string table up to its last terminator: every name that begins there ends there.
static uint64_t names_bytes(const struct sections *sections, const Elf64_Shdr *names) {
    const unsigned char *table = sections->bytes + names->sh_offset;
    const unsigned char *last = memrchr(table, '\0', names->sh_size);
    return last ? (uint64_t)(last - table) + 1 : 0;
}

static bool visit_table(const struct sections *sections, const Elf64_Shdr *table,
                        bool (*visit)(const struct hsp_symbol *, void *), void *data) {
    Elf64_Shdr names;
    if (!section_at(sections, table->sh_link, &names))
        return true;
    const char *texts = (const char *)sections->bytes + names.sh_offset;
    const uint64_t text_bytes = names_bytes(sections, &names);
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym raw;
        memcpy(&raw, sections->bytes + table->sh_offset + i * sizeof(raw), sizeof(raw));
        if (raw.st_name >= text_bytes)
            continue;
        struct hsp_symbol symbol = {.name = texts + raw.st_name};
        if (place(sections, &raw, &symbol) && !visit(&symbol, data))
            return false;
    }
    return true;
}

void hsp_symbols_visit(const struct hsp_image *image,
                       bool (*visit)(const struct hsp_symbol *symbol, void *data), void *data) {
    struct sections sections = {.bytes = image->bytes, .size = image->size};
    memcpy(&sections.header, image->bytes, sizeof(sections.header));
    unsigned table_count = 0;
    for (uint32_t i = 1; i < sections.header.e_shnum && table_count < TABLES_MAX; i++) {
        Elf64_Shdr table;
        if (!section_at(&sections, i, &table) ||
            (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM))
            continue;
        table_count++;
        if (!visit_table(&sections, &table, visit, data))
            return;
    }
}

struct wanted {
    const char *name;
    struct hsp_symbol *out_symbol;
    bool is_found;
};

static bool take_wanted(const struct hsp_symbol *symbol, void *data) {
    struct wanted *wanted = data;
    if (strcmp(symbol->name, wanted->name) != 0)
        return true;
    *wanted->out_symbol = *symbol;
    wanted->is_found = true;
    return false;
}

bool hsp_symbol_find(const struct hsp_image *image, const char *name,
                     struct hsp_symbol *out_symbol) {
    struct wanted wanted = {.name = name, .out_symbol = out_symbol};
    hsp_symbols_visit(image, take_wanted, &wanted);
    return wanted.is_found;
}
