/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <gelf.h>
#include <libelf.h>

#include "probe/image.h"
#include "probe/isa.h"

// elf.h of glibc 2.36 has EM_AMDGPU but not AMD's OS ABI.
#define OSABI_AMDGPU_HSA 64

// Source: LLVM 15, AMDGPUUsage, "Code Object V3 and Above Note Records".
#define METADATA_NOTE      32
#define METADATA_NOTE_NAME "AMDGPU"

// Version 2 has no MessagePack metadata and no kernel descriptors; 6 came with ROCm 6.2.
// Compilers write one table of notes, which a segment and a section show.
#define NOTE_TABLES_MAX 16u
#define VERSION_OLDEST  3
#define VERSION_NEWEST  6

static hsp_status malformed(const struct hsp_bytes *elf, const char *what) {
    return hsp_fail(HSP_ERROR_FORMAT, "%s: malformed ELF at offset %" PRIu64 ": %s", elf->name,
                    elf->file_offset, what);
}

static bool table_fits(size_t size, uint64_t offset, uint64_t count, uint64_t entry_bytes,
                       size_t expected_bytes) {
    return count == 0 ||
           (entry_bytes == expected_bytes && hsp_bytes_hold(size, offset, count * entry_bytes));
}

/// One note: a 12-byte header, a name and a descriptor, each padded to 4 bytes.
struct note {
    Elf64_Nhdr header;
    const unsigned char *name;
    const unsigned char *descriptor;
};

// Moves *offset behind the next note. False at the end and where a note reaches beyond it; the two
// are told apart by *offset.
static bool next_note(const unsigned char *notes, uint64_t size, uint64_t *offset,
                      struct note *note) {
    if (size - *offset < sizeof(note->header))
        return false;
    memcpy(&note->header, notes + *offset, sizeof(note->header));
    const uint64_t name_bytes = ((uint64_t)note->header.n_namesz + 3) / 4 * 4;
    const uint64_t left = size - *offset - sizeof(note->header);
    if (name_bytes > left || note->header.n_descsz > left - name_bytes)
        return false;
    note->name = notes + *offset + sizeof(note->header);
    note->descriptor = note->name + name_bytes;
    const uint64_t end =
        *offset + sizeof(note->header) + name_bytes + ((uint64_t)note->header.n_descsz + 3) / 4 * 4;
    *offset = end < size ? end : size;
    return true;
}

static bool notes_fit(const unsigned char *notes, uint64_t size) {
    uint64_t offset = 0;
    struct note note;
    while (next_note(notes, size, &offset, &note))
        ;
    return size - offset < sizeof(note.header);
}

// Counted, since any number of them may show the same bytes, each to be read.
static hsp_status check_notes(const struct hsp_bytes *elf, uint64_t offset, uint64_t size,
                              unsigned *table_count) {
    if (++*table_count > NOTE_TABLES_MAX)
        return malformed(elf, "more tables of notes than any compiler writes");
    return notes_fit(elf->data + offset, size) ? HSP_OK
                                               : malformed(elf, "a note reaches beyond its table");
}

static hsp_status check_segments(const struct hsp_bytes *elf, const Elf64_Ehdr *header) {
    unsigned table_count = 0;
    hsp_status status = HSP_OK;
    for (unsigned i = 0; i < header->e_phnum && status == HSP_OK; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, elf->data + header->e_phoff + i * sizeof(segment), sizeof(segment));
        if (!hsp_bytes_hold(elf->size, segment.p_offset, segment.p_filesz))
            return malformed(elf, "a segment reaches beyond the end");
        if (segment.p_type == PT_NOTE)
            status = check_notes(elf, segment.p_offset, segment.p_filesz, &table_count);
    }
    return status;
}

static hsp_status check_sections(const struct hsp_bytes *elf, const Elf64_Ehdr *header) {
    unsigned table_count = 0;
    hsp_status status = HSP_OK;
    for (unsigned i = 0; i < header->e_shnum && status == HSP_OK; i++) {
        Elf64_Shdr section;
        memcpy(&section, elf->data + header->e_shoff + i * sizeof(section), sizeof(section));
        if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL)
            continue;
        if (!hsp_bytes_hold(elf->size, section.sh_offset, section.sh_size))
            return malformed(elf, "a section reaches beyond the end");
        if (section.sh_type == SHT_NOTE)
            status = check_notes(elf, section.sh_offset, section.sh_size, &table_count);
    }
    return status;
}

static hsp_status read_header(const struct hsp_bytes *elf, Elf64_Ehdr *header) {
    if (elf->size < sizeof(*header) || memcmp(elf->data, ELFMAG, SELFMAG) != 0)
        return malformed(elf, "no ELF header");
    memcpy(header, elf->data, sizeof(*header));
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return malformed(elf, "expected a 64-bit little-endian ELF");
    if (header->e_machine != EM_AMDGPU)
        return hsp_fail(HSP_ERROR_FORMAT,
                        "%s: the ELF at offset %" PRIu64 " is for machine %u, expected AMDGPU (%u)",
                        elf->name, elf->file_offset, header->e_machine, EM_AMDGPU);
    if (header->e_ident[EI_OSABI] != OSABI_AMDGPU_HSA)
        return hsp_fail(HSP_ERROR_FORMAT,
                        "%s: the AMDGPU ELF at offset %" PRIu64
                        " has OS ABI %u, expected AMDGPU_HSA (%u)",
                        elf->name, elf->file_offset, header->e_ident[EI_OSABI], OSABI_AMDGPU_HSA);
    if (!table_fits(elf->size, header->e_phoff, header->e_phnum, header->e_phentsize,
                    sizeof(Elf64_Phdr)))
        return malformed(elf, "the segment table reaches beyond the end");
    if (!table_fits(elf->size, header->e_shoff, header->e_shnum, header->e_shentsize,
                    sizeof(Elf64_Shdr)))
        return malformed(elf, "the section table reaches beyond the end");
    return HSP_OK;
}

