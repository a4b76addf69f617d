/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/image.h"

#include <stdio.h>
#include <string.h>

/* ---- descriptors ---- */

static bool lacks(struct sg_wave *w, const struct sg_op *op, const char *field, uint32_t value) {
    sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);
    size_t length = strlen(w->fault.mnemonic);
    snprintf(w->fault.mnemonic + length, sizeof w->fault.mnemonic - length, " %s %u", field, value);
    return false;
}

static void take_shape(const uint32_t *words, uint32_t type, struct sg_image *image) {
    uint32_t depth = words[4] & 0x1fff;
    bool is_line = type == SG_IMAGE_1D || type == SG_IMAGE_1D_ARRAY;
    image->is_layered =
        type == SG_IMAGE_1D_ARRAY || type == SG_IMAGE_2D_ARRAY || type == SG_IMAGE_CUBE;
    image->is_cube = type == SG_IMAGE_CUBE;
    image->dims = is_line ? 1 : type == SG_IMAGE_3D ? 3 : 2;
    image->size[0] = (words[2] & 0x3fff) + 1;
    image->size[1] = is_line ? 1 : (words[2] >> 14 & 0x3fff) + 1;
    image->size[2] = 1;
    image->pitch = (words[4] >> 13 & 0xffff) + 1;
    if (image->is_layered) {
        image->first_layer = words[5] & 0x1fff;
        if (type == SG_IMAGE_CUBE) // whose depth counts cubes
            depth = image->first_layer + depth * 6 + 5;
        image->size[2] = depth >= image->first_layer ? depth - image->first_layer + 1 : 0;
    } else if (type == SG_IMAGE_3D) {
        image->size[2] = depth + 1;
    }
}

bool sg_image_take(struct sg_wave *w, const struct sg_op *op, struct sg_image *image) {
    const uint32_t *words = &w->s[op->src[1]];
    uint32_t type = words[3] >> 28, number = words[1] >> 26 & 15, code = words[1] >> 20 & 63;
    memset(image, 0, sizeof *image);
    image->is_null = code == 0;
    if (image->is_null)
        return true;
    if (type < SG_IMAGE_1D || type > SG_IMAGE_2D_ARRAY)
        return lacks(w, op, "type", type);
    image->format = sg_texel_format_find(code);
    if (!image->format)
        return lacks(w, op, "format", code);
    if (!sg_number_is_valid(number))
        return lacks(w, op, "number", number);
    uint32_t sw_mode = words[3] >> 20 & 31;
    if (!sg_tiling_init(&image->tiling, sw_mode, type == SG_IMAGE_3D, image->format->bytes))
        return lacks(w, op, "sw_mode", sw_mode);
    if (words[3] >> 12 & 15)
        return lacks(w, op, "level", words[3] >> 12 & 15);
    image->base = (words[0] | (uint64_t)(words[1] & 0xff) << 32) << 8;
    image->number = (enum sg_number)number;
    for (uint32_t i = 0; i < 4; i++)
        image->select[i] = words[3] >> (3 * i) & 7;
    take_shape(words, type, image);
    return true;
}

/* ---- addresses ---- */

uint32_t sg_image_address(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                          uint32_t n) {
    const sg_lane_row *rows = (const sg_lane_row *)sg_wave_row(w, op->src[0]);
    if (op->mods & SG_IMAGE_A16)
        return rows[n / 2][lane] >> (n % 2 * 16) & 0xffff;
    return rows[n][lane];
}

bool sg_image_coordinates(const struct sg_wave *w, const struct sg_op *op,
                          const struct sg_image *image, uint32_t lane, uint32_t at[3]) {
    uint32_t n = 0;
    at[0] = at[1] = at[2] = 0;
    for (; n < image->dims; n++)
        at[n] = sg_image_address(w, op, lane, n);
    if (op->mods & SG_IMAGE_DA) {
        uint32_t layer = sg_image_address(w, op, lane, n++);
        at[2] = image->is_layered ? layer : at[2];
    }
    if (op->aux & SG_IMAGE_ROW_MIP && sg_image_address(w, op, lane, n) != 0)
        return false;
    return !image->is_null && at[0] < image->size[0] && at[1] < image->size[1] &&
           at[2] < image->size[2];
}

