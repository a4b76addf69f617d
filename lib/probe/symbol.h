/* SPDX-License-Identifier: MIT */
/// Symbols of a device image.
///
/// Thread safety: pure.
#ifndef HSP_PROBE_SYMBOL_H
#define HSP_PROBE_SYMBOL_H

#include <elf.h>

#include <hsaprobe/code_object.h>

struct hsp_symbol {
    const char *name;   ///< in the image
    uint64_t address;   ///< as linked; in an unlinked object, in its section
    uint64_t offset;    ///< in the image
    uint64_t size;      ///< bytes; 0 when not said
    uint64_t room;      ///< bytes from the symbol to the end of its section
    uint32_t section;   ///< index
    unsigned char type; ///< STT_FUNC, ...
};

/// Visits the defined symbols of an image that hsp_image_read_elf accepted; those that lie outside
/// of their section are left out. `visit` returns false to stop.
void hsp_symbols_visit(const struct hsp_image *image,
                       bool (*visit)(const struct hsp_symbol *symbol, void *data), void *data);
/// The first symbol of this name; false when there is none.
bool hsp_symbol_find(const struct hsp_image *image, const char *name,
                     struct hsp_symbol *out_symbol);

#endif
