/* SPDX-License-Identifier: MIT */
#include <hsaprobe/disassembly.h>

#include <amd_comgr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/descriptor.h>

#include "probe/code_object.h"
#include "probe/source_lines.h"

// An unlinked kernel may begin at 0, so that 0 is an address like others.
#define NO_TARGET UINT64_MAX

struct hsp_disassembly {
    struct hsp_arena arena;
    unsigned char *code; ///< owned: a copy of the kernel's code
    uint64_t address;    ///< of code[0]
    uint64_t code_bytes;
    struct hsp_instruction *items;
    uint64_t *targets; ///< address that each branches to, or NO_TARGET
    size_t count;
};

/// What comgr's callbacks see of one instruction.
struct reading {
    const struct hsp_disassembly *disassembly;
    struct hsp_arena *arena;
    const char *text;
    uint64_t target;
};

static uint64_t read_code(uint64_t from, char *to, uint64_t size, void *data) {
    const struct hsp_disassembly *disassembly = ((struct reading *)data)->disassembly;
    if (from < disassembly->address || from - disassembly->address >= disassembly->code_bytes)
        return 0;
    const uint64_t offset = from - disassembly->address;
    const uint64_t left = disassembly->code_bytes - offset;
    const uint64_t count = size < left ? size : left;
    memcpy(to, disassembly->code + offset, count);
    return count;
}

static void take_text(const char *instruction, void *data) {
    struct reading *reading = data;
    instruction += strspn(instruction, " \t");
    size_t length = strlen(instruction);
    while (length && strchr(" \t\n", instruction[length - 1]))
        length--;
    reading->text = hsp_arena_text(reading->arena, instruction, length);
}

static void take_target(uint64_t address, void *data) {
    ((struct reading *)data)->target = address;
}

// What is no instruction is shown as a word, and reading goes on behind it.
static uint64_t take_word(struct hsp_disassembly *disassembly, uint64_t offset,
                          struct reading *reading) {
    const uint64_t left = disassembly->code_bytes - offset;
    const uint64_t count = left < 4 ? left : 4;
    uint32_t word = 0;
    memcpy(&word, disassembly->code + offset, count);
    char text[24];
    const int length = snprintf(text, sizeof(text), ".long 0x%08x", word);
    reading->text = hsp_arena_text(reading->arena, text, (size_t)length);
    reading->target = NO_TARGET;
    return count;
}

static hsp_status read_all(struct hsp_disassembly *disassembly, amd_comgr_disassembly_info_t info) {
    struct hsp_instruction *at = disassembly->items;
    for (uint64_t offset = 0; offset < disassembly->code_bytes; offset += at++->byte_count) {
        struct reading reading = {
            .disassembly = disassembly, .arena = &disassembly->arena, .target = NO_TARGET};
        uint64_t size = 0;
        const uint64_t address = disassembly->address + offset;
        if (amd_comgr_disassemble_instruction(info, address, &reading, &size) !=
                AMD_COMGR_STATUS_SUCCESS ||
            size == 0 || size > disassembly->code_bytes - offset)
            size = take_word(disassembly, offset, &reading);
        if (!reading.text)
            return hsp_fail_memory("a disassembly");
        *at = (struct hsp_instruction){.address = address,
                                       .offset = (uint32_t)offset,
                                       .byte_count = (uint32_t)size,
                                       .bytes = disassembly->code + offset,
                                       .text = reading.text,
                                       .file = ""};
        disassembly->targets[disassembly->count++] = reading.target;
    }
    return HSP_OK;
}

