/* SPDX-License-Identifier: MIT */
/// Expected results of single lanes, from the manual's definitions: written apart from the
/// interpreter, with host integers and softfloat.h. oracle.def has a row per mnemonic.
#ifndef ISA_TEST_ORACLE_H
#define ISA_TEST_ORACLE_H

#include "softfloat.h"

#include <stdbool.h>
#include <stdint.h>

/// One lane: operands after their modifiers, as raw bits of their type.
struct vec {
    uint64_t a, b, c;
    uint64_t old;  ///< the destination's bits before
    uint32_t cin;  ///< lane mask bit read, or SCC
    bool clamp;    ///< the instruction's CLAMP bit
    uint32_t mode; ///< HW_REG_MODE
    uint32_t lane;
    uint64_t d;    ///< result; a compare's condition
    uint32_t cout; ///< lane mask bit, or SCC, written; starts as cin
    uint32_t ulps; ///< how far a float may be off
    bool unknown;  ///< the manual leaves this case open: nothing is compared
};

struct oracle {
    const char *name;
    void (*compute)(struct vec *v);
    bool clamps; ///< CLAMP saturates an integer result
};

/// The oracle of a mnemonic, or NULL.
const struct oracle *oracle_find(const char *name);

/// MODE's rounding and denormals for a format.
struct sf_env oracle_env(uint32_t mode, const struct sf_format *f);

#endif
