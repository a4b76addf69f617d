/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/buffer_format.h"

#include "softgpu/isa/image_format.h"

#include <stdio.h>
#include <string.h>

/* What the elements are. */
struct view {
    struct sg_buffer buffer;
    const struct sg_texel_format *format;
    enum sg_number number;
    uint8_t select[4];
    uint32_t count; ///< of components that the instruction moves
};

static bool take_view(struct sg_wave *w, const struct sg_op *op, struct view *view) {
    enum { IDENTITY = 4 };
    uint32_t word = w->s[op->src[1] + 3];
    bool is_own = op->format == SG_FORMAT_MTBUF;
    uint32_t code = is_own ? op->sdst & 15 : word >> 15 & 15;
    uint32_t number = is_own ? op->sdst >> 4 : word >> 12 & 7;
    view->buffer = sg_buffer_take(w, op);
    view->format = sg_texel_format_find(code);
    view->number = (enum sg_number)number;
    view->count = (op->aux & SG_BUFFER_COMPONENTS) / SG_BUFFER_X;
    for (uint32_t i = 0; i < 4; i++)
        view->select[i] = (uint8_t)(is_own ? IDENTITY + i : word >> (3 * i) & 7);
    if (code == 0) { // no format: everything is out of range
        view->format = sg_texel_format_find(1);
        view->buffer.limit = 0;
    }
    if (view->format && sg_number_is_valid(number))
        return true;
    sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);
    size_t length = strlen(w->fault.mnemonic);
    snprintf(w->fault.mnemonic + length, sizeof w->fault.mnemonic - length, " %u/%u", code, number);
    return false;
}

/* ---- addresses ---- */

/* Offset in the record and index of a lane; false if its element is out of range. */
static bool lane_element(const struct sg_wave *w, const struct sg_op *op, const struct view *view,
                         uint32_t lane, uint32_t *index, uint32_t *offset) {
    const sg_lane_row *address = (const sg_lane_row *)sg_wave_row(w, op->src[0]);
    uint32_t n = 0;
    *index = op->mods & SG_MEM_IDXEN ? address[n++][lane] : 0;
    *index += view->buffer.add_tid ? lane : 0;
    *offset = (op->mods & SG_MEM_OFFEN ? address[n][lane] : 0) + op->imm;
    return sg_buffer_in_range(&view->buffer, *index, *offset, lane, view->format->bytes);
}

/* Address of byte `at` of an element. */
static uint64_t byte_address(const struct sg_buffer *buffer, uint32_t index, uint32_t offset,
                             uint32_t at) {
    offset += at;
    if (!buffer->is_swizzled)
        return buffer->base + (uint64_t)index * buffer->stride + offset;
    return buffer->base + sg_buffer_part(buffer, index) +
           (uint64_t)(offset & ~3u) * buffer->index_stride + (offset & 3);
}

/* Interleaved elements lie in pieces of a dword. */
static uint32_t piece_bytes(const struct view *view) {
    uint32_t bytes = view->format->bytes;
    return view->buffer.is_swizzled && bytes > 4 ? 4 : bytes;
}

static bool read_element(struct sg_wave *w, const struct view *view, uint32_t index,
                         uint32_t offset, uint8_t *bytes, struct sg_access_fault *fault) {
    uint32_t piece = piece_bytes(view);
    for (uint32_t at = 0; at < view->format->bytes; at += piece) {
        w->fault.va = byte_address(&view->buffer, index, offset, at);
        if (!sg_access_read(&w->tlb, w->fault.va, bytes + at, piece, fault))
            return false;
    }
    return true;
}

static bool check_element(struct sg_wave *w, const struct view *view, uint32_t index,
                          uint32_t offset, struct sg_access_fault *fault) {
    uint32_t piece = piece_bytes(view);
    for (uint32_t at = 0; at < view->format->bytes; at += piece)
        if (!sg_access_check(&w->tlb, byte_address(&view->buffer, index, offset, at), piece,
                             SG_VM_WRITE, fault))
            return false;
    return true;
}

