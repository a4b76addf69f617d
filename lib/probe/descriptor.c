/* SPDX-License-Identifier: MIT */
#include <hsaprobe/descriptor.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "probe/code_object.h"
#include "probe/image.h"
#include "probe/symbol.h"

/// Processors whose descriptors have a field.
enum family {
    GFX9 = 1,   ///< gfx6 to gfx9 but for gfx90a and gfx94*
    GFX90A = 2, ///< gfx90a, gfx94*, gfx95*: unified vector registers
    GFX10 = 4,  ///< gfx10 and later
    ANY = GFX9 | GFX90A | GFX10,
};

enum meaning {
    NUMBER, ///< the value says it all
    FLAG,
    BYTES,
    SIGNED,
    VGPRS,
    SGPRS,
    ROUND,
    DENORM,
    ITEM_ID,
    ACCUM,
    LDS,
};

#define RSRC3 "compute_pgm_rsrc3"
#define RSRC1 "compute_pgm_rsrc1"
#define RSRC2 "compute_pgm_rsrc2"
#define CODE  "kernel_code_properties"

enum { RSRC3_BIT = 352, RSRC1_BIT = 384, RSRC2_BIT = 416, CODE_BIT = 448 };

static const struct row {
    const char *name;
    const char *word;
    uint16_t bit;
    uint8_t bit_count;
    uint8_t families;
    uint8_t meaning;
} rows[] = {
    // clang-format off
    {"group_segment_fixed_size", "", 0, 32, ANY, BYTES},
    {"private_segment_fixed_size", "", 32, 32, ANY, BYTES},
    {"kernarg_size", "", 64, 32, ANY, BYTES},
    {"kernel_code_entry_byte_offset", "", 128, 64, ANY, SIGNED},
    {"accum_offset", RSRC3, RSRC3_BIT + 0, 6, GFX90A, ACCUM},
    {"tg_split", RSRC3, RSRC3_BIT + 16, 1, GFX90A, FLAG},
    {"shared_vgpr_count", RSRC3, RSRC3_BIT + 0, 4, GFX10, NUMBER},
    {"granulated_workitem_vgpr_count", RSRC1, RSRC1_BIT + 0, 6, ANY, VGPRS},
    {"granulated_wavefront_sgpr_count", RSRC1, RSRC1_BIT + 6, 4, ANY, SGPRS},
    {"priority", RSRC1, RSRC1_BIT + 10, 2, ANY, NUMBER},
    {"float_round_mode_32", RSRC1, RSRC1_BIT + 12, 2, ANY, ROUND},
    {"float_round_mode_16_64", RSRC1, RSRC1_BIT + 14, 2, ANY, ROUND},
    {"float_denorm_mode_32", RSRC1, RSRC1_BIT + 16, 2, ANY, DENORM},
    {"float_denorm_mode_16_64", RSRC1, RSRC1_BIT + 18, 2, ANY, DENORM},
    {"priv", RSRC1, RSRC1_BIT + 20, 1, ANY, FLAG},
    {"enable_dx10_clamp", RSRC1, RSRC1_BIT + 21, 1, ANY, FLAG},
    {"debug_mode", RSRC1, RSRC1_BIT + 22, 1, ANY, FLAG},
    {"enable_ieee_mode", RSRC1, RSRC1_BIT + 23, 1, ANY, FLAG},
    {"bulky", RSRC1, RSRC1_BIT + 24, 1, ANY, FLAG},
    {"cdbg_user", RSRC1, RSRC1_BIT + 25, 1, ANY, FLAG},
    {"fp16_ovfl", RSRC1, RSRC1_BIT + 26, 1, ANY, FLAG},
    {"wgp_mode", RSRC1, RSRC1_BIT + 29, 1, GFX10, FLAG},
    {"mem_ordered", RSRC1, RSRC1_BIT + 30, 1, GFX10, FLAG},
    {"fwd_progress", RSRC1, RSRC1_BIT + 31, 1, GFX10, FLAG},
    {"enable_private_segment", RSRC2, RSRC2_BIT + 0, 1, ANY, FLAG},
    {"user_sgpr_count", RSRC2, RSRC2_BIT + 1, 5, ANY, NUMBER},
    {"enable_trap_handler", RSRC2, RSRC2_BIT + 6, 1, ANY, FLAG},
    {"enable_sgpr_workgroup_id_x", RSRC2, RSRC2_BIT + 7, 1, ANY, FLAG},
    {"enable_sgpr_workgroup_id_y", RSRC2, RSRC2_BIT + 8, 1, ANY, FLAG},
    {"enable_sgpr_workgroup_id_z", RSRC2, RSRC2_BIT + 9, 1, ANY, FLAG},
    {"enable_sgpr_workgroup_info", RSRC2, RSRC2_BIT + 10, 1, ANY, FLAG},
    {"enable_vgpr_workitem_id", RSRC2, RSRC2_BIT + 11, 2, ANY, ITEM_ID},
    {"enable_exception_address_watch", RSRC2, RSRC2_BIT + 13, 1, ANY, FLAG},
    {"enable_exception_memory", RSRC2, RSRC2_BIT + 14, 1, ANY, FLAG},
    {"granulated_lds_size", RSRC2, RSRC2_BIT + 15, 9, ANY, LDS},
    {"enable_exception_ieee_754_fp_invalid_operation", RSRC2, RSRC2_BIT + 24, 1, ANY, FLAG},
    {"enable_exception_fp_denormal_source", RSRC2, RSRC2_BIT + 25, 1, ANY, FLAG},
    {"enable_exception_ieee_754_fp_division_by_zero", RSRC2, RSRC2_BIT + 26, 1, ANY, FLAG},
    {"enable_exception_ieee_754_fp_overflow", RSRC2, RSRC2_BIT + 27, 1, ANY, FLAG},
    {"enable_exception_ieee_754_fp_underflow", RSRC2, RSRC2_BIT + 28, 1, ANY, FLAG},
    {"enable_exception_ieee_754_fp_inexact", RSRC2, RSRC2_BIT + 29, 1, ANY, FLAG},
    {"enable_exception_int_divide_by_zero", RSRC2, RSRC2_BIT + 30, 1, ANY, FLAG},
    {"enable_sgpr_private_segment_buffer", CODE, CODE_BIT + 0, 1, ANY, FLAG},
    {"enable_sgpr_dispatch_ptr", CODE, CODE_BIT + 1, 1, ANY, FLAG},
    {"enable_sgpr_queue_ptr", CODE, CODE_BIT + 2, 1, ANY, FLAG},
    {"enable_sgpr_kernarg_segment_ptr", CODE, CODE_BIT + 3, 1, ANY, FLAG},
    {"enable_sgpr_dispatch_id", CODE, CODE_BIT + 4, 1, ANY, FLAG},
    {"enable_sgpr_flat_scratch_init", CODE, CODE_BIT + 5, 1, ANY, FLAG},
    {"enable_sgpr_private_segment_size", CODE, CODE_BIT + 6, 1, ANY, FLAG},
    {"enable_wavefront_size32", CODE, CODE_BIT + 10, 1, GFX10, FLAG},
    {"uses_dynamic_stack", CODE, CODE_BIT + 11, 1, ANY, FLAG},
    // Newer compilers than LLVM 15: kernel arguments that are put into SGPRs before the start.
    {"kernarg_preload_spec_length", CODE, CODE_BIT + 16, 7, GFX90A, NUMBER},
    {"kernarg_preload_spec_offset", CODE, CODE_BIT + 23, 9, GFX90A, NUMBER},
    // clang-format on
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static enum family family_of(const struct hsp_descriptor *descriptor) {
    const char *processor = strstr(descriptor->isa, "gfx");
    if (!processor)
        return GFX9;
    processor += strlen("gfx");
    // Two digits begin a generic one: gfx10-3-generic.
    const size_t length = strspn(processor, "0123456789abcdef");
    if (length >= 4 || length == 2)
        return GFX10;
    if (strncmp(processor, "90a", 3) == 0 || strncmp(processor, "94", 2) == 0 ||
        strncmp(processor, "95", 2) == 0 || strncmp(processor, "9-4", 3) == 0)
        return GFX90A;
    return GFX9;
}

static uint64_t bits(const struct hsp_descriptor *descriptor, unsigned bit, unsigned bit_count) {
    uint64_t word;
    memcpy(&word, descriptor->bytes + bit / 32 * 4, bit_count > 32 ? 8 : 4);
    if (bit_count > 32)
        return word;
    return (word & UINT32_MAX) >> bit % 32 & ((UINT64_C(1) << bit_count) - 1);
}

static void write_registers(const struct hsp_descriptor *descriptor, const struct row *row,
                            uint64_t value, char *text, size_t bytes) {
    const enum family family = family_of(descriptor);
    const bool is_wave32 = family == GFX10 && bits(descriptor, CODE_BIT + 10, 1);
    if (row->meaning == VGPRS)
        snprintf(text, bytes, "%" PRIu64 " VGPRs",
                 (value + 1) * (family == GFX90A || is_wave32 ? 8 : 4));
    else if (family == GFX10)
        snprintf(text, bytes, "always 128 SGPRs");
    else
        snprintf(text, bytes, "%" PRIu64 " SGPRs", (value / 2 + 1) * 16);
}

static void write_meaning(const struct hsp_descriptor *descriptor, const struct row *row,
                          uint64_t value, char *text, size_t bytes) {
    static const char *const rounds[] = {"to nearest even", "toward +infinity", "toward -infinity",
                                         "toward 0"};
    static const char *const denorms[] = {"sources and results flushed", "results flushed",
                                          "sources flushed", "kept"};
    static const char *const ids[] = {"X", "X and Y", "X, Y and Z", "undefined"};
    text[0] = '\0';
    switch ((enum meaning)row->meaning) {
    case NUMBER:
        break;
    case FLAG:
        snprintf(text, bytes, "%s", value ? "yes" : "no");
        break;
    case BYTES:
        snprintf(text, bytes, "%" PRIu64 " bytes", value);
        break;
    case SIGNED:
        snprintf(text, bytes, "%+" PRId64 " bytes from the descriptor", (int64_t)value);
        break;
    case VGPRS:
    case SGPRS:
        write_registers(descriptor, row, value, text, bytes);
        break;
    case ROUND:
        snprintf(text, bytes, "%s", rounds[value]);
        break;
    case DENORM:
        snprintf(text, bytes, "%s", denorms[value]);
        break;
    case ITEM_ID:
        snprintf(text, bytes, "%s", ids[value]);
        break;
    case ACCUM:
        snprintf(text, bytes, "AccVGPRs from register %" PRIu64, (value + 1) * 4);
        break;
    case LDS:
        snprintf(text, bytes, "%s", value ? "set; must be 0" : "from the dispatch packet");
        break;
    }
}

size_t hsp_descriptor_field_count(const struct hsp_descriptor *descriptor) {
    const enum family family = family_of(descriptor);
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++)
        count += (rows[i].families & family) != 0;
    return count;
}

