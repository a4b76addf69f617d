/* SPDX-License-Identifier: MIT */
/// Reading MessagePack, the form of kernel metadata, from bytes that nobody vouches for.
///
/// A cursor moves from item to item; a container's item is followed by its elements. Nothing is
/// allocated, nothing recurses. Source: the MessagePack specification (msgpack.org), "Formats".
/// comgr has a reader too, but crashes on items of unexpected types.
///
/// Thread safety: a cursor belongs to one thread.
#ifndef HSP_PROBE_MSGPACK_H
#define HSP_PROBE_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hsp_msgpack {
    const unsigned char *at;
    const unsigned char *end;
};

enum hsp_msgpack_type {
    HSP_MSGPACK_NIL,
    HSP_MSGPACK_BOOL,   ///< number is 0 or 1
    HSP_MSGPACK_UINT,   ///< number
    HSP_MSGPACK_INT,    ///< a negative number; not needed, so not kept
    HSP_MSGPACK_FLOAT,  ///< not kept
    HSP_MSGPACK_STRING, ///< text and number of bytes; no final NUL
    HSP_MSGPACK_BINARY, ///< likewise; also extension types
    HSP_MSGPACK_ARRAY,  ///< number of elements
    HSP_MSGPACK_MAP,    ///< number of pairs, each a key and a value
};

struct hsp_msgpack_item {
    enum hsp_msgpack_type type;
    uint64_t number;
    const char *text;
};

/// Reads the next item and moves behind its head (a container's elements come next). False, and the
/// cursor where it was, when the bytes end or make no sense.
bool hsp_msgpack_next(struct hsp_msgpack *cursor, struct hsp_msgpack_item *out_item);
/// Moves behind the next item with all that it contains.
bool hsp_msgpack_skip(struct hsp_msgpack *cursor);
/// Whether an item is this string.
bool hsp_msgpack_is(const struct hsp_msgpack_item *item, const char *text);

#endif
