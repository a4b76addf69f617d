/* SPDX-License-Identifier: MIT */
#include "probe/unpack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST // inputs are const
#include <zlib.h>
#include <zstd.h>

// Source: clang's OffloadBundler.cpp, CompressedOffloadBundle. All numbers are little-endian.
// offset        0      4        6       8                    then
// version 1     magic  version  method  unpacked size (32)   hash (64)
// version 2     magic  version  method  total size (32)      unpacked size (32), hash (64)
// version 3     magic  version  method  total size (64)      unpacked size (64), hash (64)
#define MAGIC       "CCOB"
#define MAGIC_BYTES 4u
#define VERSION_MAX 3u

enum method { METHOD_ZLIB = 0, METHOD_ZSTD = 1 };

// Files beyond it are refused rather than believed.
#define UNPACKED_MAX   (UINT64_C(1) << 32)
#define UNPACKED_FIRST (UINT64_C(1) << 16)
// Deflate can't do better, and code doesn't come near it; a few bytes of zstd can hold gigabytes of
// zeros.
#define RATIO_MAX 1032u

struct header {
    uint16_t version;
    uint16_t method;
    uint64_t total_bytes; // 0 when the version doesn't say
    uint64_t unpacked_bytes;
    uint64_t header_bytes;
};

// What is being unpacked, and what has been so far. The buffer grows with what is really there, not
// with what a header claims.
struct unpacking {
    const struct hsp_bytes *packed; // behind the header
    uint64_t unpacked_bytes;        // as the header says
    unsigned char *data;
    uint64_t capacity;
    uint64_t used;
};

bool hsp_bytes_are_packed(const struct hsp_bytes *bytes) {
    return bytes->size >= MAGIC_BYTES && memcmp(bytes->data, MAGIC, MAGIC_BYTES) == 0;
}

static hsp_status malformed(const struct hsp_bytes *packed, const char *what) {
    return hsp_fail(HSP_ERROR_FORMAT,
                    "%s: malformed compressed offload bundle at offset %" PRIu64 ": %s",
                    packed->name, packed->file_offset, what);
}

static uint64_t read_number(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    memcpy(&value, bytes, length);
    return value;
}

static hsp_status read_header(const struct hsp_bytes *packed, struct header *header) {
    static const uint8_t header_bytes[VERSION_MAX + 1] = {0, 20, 24, 32};
    if (packed->size < 8)
        return malformed(packed, "the header is cut off");
    header->version = (uint16_t)read_number(packed->data + 4, 2);
    header->method = (uint16_t)read_number(packed->data + 6, 2);
    if (header->version == 0 || header->version > VERSION_MAX)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "%s: the compressed offload bundle at offset %" PRIu64
                        " has version %u: expected 1 to %u",
                        packed->name, packed->file_offset, header->version, VERSION_MAX);
    if (header->method != METHOD_ZLIB && header->method != METHOD_ZSTD)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                        "%s: the offload bundle at offset %" PRIu64
                        " is compressed by method %u: expected 0 (zlib) or 1 (zstd)",
                        packed->name, packed->file_offset, header->method);
    header->header_bytes = header_bytes[header->version];
    if (packed->size < header->header_bytes)
        return malformed(packed, "the header is cut off");
    const size_t width = header->version == 3 ? 8 : 4;
    const unsigned char *sizes = packed->data + 8;
    header->total_bytes = header->version == 1 ? 0 : read_number(sizes, width);
    header->unpacked_bytes = read_number(header->version == 1 ? sizes : sizes + width, width);
    if (header->total_bytes > packed->size)
        return malformed(packed, "it reaches beyond the end");
    if (header->version > 1 && header->total_bytes < header->header_bytes)
        return malformed(packed, "it is smaller than its header");
    if (header->unpacked_bytes > UNPACKED_MAX)
        return malformed(packed, "it claims to hold more than 4 GiB");
    return HSP_OK;
}

// Makes room for at least one more byte; false at the size that the header gave or without memory.
static bool grow(struct unpacking *u) {
    if (u->used < u->capacity)
        return true;
    if (u->capacity >= u->unpacked_bytes)
        return false;
    uint64_t capacity = u->capacity ? u->capacity * 2 : UNPACKED_FIRST;
    if (capacity > u->unpacked_bytes)
        capacity = u->unpacked_bytes;
    void *data = realloc(u->data, capacity);
    if (!data)
        return false;
    u->data = data;
    u->capacity = capacity;
    return true;
}

