/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/symbols.h"

#include "softgpu/kfd/internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OBJECT_LIMIT = 4096, NAME_BYTES = 256 };

/* A code object's ELF file: in memory, or mapped from a file. */
struct image {
    const uint8_t *bytes;
    size_t size;
    void *mapping; /* NULL: not ours */
    size_t mapping_size;
};

/* Undoes the URI's %XX. */
static void decode(const char *text, size_t length, char *out) {
    for (size_t i = 0; i < length; i++) {
        const char digits[3] = {i + 2 < length ? text[i + 1] : '\0',
                                i + 2 < length ? text[i + 2] : '\0', '\0'};
        const bool encoded = text[i] == '%' && digits[0] && digits[1];
        *out++ = encoded ? (char)strtoul(digits, NULL, 16) : text[i];
        i += encoded ? 2 : 0;
    }
    *out = '\0';
}

static bool open_file(const char *path, size_t path_length, uint64_t offset, uint64_t size,
                      struct image *image) {
    char name[4096];
    struct stat file;
    if (path_length >= sizeof name)
        return false;
    decode(path, path_length, name);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &file)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    image->mapping_size = (size_t)file.st_size;
    image->mapping = mmap(NULL, image->mapping_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (image->mapping == MAP_FAILED || offset > image->mapping_size ||
        size > image->mapping_size - offset) {
        if (image->mapping != MAP_FAILED)
            munmap(image->mapping, image->mapping_size);
        return false;
    }
    image->bytes = (const uint8_t *)image->mapping + offset;
    image->size = size ? size : image->mapping_size - offset;
    return true;
}

static bool open_image(const char *uri, struct image *image) {
    const char *fragment = strchr(uri, '#');
    const char *offset_text = fragment ? strstr(fragment, "offset=") : NULL;
    const char *size_text = fragment ? strstr(fragment, "size=") : NULL;
    const uint64_t offset = offset_text ? strtoull(offset_text + 7, NULL, 0) : 0;
    const uint64_t size = size_text ? strtoull(size_text + 5, NULL, 0) : 0;

    *image = (struct image){0};
    if (!strncmp(uri, "memory://", 9)) {
        image->bytes = (const uint8_t *)(uintptr_t)offset;
        image->size = size;
        return offset && size;
    }
    if (strncmp(uri, "file://", 7))
        return false;
    const char *path = uri + 7;
    return open_file(path, fragment ? (size_t)(fragment - path) : strlen(path), offset, size,
                     image);
}

static void close_image(struct image *image) {
    if (image->mapping)
        munmap(image->mapping, image->mapping_size);
}

/* Where a symbol table and its strings lie in an image. */
struct table {
    uint64_t symbols, symbol_bytes;
    uint64_t strings, string_bytes;
};

static bool inside(const struct image *image, uint64_t offset, uint64_t bytes) {
    return offset <= image->size && bytes <= image->size - offset;
}

/* The function of one symbol table that holds `address`, an address as linked. */
static bool find_in_table(const struct image *image, const struct table *table, uint64_t address,
                          char *name, size_t room, uint64_t *out_start) {
    if (!inside(image, table->symbols, table->symbol_bytes) ||
        !inside(image, table->strings, table->string_bytes))
        return false;
    const uint64_t count = table->symbol_bytes / sizeof(Elf64_Sym);
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, image->bytes + table->symbols + i * sizeof symbol, sizeof symbol);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
            address - symbol.st_value >= symbol.st_size || symbol.st_name >= table->string_bytes)
            continue;
        const char *text = (const char *)image->bytes + table->strings + symbol.st_name;
        snprintf(name, room, "%.*s", (int)(table->string_bytes - symbol.st_name), text);
        *out_start = symbol.st_value;
        return true;
    }
    return false;
}

static bool read_header(const struct image *image, Elf64_Ehdr *header) {
    if (!inside(image, 0, sizeof *header))
        return false;
    memcpy(header, image->bytes, sizeof *header);
    return !memcmp(header->e_ident, ELFMAG, SELFMAG) && header->e_ident[EI_CLASS] == ELFCLASS64;
}

