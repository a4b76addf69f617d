/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "probe/image.h"
#include "probe/isa.h"
#include "probe/unpack.h"

// Source: clang 15, "Clang Offload Bundler", "Bundled Binary File Layout". All numbers are 64-bit
// little-endian; offsets count from the bundle's first byte.
#define MAGIC             "__CLANG_OFFLOAD_BUNDLE__"
#define MAGIC_BYTES       24u
#define HEADER_BYTES      (MAGIC_BYTES + 8u)
#define ENTRY_FIXED_BYTES 24u
// More than there are targets. With the rule that entries don't overlap it keeps the work in
// proportion to the file.
#define ENTRIES_MAX 1024u

struct entry {
    uint64_t offset;
    uint64_t size;
    const char *id; ///< "hipv4-amdgcn-amd-amdhsa--gfx90a"; not terminated
    size_t id_length;
};

static uint64_t read_u64(const unsigned char *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static bool begins_with(const unsigned char *data, size_t size, const char *magic, size_t length) {
    return size >= length && memcmp(data, magic, length) == 0;
}

bool hsp_bytes_are_bundle(const struct hsp_bytes *bytes) {
    return begins_with(bytes->data, bytes->size, MAGIC, MAGIC_BYTES) || hsp_bytes_are_packed(bytes);
}

static hsp_status malformed(const struct hsp_bytes *bundle, uint64_t offset, const char *what) {
    return hsp_fail(HSP_ERROR_FORMAT, "%s: malformed offload bundle at offset %" PRIu64 ": %s",
                    bundle->name, bundle->file_offset + offset, what);
}

static hsp_status read_entry(const struct hsp_bytes *bundle, uint64_t *cursor,
                             struct entry *entry) {
    if (!hsp_bytes_hold(bundle->size, *cursor, ENTRY_FIXED_BYTES))
        return malformed(bundle, *cursor, "the table of entries is cut off");
    entry->offset = read_u64(bundle->data + *cursor);
    entry->size = read_u64(bundle->data + *cursor + 8);
    const uint64_t id_length = read_u64(bundle->data + *cursor + 16);
    const uint64_t id_offset = *cursor + ENTRY_FIXED_BYTES;
    if (!hsp_bytes_hold(bundle->size, id_offset, id_length))
        return malformed(bundle, *cursor, "an entry's name is cut off");
    if (!hsp_bytes_hold(bundle->size, entry->offset, entry->size))
        return malformed(bundle, *cursor, "an entry reaches beyond the end");
    entry->id = (const char *)bundle->data + id_offset;
    entry->id_length = id_length;
    *cursor = id_offset + id_length;
    return HSP_OK;
}

static bool is_host(const struct entry *entry) {
    return entry->id_length >= 5 && memcmp(entry->id, "host-", 5) == 0;
}

static hsp_status add_device_entry(const struct hsp_bytes *bundle, const struct entry *entry,
                                   uint32_t bundle_index, struct hsp_code_object *object) {
    const struct hsp_bytes elf = {.data = bundle->data + entry->offset,
                                  .size = entry->size,
                                  .file_offset = bundle->file_offset + entry->offset,
                                  .name = bundle->name};
    struct hsp_image image;
    const hsp_status status = hsp_image_read_elf(&elf, &image);
    if (status != HSP_OK)
        return status;
    char id[sizeof(image.isa) + sizeof(image.kind)] = "";
    snprintf(id, sizeof(id), "%.*s", (int)(entry->id_length < 512 ? entry->id_length : 512),
             entry->id);
    const size_t kind_length = strcspn(id, "-");
    snprintf(image.kind, sizeof(image.kind), "%.*s", (int)kind_length, id);
    const char *target = id[kind_length] ? id + kind_length + 1 : "";
    // The ELF says what the code is for; a bundle that says otherwise would be loaded wrongly.
    const char *conflict = hsp_isa_conflict(target, image.isa);
    if (conflict && strcmp(conflict, "the processor differs") == 0)
        return hsp_fail(HSP_ERROR_FORMAT, "%s: bundle entry %s holds code for %s", bundle->name, id,
                        image.isa);
    image.bundle_index = bundle_index;
    return hsp_code_object_add_image(object, &image);
}

// Whether an entry shares bytes with an image of this bundle; these begin at `first_image`.
static bool overlaps(const struct hsp_bytes *bundle, const struct entry *entry,
                     const struct hsp_code_object *object, size_t first_image) {
    const unsigned char *begin = bundle->data + entry->offset;
    for (size_t i = first_image; i < object->image_count; i++) {
        const unsigned char *other = object->images[i].bytes;
        if (begin < other + object->images[i].size && other < begin + entry->size)
            return true;
    }
    return false;
}

// Reads the bundle at the start of `bundle` and says how long it is.
static hsp_status read_bundle(const struct hsp_bytes *bundle, uint32_t bundle_index,
                              struct hsp_code_object *object, uint64_t *out_end) {
    if (bundle->size < HEADER_BYTES)
        return malformed(bundle, 0, "the header is cut off");
    const uint64_t count = read_u64(bundle->data + MAGIC_BYTES);
    if (count > (bundle->size - HEADER_BYTES) / ENTRY_FIXED_BYTES)
        return malformed(bundle, MAGIC_BYTES, "more entries than the file has room for");
    if (count > ENTRIES_MAX)
        return malformed(bundle, MAGIC_BYTES, "more entries than there are targets");
    const size_t first_image = object->image_count;
    uint64_t cursor = HEADER_BYTES;
    uint64_t end = cursor;
    for (uint64_t i = 0; i < count; i++) {
        struct entry entry = {0};
        hsp_status status = read_entry(bundle, &cursor, &entry);
        const bool is_device = entry.size > 0 && !is_host(&entry);
        if (status == HSP_OK && is_device && overlaps(bundle, &entry, object, first_image))
            status = malformed(bundle, cursor, "two entries overlap");
        if (status == HSP_OK && is_device)
            status = add_device_entry(bundle, &entry, bundle_index, object);
        if (status != HSP_OK)
            return status;
        if (entry.offset + entry.size > end)
            end = entry.offset + entry.size;
    }
    *out_end = end > cursor ? end : cursor;
    return HSP_OK;
}

// Bundles of several translation units follow one another, each aligned by zeros.
static uint64_t skip_zeros(const struct hsp_bytes *bytes, uint64_t offset) {
    while (offset < bytes->size && bytes->data[offset] == 0)
        offset++;
    return offset;
}

// Unpacks the compressed bundle at the start of `packed`, keeps it in the object and reads it.
static hsp_status read_packed_bundle(const struct hsp_bytes *packed, uint32_t bundle_index,
                                     struct hsp_code_object *object, uint64_t *out_end) {
    unsigned char *data = NULL;
    size_t size = 0;
    uint64_t packed_end = 0;
    hsp_status status = hsp_unpack(packed, &data, &size, &packed_end);
    if (status == HSP_OK)
        status = hsp_code_object_keep(object, data);
    if (status != HSP_OK)
        return status;
    const struct hsp_bytes bundle = {.data = data, .size = size, .name = packed->name};
    if (!begins_with(data, size, MAGIC, MAGIC_BYTES))
        return malformed(&bundle, 0, "the unpacked data is no offload bundle");
    const size_t first_image = object->image_count;
    uint64_t end = 0;
    status = read_bundle(&bundle, bundle_index, object, &end);
    for (size_t i = first_image; i < object->image_count; i++)
        object->images[i].is_packed = true;
    *out_end = packed_end;
    return status;
}

hsp_status hsp_bundles_read(const struct hsp_bytes *bundles, struct hsp_code_object *object) {
    uint64_t offset = 0;
    for (uint32_t index = 0; offset < bundles->size; index++) {
        const struct hsp_bytes rest = {.data = bundles->data + offset,
                                       .size = bundles->size - offset,
                                       .file_offset = bundles->file_offset + offset,
                                       .name = bundles->name};
        uint64_t end = 0;
        hsp_status status;
        if (hsp_bytes_are_packed(&rest))
            status = read_packed_bundle(&rest, index, object, &end);
        else if (begins_with(rest.data, rest.size, MAGIC, MAGIC_BYTES))
            status = read_bundle(&rest, index, object, &end);
        else
            status = malformed(&rest, 0, "expected " MAGIC " or CCOB");
        if (status != HSP_OK)
            return status;
        offset = skip_zeros(bundles, offset + end);
    }
    return HSP_OK;
}
