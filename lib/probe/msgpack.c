/* SPDX-License-Identifier: MIT */
#include "probe/msgpack.h"

#include <string.h>

/// Heads from 0xc0 on that aren't fixed-size small ints: what follows the first byte.
struct format {
    enum hsp_msgpack_type type;
    uint8_t head_bytes;  ///< of the big-endian number after the first byte
    uint8_t fixed_bytes; ///< of payload besides that number
    bool is_valid;
};

static const struct format formats[32] = {
    [0x00] = {HSP_MSGPACK_NIL, 0, 0, true},     // c0
    [0x02] = {HSP_MSGPACK_BOOL, 0, 0, true},    // c2 false
    [0x03] = {HSP_MSGPACK_BOOL, 0, 0, true},    // c3 true
    [0x04] = {HSP_MSGPACK_BINARY, 1, 0, true},  // c4 bin 8
    [0x05] = {HSP_MSGPACK_BINARY, 2, 0, true},  // c5 bin 16
    [0x06] = {HSP_MSGPACK_BINARY, 4, 0, true},  // c6 bin 32
    [0x07] = {HSP_MSGPACK_BINARY, 1, 1, true},  // c7 ext 8: a type byte before the data
    [0x08] = {HSP_MSGPACK_BINARY, 2, 1, true},  // c8 ext 16
    [0x09] = {HSP_MSGPACK_BINARY, 4, 1, true},  // c9 ext 32
    [0x0a] = {HSP_MSGPACK_FLOAT, 0, 4, true},   // ca float 32
    [0x0b] = {HSP_MSGPACK_FLOAT, 0, 8, true},   // cb float 64
    [0x0c] = {HSP_MSGPACK_UINT, 1, 0, true},    // cc uint 8
    [0x0d] = {HSP_MSGPACK_UINT, 2, 0, true},    // cd uint 16
    [0x0e] = {HSP_MSGPACK_UINT, 4, 0, true},    // ce uint 32
    [0x0f] = {HSP_MSGPACK_UINT, 8, 0, true},    // cf uint 64
    [0x10] = {HSP_MSGPACK_INT, 1, 0, true},     // d0 int 8
    [0x11] = {HSP_MSGPACK_INT, 2, 0, true},     // d1 int 16
    [0x12] = {HSP_MSGPACK_INT, 4, 0, true},     // d2 int 32
    [0x13] = {HSP_MSGPACK_INT, 8, 0, true},     // d3 int 64
    [0x14] = {HSP_MSGPACK_BINARY, 0, 2, true},  // d4 fixext 1
    [0x15] = {HSP_MSGPACK_BINARY, 0, 3, true},  // d5 fixext 2
    [0x16] = {HSP_MSGPACK_BINARY, 0, 5, true},  // d6 fixext 4
    [0x17] = {HSP_MSGPACK_BINARY, 0, 9, true},  // d7 fixext 8
    [0x18] = {HSP_MSGPACK_BINARY, 0, 17, true}, // d8 fixext 16
    [0x19] = {HSP_MSGPACK_STRING, 1, 0, true},  // d9 str 8
    [0x1a] = {HSP_MSGPACK_STRING, 2, 0, true},  // da str 16
    [0x1b] = {HSP_MSGPACK_STRING, 4, 0, true},  // db str 32
    [0x1c] = {HSP_MSGPACK_ARRAY, 2, 0, true},   // dc array 16
    [0x1d] = {HSP_MSGPACK_ARRAY, 4, 0, true},   // dd array 32
    [0x1e] = {HSP_MSGPACK_MAP, 2, 0, true},     // de map 16
    [0x1f] = {HSP_MSGPACK_MAP, 4, 0, true},     // df map 32
};

// Sets type and number from the head; moves behind it.
static bool read_head(struct hsp_msgpack *cursor, struct hsp_msgpack_item *item,
                      uint64_t *fixed_bytes) {
    if (cursor->at == cursor->end)
        return false;
    const unsigned char first = *cursor->at++;
    *fixed_bytes = 0;
    if (first < 0x80) {
        *item = (struct hsp_msgpack_item){.type = HSP_MSGPACK_UINT, .number = first};
    } else if (first < 0x90) {
        *item = (struct hsp_msgpack_item){.type = HSP_MSGPACK_MAP, .number = first & 0x0fu};
    } else if (first < 0xa0) {
        *item = (struct hsp_msgpack_item){.type = HSP_MSGPACK_ARRAY, .number = first & 0x0fu};
    } else if (first < 0xc0) {
        *item = (struct hsp_msgpack_item){.type = HSP_MSGPACK_STRING, .number = first & 0x1fu};
    } else if (first >= 0xe0) {
        *item = (struct hsp_msgpack_item){.type = HSP_MSGPACK_INT};
    } else {
        const struct format *format = &formats[first - 0xc0];
        if (!format->is_valid || (size_t)(cursor->end - cursor->at) < format->head_bytes)
            return false;
        *item = (struct hsp_msgpack_item){.type = format->type};
        for (uint8_t i = 0; i < format->head_bytes; i++)
            item->number = item->number << 8 | *cursor->at++;
        if (format->type == HSP_MSGPACK_BOOL)
            item->number = first & 1u;
        *fixed_bytes = format->fixed_bytes;
    }
    return true;
}

bool hsp_msgpack_next(struct hsp_msgpack *cursor, struct hsp_msgpack_item *out_item) {
    struct hsp_msgpack moved = *cursor;
    struct hsp_msgpack_item item;
    uint64_t payload;
    if (!read_head(&moved, &item, &payload))
        return false;
    const uint64_t left = (uint64_t)(moved.end - moved.at);
    if (item.type == HSP_MSGPACK_STRING || item.type == HSP_MSGPACK_BINARY) {
        item.text = (const char *)moved.at;
        payload += item.number;
    }
    // An element has at least one byte: a larger count is a lie, and would make loops long.
    const bool is_lie = (item.type == HSP_MSGPACK_ARRAY && item.number > left) ||
                        (item.type == HSP_MSGPACK_MAP && item.number > left / 2);
    if (is_lie || payload > left)
        return false;
    moved.at += payload;
    *cursor = moved;
    *out_item = item;
    return true;
}

bool hsp_msgpack_skip(struct hsp_msgpack *cursor) {
    struct hsp_msgpack moved = *cursor;
    for (uint64_t pending = 1; pending > 0; pending--) {
        struct hsp_msgpack_item item;
        if (!hsp_msgpack_next(&moved, &item))
            return false;
        if (item.type == HSP_MSGPACK_ARRAY)
            pending += item.number;
        else if (item.type == HSP_MSGPACK_MAP)
            pending += 2 * item.number;
    }
    *cursor = moved;
    return true;
}

bool hsp_msgpack_is(const struct hsp_msgpack_item *item, const char *text) {
    return item->type == HSP_MSGPACK_STRING && item->number == strlen(text) &&
           memcmp(item->text, text, item->number) == 0;
}