/* A whole ELF file: by its section headers, so that local functions are found too. */
static bool find_in_file(const struct image *image, uint64_t address, char *name, size_t room,
                         uint64_t *out_start) {
    Elf64_Ehdr header;
    if (!read_header(image, &header) || header.e_shentsize != sizeof(Elf64_Shdr) ||
        !inside(image, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr)))
        return false;
    for (uint32_t i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr symbols;
        Elf64_Shdr strings;
        memcpy(&symbols, image->bytes + header.e_shoff + i * sizeof symbols, sizeof symbols);
        if ((symbols.sh_type != SHT_SYMTAB && symbols.sh_type != SHT_DYNSYM) ||
            symbols.sh_link >= header.e_shnum)
            continue;
        memcpy(&strings, image->bytes + header.e_shoff + symbols.sh_link * sizeof strings,
               sizeof strings);
        const struct table table = {symbols.sh_offset, symbols.sh_size, strings.sh_offset,
                                    strings.sh_size};
        if (find_in_table(image, &table, address, name, room, out_start))
            return true;
    }
    return false;
}

/* The dynamic symbol table of an ELF image as loaded, where offsets are addresses as linked. */
static bool dynamic_table(const struct image *image, const Elf64_Phdr *dynamic,
                          struct table *table) {
    uint64_t hash = 0;
    if (!inside(image, dynamic->p_vaddr, dynamic->p_memsz))
        return false;
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic->p_memsz; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        memcpy(&entry, image->bytes + dynamic->p_vaddr + at, sizeof entry);
        if (entry.d_tag == DT_SYMTAB)
            table->symbols = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_STRTAB)
            table->strings = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_STRSZ)
            table->string_bytes = entry.d_un.d_val;
        else if (entry.d_tag == DT_HASH)
            hash = entry.d_un.d_ptr;
    }
    uint32_t counts[2]; /* buckets, and chains: one per symbol */
    if (!hash || !inside(image, hash, sizeof counts))
        return false;
    memcpy(counts, image->bytes + hash, sizeof counts);
    table->symbol_bytes = counts[1] * sizeof(Elf64_Sym);
    return true;
}

static bool find_in_loaded(const struct image *image, uint64_t address, char *name, size_t room,
                           uint64_t *out_start) {
    Elf64_Ehdr header;
    if (!read_header(image, &header) || header.e_phentsize != sizeof(Elf64_Phdr) ||
        !inside(image, header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr)))
        return false;
    for (uint32_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        struct table table = {0};
        memcpy(&segment, image->bytes + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_DYNAMIC && dynamic_table(image, &segment, &table) &&
            find_in_table(image, &table, address, name, room, out_start))
            return true;
    }
    return false;
}

uint64_t sg_symbols_list(void) {
    return (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "_amdgpu_r_debug");
}

static bool find_in_list(const struct r_debug *list, uint64_t pc, char *name, size_t room,
                         uint64_t *out_start) {
    const struct link_map *object = list->r_map;
    for (int i = 0; object && i < OBJECT_LIMIT; i++, object = object->l_next) {
        struct image image;
        if (pc < object->l_addr || !object->l_name || !open_image(object->l_name, &image))
            continue;
        const bool found = find_in_file(&image, pc - object->l_addr, name, room, out_start);
        close_image(&image);
        if (found) {
            *out_start += object->l_addr;
            return true;
        }
    }
    return false;
}

bool sg_symbols_find(const struct sg_vm *vm, uint64_t r_debug, uint64_t pc, char *out_name,
                     size_t room, uint64_t *out_start) {
    struct sg_vm_range range;
    if (sg_vm_find(vm, pc, &range) && !(range.flags & SG_VM_USERPTR)) {
        const struct image image = {.bytes = range.host, .size = range.bytes};
        if (find_in_loaded(&image, pc - range.va, out_name, room, out_start)) {
            *out_start += range.va;
            return true;
        }
    }
    return r_debug &&
           find_in_list((const struct r_debug *)(uintptr_t)r_debug, pc, out_name, room, out_start);
}

static const char *what_happened(const struct sg_fault *fault) {
    static const char *const texts[] = {
        [SG_FAULT_MEMORY_UNMAPPED] = "access to unmapped memory",
        [SG_FAULT_MEMORY_READ_ONLY] = "write to read-only memory",
        [SG_FAULT_MEMORY_MISALIGNED] = "misaligned access",
        [SG_FAULT_APERTURE] = "access outside the LDS or scratch aperture",
        [SG_FAULT_ILLEGAL_INSTRUCTION] = "illegal instruction",
        [SG_FAULT_UNIMPLEMENTED] = "not implemented",
        [SG_FAULT_TRAP] = "trap",
    };
    const size_t cause = (size_t)fault->cause;
    const char *text = cause < sizeof texts / sizeof texts[0] ? texts[cause] : NULL;
    return text ? text : "fault";
}