hsp_status hsp_image_read_elf(const struct hsp_bytes *elf, struct hsp_image *out_image) {
    Elf64_Ehdr header;
    hsp_status status = read_header(elf, &header);
    if (status == HSP_OK)
        status = check_segments(elf, &header);
    if (status == HSP_OK)
        status = check_sections(elf, &header);
    if (status != HSP_OK)
        return status;
    struct hsp_image image = {
        .bytes = elf->data,
        .size = elf->size,
        .offset = elf->file_offset,
        .version = header.e_ident[EI_ABIVERSION] + 2u,
        .kind = "elf",
    };
    if (image.version < VERSION_OLDEST || image.version > VERSION_NEWEST)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "%s: code-object version %u is %s than this library reads (%d to %d)",
                        elf->name, image.version,
                        image.version < VERSION_OLDEST ? "older" : "newer", VERSION_OLDEST,
                        VERSION_NEWEST);
    if (!hsp_isa_from_elf(header.e_flags, image.version, image.isa, sizeof(image.isa)))
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "%s: the ELF at offset %" PRIu64
                        " is for an unknown processor (flags 0x%x)",
                        elf->name, elf->file_offset, header.e_flags);
    *out_image = image;
    return HSP_OK;
}

static bool find_metadata(const unsigned char *notes, uint64_t size,
                          struct hsp_bytes *out_metadata) {
    uint64_t offset = 0;
    struct note note;
    while (next_note(notes, size, &offset, &note)) {
        if (note.header.n_type != METADATA_NOTE ||
            note.header.n_namesz != sizeof(METADATA_NOTE_NAME) ||
            memcmp(note.name, METADATA_NOTE_NAME, sizeof(METADATA_NOTE_NAME)) != 0)
            continue;
        out_metadata->data = note.descriptor;
        out_metadata->size = note.header.n_descsz;
        return true;
    }
    return false;
}

// Linked code objects have a note segment, unlinked ones only a section.
hsp_status hsp_image_find_metadata(const struct hsp_image *image, const char *file,
                                   struct hsp_bytes *out_metadata) {
    const unsigned char *bytes = image->bytes;
    Elf64_Ehdr header;
    memcpy(&header, bytes, sizeof(header));
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, bytes + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_NOTE &&
            find_metadata(bytes + segment.p_offset, segment.p_filesz, out_metadata))
            return HSP_OK;
    }
    for (unsigned i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section;
        memcpy(&section, bytes + header.e_shoff + i * sizeof(section), sizeof(section));
        if (section.sh_type == SHT_NOTE &&
            find_metadata(bytes + section.sh_offset, section.sh_size, out_metadata))
            return HSP_OK;
    }
    return hsp_fail(HSP_ERROR_FORMAT, "%s: the code object for %s has no kernel metadata", file,
                    image->isa);
}

static hsp_status find_section(Elf *elf, const struct hsp_bytes *host,
                               struct hsp_bytes *out_section) {
    size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return hsp_fail(HSP_STATUS(HSP_DOMAIN_ELF, elf_errno()), "%s: malformed ELF: %s",
                        host->name, elf_errmsg(-1));
    for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
        GElf_Shdr section;
        if (!gelf_getshdr(scn, &section))
            continue;
        const char *name = elf_strptr(elf, names, section.sh_name);
        if (!name || strcmp(name, ".hip_fatbin") != 0)
            continue;
        if (section.sh_type == SHT_NOBITS ||
            !hsp_bytes_hold(host->size, section.sh_offset, section.sh_size))
            return hsp_fail(HSP_ERROR_FORMAT, "%s: section .hip_fatbin reaches beyond the end",
                            host->name);
        *out_section = (struct hsp_bytes){.data = host->data + section.sh_offset,
                                          .size = section.sh_size,
                                          .file_offset = host->file_offset + section.sh_offset,
                                          .name = host->name};
        return HSP_OK;
    }
    return hsp_fail(HSP_ERROR_FORMAT,
                    "%s: a host ELF without GPU code (it has no section .hip_fatbin)", host->name);
}

static const char *describe_elf(uint32_t code) {
    return elf_errmsg((int)code);
}

hsp_status hsp_fat_binary_find(const struct hsp_bytes *host, struct hsp_bytes *out_section) {
    if (elf_version(EV_CURRENT) == EV_NONE)
        return hsp_fail(HSP_STATUS(HSP_DOMAIN_ELF, elf_errno()), "libelf: %s", elf_errmsg(-1));
    hsp_status_set_describer(HSP_DOMAIN_ELF, describe_elf);
    // elf_memory takes a plain pointer but only reads as long as nothing is written through it.
    Elf *elf = elf_memory((char *)(uintptr_t)host->data, host->size);
    if (!elf)
        return hsp_fail(HSP_STATUS(HSP_DOMAIN_ELF, elf_errno()), "%s: malformed ELF: %s",
                        host->name, elf_errmsg(-1));
    const hsp_status status = find_section(elf, host, out_section);
    elf_end(elf);
    return status;
}