uint64_t sg_image_texel(const struct sg_image *image, const uint32_t at[3]) {
    const uint32_t moved[3] = {at[0], at[1], at[2] + image->first_layer};
    return sg_tiling_address(&image->tiling, image->base, image->pitch, image->size[1], moved);
}

bool sg_image_read(struct sg_wave *w, const struct sg_image *image, const uint32_t at[3],
                   uint32_t texel[4], struct sg_access_fault *fault) {
    uint8_t bytes[16];
    w->fault.va = sg_image_texel(image, at);
    if (!sg_access_read(&w->tlb, w->fault.va, bytes, image->format->bytes, fault))
        return false;
    sg_texel_unpack(image->format, image->number, bytes, texel);
    return true;
}

/* ---- data ---- */

uint32_t sg_image_data_dwords(const struct sg_op *op) {
    uint32_t count = op->imm ? (uint32_t)__builtin_popcount(op->imm) : 1;
    if (op->aux & SG_IMAGE_ROW_CMP)
        return count == 4 ? 4 : 2;
    if (op->aux & SG_IMAGE_ROW_ATOMIC)
        return count == 2 ? 2 : 1;
    return op->mods & SG_IMAGE_D16 ? (count + 1) / 2 : count;
}

static uint32_t channel_mask(const struct sg_op *op) {
    return op->imm ? op->imm : 1;
}

static void put_half(uint32_t *at, uint32_t half, bool is_high) {
    *at = is_high ? (*at & 0xffff) | half << 16 : half;
}

void sg_image_write_back(struct sg_wave *w, const struct sg_op *op, enum sg_number number,
                         const sg_lane_row components[4]) {
    sg_lane_row *rows = (sg_lane_row *)sg_wave_row(w, op->dst);
    uint32_t n = 0;
    for (uint32_t channels = channel_mask(op); channels; channels &= channels - 1, n++) {
        const uint32_t *from = components[__builtin_ctz(channels)];
        for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
            uint32_t lane = sg_first_lane(left);
            if (op->mods & SG_IMAGE_D16)
                put_half(&rows[n / 2][lane], sg_texel_narrow(number, from[lane]), n % 2);
            else
                rows[n][lane] = from[lane];
        }
    }
}

static void take_data(const struct sg_wave *w, const struct sg_op *op, enum sg_number number,
                      uint32_t lane, uint32_t out[4]) {
    const sg_lane_row *rows = (const sg_lane_row *)sg_wave_row(w, op->dst);
    uint32_t n = 0;
    memset(out, 0, 4 * sizeof *out);
    for (uint32_t channels = channel_mask(op); channels; channels &= channels - 1, n++) {
        uint32_t value = op->mods & SG_IMAGE_D16
                             ? sg_texel_widen(number, rows[n / 2][lane] >> (n % 2 * 16))
                             : rows[n][lane];
        out[__builtin_ctz(channels)] = value;
    }
}

/* ---- load and store ---- */

/* Memory's dwords, the last one extended. */
static bool read_raw(struct sg_wave *w, const struct sg_op *op, const struct sg_image *image,
                     const uint32_t at[3], uint32_t out[4], struct sg_access_fault *fault) {
    uint32_t bytes = image->format->bytes;
    if (!sg_access_read(&w->tlb, sg_image_texel(image, at), out, bytes, fault))
        return false;
    if (op->aux & SG_IMAGE_ROW_SGN && bytes < 4)
        out[0] = (uint32_t)((int32_t)(out[0] << (32 - 8 * bytes)) >> (32 - 8 * bytes));
    return true;
}

static bool load_lane(struct sg_wave *w, const struct sg_op *op, const struct sg_image *image,
                      uint32_t lane, uint32_t out[4], struct sg_access_fault *fault) {
    uint32_t at[3], texel[4] = {0};
    bool inside = sg_image_coordinates(w, op, image, lane, at);
    memset(out, 0, 4 * sizeof *out);
    fault->lane = lane;
    if (op->aux & SG_IMAGE_ROW_PCK)
        return !inside || read_raw(w, op, image, at, out, fault);
    if (inside && !sg_image_read(w, image, at, texel, fault))
        return false;
    for (uint32_t i = 0; i < 4; i++)
        out[i] = sg_texel_select(image->select[i], image->number, texel);
    return true;
}

