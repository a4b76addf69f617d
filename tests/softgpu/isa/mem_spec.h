/* SPDX-License-Identifier: MIT */
/// What a vector memory instruction does, read from its mnemonic alone: independent of the tables
/// under test.
#ifndef TEST_MEM_SPEC_H
#define TEST_MEM_SPEC_H

#include <stdbool.h>
#include <stdint.h>

enum spec_kind { SPEC_OTHER, SPEC_LOAD, SPEC_STORE, SPEC_ATOMIC };

struct spec {
    enum spec_kind kind;
    uint32_t bytes; ///< in memory, per lane
    bool is_signed;
    bool is_d16;     ///< the other half of the register stays
    bool is_hi;      ///< ... and it is the low one; stores: from the high half
    char atomic[16]; ///< "add", "smax", "add_f32", ...
    bool is_cmpswap;
};

/// From "global_load_sbyte_d16_hi", "flat_atomic_add_x2", ... Returns false if the name is none.
bool spec_from_name(const char *name, struct spec *out_spec);
/// New value of an atomic with operands of 4 or 8 bytes.
uint64_t spec_update(const char *atomic, uint32_t bytes, uint64_t old, uint64_t s, uint64_t cmp);

#endif
