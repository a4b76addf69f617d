/* SPDX-License-Identifier: MIT */
#include "manifest_libraries.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define BUILD_ID_TEXT 80 /* SHA-256 in digits fits */

static size_t padded(size_t bytes) {
    return (bytes + 3) & ~(size_t)3;
}

static void write_digits(const unsigned char *bytes, size_t count, char *out_text,
                         size_t capacity) {
    for (size_t i = 0; i < count && 2 * i + 2 < capacity; i++)
        snprintf(out_text + 2 * i, 3, "%02x", bytes[i]);
}

void manifest_build_id(const void *notes, size_t bytes, char *out_text, size_t capacity) {
    const unsigned char *at = notes;
    out_text[0] = 0;
    while (bytes >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t name_bytes = padded(note.n_namesz);
        size_t data_bytes = padded(note.n_descsz);
        if (name_bytes > bytes - sizeof note || data_bytes > bytes - sizeof note - name_bytes)
            return;
        const unsigned char *name = at + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
            write_digits(name + name_bytes, note.n_descsz, out_text, capacity);
            return;
        }
        at += sizeof note + name_bytes + data_bytes;
        bytes -= sizeof note + name_bytes + data_bytes;
    }
}

/* What a launch runs through; libc is in it because every call of the driver is. */
static bool is_wanted(const char *name) {
    static const char *const wanted[] = {
        "libhsa-runtime64", "libhsakmt",    "libamdhip64", "libamd_comgr", "libhsaprobe",
        "librocprofiler",   "libroctracer", "librocm",     "libdrm",       "libc.so"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strncmp(name, wanted[i], strlen(wanted[i])) == 0)
            return true;
    return false;
}

static int add_library(struct dl_phdr_info *info, size_t bytes, void *table) {
    (void)bytes;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : info->dlpi_name;
    char build_id[BUILD_ID_TEXT] = "";
    if (!is_wanted(name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum && !*build_id; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE)
            manifest_build_id((const void *)(info->dlpi_addr + segment->p_vaddr), segment->p_memsz,
                              build_id, sizeof build_id);
    }
    char *file = realpath(info->dlpi_name, NULL);
    report_row((struct report_section *)table, report_text(name),
               report_text(file ? file : info->dlpi_name),
               *build_id ? report_text(build_id) : report_nothing());
    free(file);
    return 0;
}

void manifest_add_libraries(struct report *report) {
    static const struct report_column columns[] = {
        {"library", "library", SOURCE_NONE, FORMAT_PLAIN},
        {"file", "file", SOURCE_NONE, FORMAT_PLAIN},
        {"build_id", "build id", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table = report_table(report, "libraries", "mapped libraries", columns,
                                                sizeof columns / sizeof *columns);
    report_limit(table, AUDIENCE_DETAILS);
    dl_iterate_phdr(add_library, table);
}