bool hsp_descriptor_field_get(const struct hsp_descriptor *descriptor, size_t index,
                              struct hsp_descriptor_field *out_field) {
    const enum family family = family_of(descriptor);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (!(row->families & family) || index-- > 0)
            continue;
        out_field->name = row->name;
        out_field->word = row->word;
        out_field->bit = row->bit;
        out_field->bit_count = row->bit_count;
        out_field->value = bits(descriptor, row->bit, row->bit_count);
        write_meaning(descriptor, row, out_field->value, out_field->meaning,
                      sizeof(out_field->meaning));
        return true;
    }
    return false;
}

bool hsp_descriptor_value(const struct hsp_descriptor *descriptor, const char *name,
                          uint64_t *out_value) {
    struct hsp_descriptor_field field;
    for (size_t i = 0; hsp_descriptor_field_get(descriptor, i, &field); i++) {
        if (strcmp(field.name, name) == 0) {
            *out_value = field.value;
            return true;
        }
    }
    return false;
}

bool hsp_descriptor_reserved_is_zero(const struct hsp_descriptor *descriptor) {
    uint8_t rest[HSP_DESCRIPTOR_BYTES];
    memcpy(rest, descriptor->bytes, sizeof(rest));
    const enum family family = family_of(descriptor);
    for (size_t i = 0; i < ROW_COUNT; i++)
        for (unsigned bit = rows[i].bit;
             rows[i].families & family && bit < rows[i].bit + (unsigned)rows[i].bit_count; bit++)
            rest[bit / 8] &= (uint8_t) ~(1u << bit % 8);
    for (size_t i = 0; i < sizeof(rest); i++)
        if (rest[i])
            return false;
    return true;
}