bool sg_image_load(struct sg_wave *w, const struct sg_op *op) {
    struct sg_image image;
    struct sg_access_fault fault;
    sg_lane_row components[4];
    w->memory_op = op;
    if (!sg_image_take(w, op, &image))
        return false;
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left), out[4];
        if (!load_lane(w, op, &image, lane, out, &fault)) {
            sg_vmem_fault(w, op, &fault, false);
            return false;
        }
        for (uint32_t i = 0; i < 4; i++)
            components[i][lane] = out[i];
    }
    sg_image_write_back(w, op, image.number, (const sg_lane_row *)components);
    return true;
}

static void pack_lane(const struct sg_wave *w, const struct sg_op *op, const struct sg_image *image,
                      uint32_t lane, uint8_t bytes[16]) {
    uint32_t data[4], texel[4];
    take_data(w, op, image->number, lane, data);
    if (op->aux & SG_IMAGE_ROW_PCK) {
        memcpy(bytes, data, sizeof data);
        return;
    }
    sg_texel_unselect(image->select, data, texel);
    sg_texel_pack(image->format, image->number, texel, bytes);
}

bool sg_image_store(struct sg_wave *w, const struct sg_op *op) {
    struct sg_image image;
    struct sg_access_fault fault;
    uint64_t va[SG_LANES], inside = 0;
    w->memory_op = op;
    if (!sg_image_take(w, op, &image))
        return false;
    bool ok = true;
    for (uint64_t left = sg_wave_exec(w); ok && left; left &= left - 1) {
        uint32_t at[3];
        fault.lane = sg_first_lane(left);
        if (!sg_image_coordinates(w, op, &image, fault.lane, at))
            continue;
        va[fault.lane] = sg_image_texel(&image, at);
        inside |= (uint64_t)1 << fault.lane;
        ok = sg_access_check(&w->tlb, va[fault.lane], image.format->bytes, SG_VM_WRITE, &fault);
    }
    for (uint64_t left = inside; ok && left; left &= left - 1) {
        uint8_t bytes[16];
        fault.lane = sg_first_lane(left);
        pack_lane(w, op, &image, fault.lane, bytes);
        ok = sg_access_write(&w->tlb, va[fault.lane], bytes, image.format->bytes, &fault);
    }
    if (!ok)
        sg_vmem_fault(w, op, &fault, true);
    return ok;
}

/* ---- the rest ---- */

/* Width, height, depth or layers (in the place after the spatial ones), levels. */
bool sg_image_resinfo(struct sg_wave *w, const struct sg_op *op) {
    struct sg_image image;
    sg_lane_row components[4];
    if (!sg_image_take(w, op, &image))
        return false;
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left), sizes[4] = {0};
        bool has_level = !image.is_null && sg_image_address(w, op, lane, 0) == 0;
        for (uint32_t i = 0; has_level && i < image.dims; i++)
            sizes[i] = image.size[i];
        if (has_level && image.is_layered)
            sizes[image.dims] = image.size[2];
        sizes[3] = !image.is_null;
        for (uint32_t i = 0; i < 4; i++)
            components[i][lane] = sizes[i];
    }
    sg_image_write_back(w, op, SG_NUMBER_UINT, (const sg_lane_row *)components);
    return true;
}

bool sg_image_hosts(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                    void *hosts[SG_LANES], uint64_t *out_lanes) {
    struct sg_image image;
    struct sg_access_fault fault;
    *out_lanes = 0;
    w->memory_op = op;
    if (!sg_image_take(w, op, &image))
        return false;
    if (!image.is_null && image.format->bytes != bytes)
        return lacks(w, op, "format", image.format->code);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t at[3];
        fault.lane = sg_first_lane(left);
        if (!sg_image_coordinates(w, op, &image, fault.lane, at))
            continue;
        *out_lanes |= (uint64_t)1 << fault.lane;
        hosts[fault.lane] = sg_access_pointer(&w->tlb, sg_image_texel(&image, at), bytes,
                                              SG_VM_READ | SG_VM_WRITE, &fault);
        if (!hosts[fault.lane]) {
            sg_vmem_fault(w, op, &fault, true);
            return false;
        }
    }
    return true;
}