/* "v_foo_f32 (VOP2 op 0x3a) not implemented", "read of unmapped memory at 0x10", ... */
static void describe(const struct sg_fault *fault, char *text, size_t room) {
    const char *what = what_happened(fault);
    switch (fault->cause) {
    case SG_FAULT_MEMORY_UNMAPPED:
    case SG_FAULT_MEMORY_READ_ONLY:
    case SG_FAULT_MEMORY_MISALIGNED:
    case SG_FAULT_APERTURE:
        snprintf(text, room, "%s%s%s (%s) of lane %u at %#llx", fault->mnemonic,
                 fault->mnemonic[0] ? ": " : "", what, fault->is_write ? "store" : "load",
                 fault->lane, (unsigned long long)fault->va);
        break;
    case SG_FAULT_TRAP:
        snprintf(text, room, "s_trap %u", fault->code);
        break;
    default:
        if (fault->mnemonic[0])
            snprintf(text, room, "%s (%s op %#x) %s", fault->mnemonic, fault->encoding,
                     fault->opcode, what);
        else if (fault->encoding[0])
            snprintf(text, room, "%s op %#x %s", fault->encoding, fault->opcode, what);
        else
            snprintf(text, room, "%s", what);
    }
}

/* A copy of SDMA's, a signal, an indirect buffer: no kernel had a part in it. */
static void report_packet(const struct sg_fault *fault) {
    dprintf(STDERR_FILENO, "gfx90a: %s (%s) at %#llx by a packet of %s queue %u\n",
            what_happened(fault), fault->is_write ? "store" : "load", (unsigned long long)fault->va,
            fault->engine, fault->queue_id);
}

void sg_kfd_report(void *context, const struct sg_fault *fault) {
    const struct sg_gpu *gpu = context;
    char name[NAME_BYTES];
    char what[NAME_BYTES];
    char words[40] = "";
    char where[NAME_BYTES + 32];
    uint64_t start = 0;

    if (fault->engine) {
        report_packet(fault);
        return;
    }
    describe(fault, what, sizeof what);
    for (uint32_t i = 0; i < fault->dword_count && i < 3; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%08x", i ? " " : ": ",
                 fault->dwords[i]);
    if (sg_symbols_find(gpu->vm, atomic_load(&gpu->kfd->r_debug), fault->pc, name, sizeof name,
                        &start))
        snprintf(where, sizeof where, "%s+%#llx", name, (unsigned long long)(fault->pc - start));
    else if (fault->dword_count)
        snprintf(where, sizeof where, "%#llx (kernel's entry+%#llx)", (unsigned long long)fault->pc,
                 (unsigned long long)(fault->pc - fault->entry));
    else /* no instruction was there to be read: the jump was wrong */
        snprintf(where, sizeof where, "%#llx, where no code is", (unsigned long long)fault->pc);
    dprintf(STDERR_FILENO, "gfx90a: %s at %s%s (wave %u, workgroup %u,%u,%u)\n", what, where, words,
            fault->wave, fault->workgroup[0], fault->workgroup[1], fault->workgroup[2]);
}

/* Writes `line` with the address behind "kernel " replaced by its name, where it has one. */
static void write_named(const struct sg_gpu *gpu, const char *line, size_t length, int fd) {
    static const char word[] = "kernel 0x";
    char name[NAME_BYTES];
    uint64_t start;
    const char *at = memmem(line, length, word, sizeof word - 1);
    if (at) {
        char *end;
        const uint64_t entry = strtoull(at + sizeof word - 3, &end, 16);
        if (sg_symbols_find(gpu->vm, atomic_load(&gpu->kfd->r_debug), entry, name, sizeof name,
                            &start) &&
            start == entry) {
            dprintf(fd, "%.*s%s%.*s", (int)(at - line + (int)sizeof word - 3), line, name,
                    (int)(line + length - end), end);
            return;
        }
    }
    const ssize_t written = write(fd, line, length);
    (void)written;
}

static void dump_gpu(const struct sg_gpu *gpu, int fd) {
    char text[4096];
    const int file = memfd_create("dump", MFD_CLOEXEC);
    if (file < 0) {
        sg_cp_dump(gpu->cp, fd);
        return;
    }
    sg_cp_dump(gpu->cp, file);
    off_t offset = 0;
    for (ssize_t got; (got = pread(file, text, sizeof text - 1, offset)) > 0;) {
        text[got] = '\0';
        const char *newline = memchr(text, '\n', (size_t)got);
        const size_t length = newline ? (size_t)(newline - text) + 1 : (size_t)got;
        text[length] = '\0';
        write_named(gpu, text, length, fd);
        offset += (off_t)length;
    }
    close(file);
}

void sg_kfd_dump(struct sg_kfd *kfd, int fd) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++)
        dump_gpu(&kfd->gpus[i], fd);
}