static hsp_status refuse(const struct hsp_code_object *object, const struct hsp_kernel *kernel,
                         const char *why) {
    return hsp_fail(HSP_ERROR_FORMAT, "%s: kernel %s: %s", object->name, kernel->name, why);
}

// The descriptor says where a linked kernel begins; before linking only a relocation does, and then
// the kernel's own symbol is asked. Its size says where the code ends.
static hsp_status find_code(const struct hsp_code_object *object, const struct hsp_kernel *kernel,
                            const struct hsp_image *image, const struct hsp_symbol *symbol,
                            struct hsp_descriptor *descriptor) {
    struct hsp_symbol code;
    if (!hsp_symbol_find(image, kernel->name, &code) || code.type != STT_FUNC)
        return refuse(object, kernel, "the symbol of its code is missing");
    const uint64_t entry = bits(descriptor, 128, 64);
    Elf64_Ehdr header;
    memcpy(&header, image->bytes, sizeof(header));
    if (header.e_type != ET_REL && symbol->address + entry != code.address)
        return refuse(object, kernel, "its descriptor points elsewhere than at its code");
    descriptor->code_address = code.address;
    descriptor->code_offset = code.offset;
    descriptor->code_bytes = code.size ? code.size : code.room;
    return HSP_OK;
}

hsp_status hsp_descriptor_read(const struct hsp_code_object *object,
                               const struct hsp_kernel *kernel,
                               struct hsp_descriptor *out_descriptor) {
    const struct hsp_image *image = hsp_code_object_image(object, kernel->image_index);
    struct hsp_symbol symbol;
    if (!image || !hsp_symbol_find(image, kernel->symbol, &symbol))
        return refuse(object, kernel, "the symbol of its descriptor is missing");
    if (symbol.room < HSP_DESCRIPTOR_BYTES)
        return refuse(object, kernel, "its descriptor is cut off");
    struct hsp_descriptor descriptor = {.address = symbol.address, .offset = symbol.offset};
    memcpy(descriptor.bytes, (const unsigned char *)image->bytes + symbol.offset,
           HSP_DESCRIPTOR_BYTES);
    memcpy(descriptor.isa, image->isa, sizeof(descriptor.isa));
    const hsp_status status = find_code(object, kernel, image, &symbol, &descriptor);
    if (status == HSP_OK)
        *out_descriptor = descriptor;
    return status;
}