static struct hsp_instruction *find(struct hsp_disassembly *disassembly, uint64_t address) {
    size_t low = 0, high = disassembly->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (disassembly->items[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < disassembly->count && disassembly->items[low].address == address
               ? &disassembly->items[low]
               : NULL;
}

static void set_labels(struct hsp_disassembly *disassembly) {
    for (size_t i = 0; i < disassembly->count; i++) {
        struct hsp_instruction *target = find(disassembly, disassembly->targets[i]);
        if (target)
            target->label = 1;
    }
    uint32_t label = 0;
    for (size_t i = 0; i < disassembly->count; i++)
        if (disassembly->items[i].label)
            disassembly->items[i].label = ++label;
    for (size_t i = 0; i < disassembly->count; i++) {
        const struct hsp_instruction *target = find(disassembly, disassembly->targets[i]);
        disassembly->items[i].target = target ? target->label : 0;
    }
}

static void set_lines(struct hsp_disassembly *disassembly, const struct hsp_image *image) {
    size_t count = 0;
    struct hsp_source_line *rows = hsp_source_lines_read(
        image, disassembly->address, disassembly->address + disassembly->code_bytes,
        &disassembly->arena, &count);
    const struct hsp_source_line *row = NULL;
    for (size_t i = 0, next = 0; i < disassembly->count; i++) {
        while (next < count && rows[next].address <= disassembly->items[i].address)
            row = &rows[next++];
        if (row && row->file) {
            disassembly->items[i].file = row->file;
            disassembly->items[i].line = row->line;
        }
    }
    free(rows);
}

static hsp_status allocate(struct hsp_disassembly *disassembly, const struct hsp_image *image,
                           const struct hsp_descriptor *descriptor) {
    disassembly->address = descriptor->code_address;
    disassembly->code_bytes = descriptor->code_bytes;
    const size_t most = descriptor->code_bytes / 4 + 1; // instructions take 4 bytes at least
    disassembly->code = malloc(descriptor->code_bytes + 1);
    disassembly->items = calloc(most, sizeof(*disassembly->items));
    disassembly->targets = calloc(most, sizeof(*disassembly->targets));
    if (!disassembly->code || !disassembly->items || !disassembly->targets)
        return hsp_fail_memory("a disassembly");
    memcpy(disassembly->code, (const char *)image->bytes + descriptor->code_offset,
           descriptor->code_bytes);
    return HSP_OK;
}

// LLVM's disassembler begins with gfx8 and ends the process when asked for what is older.
static bool is_disassembled(const char *isa) {
    return !strstr(isa, "gfx6") && !strstr(isa, "gfx7");
}

hsp_status hsp_disassembly_create(const struct hsp_code_object *object,
                                  const struct hsp_kernel *kernel,
                                  struct hsp_disassembly **out_disassembly) {
    struct hsp_descriptor descriptor;
    hsp_status status = hsp_descriptor_read(object, kernel, &descriptor);
    if (status != HSP_OK)
        return status;
    amd_comgr_disassembly_info_t info;
    if (!is_disassembled(descriptor.isa) ||
        amd_comgr_create_disassembly_info(descriptor.isa, read_code, take_text, take_target,
                                          &info) != AMD_COMGR_STATUS_SUCCESS)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED, "comgr can't disassemble for %s", descriptor.isa);
    const struct hsp_image *image = hsp_code_object_image(object, kernel->image_index);
    struct hsp_disassembly *disassembly = calloc(1, sizeof(*disassembly));
    status =
        disassembly ? allocate(disassembly, image, &descriptor) : hsp_fail_memory("a disassembly");
    if (status == HSP_OK)
        status = read_all(disassembly, info);
    amd_comgr_destroy_disassembly_info(info);
    if (status != HSP_OK) {
        hsp_disassembly_destroy(disassembly);
        return status;
    }
    set_labels(disassembly);
    set_lines(disassembly, image);
    *out_disassembly = disassembly;
    return HSP_OK;
}

void hsp_disassembly_destroy(struct hsp_disassembly *disassembly) {
    if (!disassembly)
        return;
    hsp_arena_fini(&disassembly->arena);
    free(disassembly->targets);
    free(disassembly->items);
    free(disassembly->code);
    free(disassembly);
}

size_t hsp_disassembly_count(const struct hsp_disassembly *disassembly) {
    return disassembly->count;
}

const struct hsp_instruction *hsp_disassembly_at(const struct hsp_disassembly *disassembly,
                                                 size_t index) {
    return index < disassembly->count ? &disassembly->items[index] : NULL;
}