static bool write_element(struct sg_wave *w, const struct view *view, uint32_t index,
                          uint32_t offset, const uint8_t *bytes, struct sg_access_fault *fault) {
    uint32_t piece = piece_bytes(view);
    for (uint32_t at = 0; at < view->format->bytes; at += piece) {
        w->fault.va = byte_address(&view->buffer, index, offset, at);
        if (!sg_access_write(&w->tlb, w->fault.va, bytes + at, piece, fault))
            return false;
    }
    return true;
}

/* ---- registers ---- */

static void write_back(struct sg_wave *w, const struct sg_op *op, const struct view *view,
                       const sg_lane_row *components) {
    sg_lane_row *rows = (sg_lane_row *)sg_wave_row(w, op->dst);
    for (uint32_t n = 0; n < view->count; n++)
        for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
            uint32_t lane = sg_first_lane(left), value = components[n][lane];
            if (!(op->aux & SG_BUFFER_D16)) {
                rows[n][lane] = value;
                continue;
            }
            uint32_t half = sg_texel_narrow(view->number, value), *at = &rows[n / 2][lane];
            bool is_high = op->aux & SG_BUFFER_HIGH || n % 2;
            *at = is_high ? (*at & 0xffff) | half << 16 : half;
        }
}

static void take_data(const struct sg_wave *w, const struct sg_op *op, const struct view *view,
                      uint32_t lane, uint32_t data[4]) {
    const sg_lane_row *rows = (const sg_lane_row *)sg_wave_row(w, op->dst);
    memset(data, 0, 4 * sizeof *data);
    for (uint32_t n = 0; n < view->count; n++) {
        bool is_high = op->aux & SG_BUFFER_HIGH || n % 2;
        data[n] = op->aux & SG_BUFFER_D16
                      ? sg_texel_widen(view->number, rows[n / 2][lane] >> (is_high ? 16 : 0))
                      : rows[n][lane];
    }
}

/* ---- instructions ---- */

bool sg_buffer_format_load(struct sg_wave *w, const struct sg_op *op) {
    struct view view;
    struct sg_access_fault fault;
    sg_lane_row components[4];
    w->memory_op = op;
    if (!take_view(w, op, &view))
        return false;
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left), index, offset, texel[4];
        uint8_t bytes[16];
        bool inside = lane_element(w, op, &view, lane, &index, &offset);
        fault.lane = w->fault.lane = lane;
        if (inside && !read_element(w, &view, index, offset, bytes, &fault)) {
            sg_vmem_fault(w, op, &fault, false);
            return false;
        }
        if (inside)
            sg_texel_unpack(view.format, view.number, bytes, texel);
        for (uint32_t i = 0; i < 4; i++)
            components[i][lane] = inside ? sg_texel_select(view.select[i], view.number, texel) : 0;
    }
    if (op->mods & SG_MEM_LDS)
        sg_vmem_write_lds(w, op, (const sg_lane_row *)components, sg_wave_exec(w));
    else
        write_back(w, op, &view, (const sg_lane_row *)components);
    return true;
}

bool sg_buffer_format_store(struct sg_wave *w, const struct sg_op *op) {
    struct view view;
    struct sg_access_fault fault;
    uint32_t index[SG_LANES], offset[SG_LANES];
    uint64_t inside = 0;
    bool ok = true;
    w->memory_op = op;
    if (!take_view(w, op, &view))
        return false;
    for (uint64_t left = sg_wave_exec(w); ok && left; left &= left - 1) {
        uint32_t lane = fault.lane = sg_first_lane(left);
        if (!lane_element(w, op, &view, lane, &index[lane], &offset[lane]))
            continue;
        inside |= (uint64_t)1 << lane;
        ok = check_element(w, &view, index[lane], offset[lane], &fault);
    }
    for (uint64_t left = inside; ok && left; left &= left - 1) {
        uint32_t lane = fault.lane = w->fault.lane = sg_first_lane(left), data[4], texel[4];
        uint8_t bytes[16];
        take_data(w, op, &view, lane, data);
        sg_texel_unselect(view.select, data, texel);
        sg_texel_pack(view.format, view.number, texel, bytes);
        ok = write_element(w, &view, index[lane], offset[lane], bytes, &fault);
    }
    if (!ok)
        sg_vmem_fault(w, op, &fault, true);
    return ok;
}