static hsp_status short_of_memory(const struct unpacking *u) {
    if (u->capacity < u->unpacked_bytes)
        return hsp_fail_memory("an unpacked offload bundle");
    return malformed(u->packed, "it holds more than its header says");
}

static uInt at_most_uint(uint64_t bytes) {
    return bytes > UINT32_MAX ? UINT32_MAX : (uInt)bytes;
}

static hsp_status unpack_zlib(struct unpacking *u, uint64_t *out_consumed) {
    z_stream stream = {0};
    if (inflateInit(&stream) != Z_OK)
        return hsp_fail_memory("unpacking an offload bundle");
    const unsigned char *next = u->packed->data;
    uint64_t left = u->packed->size;
    hsp_status status = HSP_OK;
    int result = Z_OK;
    unsigned char none;
    while (status == HSP_OK && result != Z_STREAM_END) {
        const bool has_room = grow(u);
        stream.next_in = next;
        stream.avail_in = at_most_uint(left);
        // Without room the end of the stream can still follow.
        stream.next_out = has_room ? u->data + u->used : &none;
        stream.avail_out = has_room ? at_most_uint(u->capacity - u->used) : 0;
        result = inflate(&stream, Z_NO_FLUSH);
        left -= (uint64_t)(stream.next_in - next);
        next = stream.next_in;
        if (has_room)
            u->used = (uint64_t)(stream.next_out - u->data);
        if (result == Z_BUF_ERROR && !has_room)
            status = short_of_memory(u);
        else if (result != Z_OK && result != Z_STREAM_END)
            status = malformed(u->packed, stream.msg ? stream.msg : "the data is cut off");
    }
    inflateEnd(&stream);
    *out_consumed = u->packed->size - left;
    return status;
}

static hsp_status unpack_zstd(struct unpacking *u, uint64_t *out_consumed) {
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (!stream)
        return hsp_fail_memory("unpacking an offload bundle");
    ZSTD_inBuffer in = {u->packed->data, u->packed->size, 0};
    hsp_status status = HSP_OK;
    size_t result = 1; // 0 once the frame is complete
    while (status == HSP_OK && result != 0) {
        const bool has_room = grow(u);
        const size_t in_before = in.pos;
        const uint64_t used_before = u->used;
        ZSTD_outBuffer out = {u->data, u->capacity, u->used};
        result = ZSTD_decompressStream(stream, &out, &in);
        u->used = out.pos;
        if (ZSTD_isError(result))
            status = malformed(u->packed, ZSTD_getErrorName(result));
        else if (result != 0 && in.pos == in_before && u->used == used_before)
            status = has_room ? malformed(u->packed, "the data is cut off") : short_of_memory(u);
    }
    ZSTD_freeDStream(stream);
    *out_consumed = in.pos;
    return status;
}

hsp_status hsp_unpack(const struct hsp_bytes *packed, unsigned char **out_data, size_t *out_size,
                      uint64_t *out_end) {
    struct header header = {0};
    hsp_status status = read_header(packed, &header);
    if (status != HSP_OK)
        return status;
    const uint64_t end = header.total_bytes ? header.total_bytes : packed->size;
    const struct hsp_bytes content = {.data = packed->data + header.header_bytes,
                                      .size = end - header.header_bytes,
                                      .file_offset = packed->file_offset + header.header_bytes,
                                      .name = packed->name};
    if (header.unpacked_bytes / RATIO_MAX > content.size)
        return malformed(packed, "it claims to hold more than 1032 times its size");
    struct unpacking u = {.packed = &content, .unpacked_bytes = header.unpacked_bytes};
    uint64_t consumed = 0;
    status = header.method == METHOD_ZLIB ? unpack_zlib(&u, &consumed) : unpack_zstd(&u, &consumed);
    if (status == HSP_OK && u.used != header.unpacked_bytes)
        status = malformed(packed, "it holds less than its header says");
    if (status != HSP_OK) {
        free(u.data);
        return status;
    }
    *out_data = u.data;
    *out_size = u.used;
    *out_end = header.total_bytes ? header.total_bytes : header.header_bytes + consumed;
    return HSP_OK;
}
