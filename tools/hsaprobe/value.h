/* SPDX-License-Identifier: MIT */
/// Elements of the types that kernels take: from text to bytes and back.
#ifndef TOOL_VALUE_H
#define TOOL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hsaprobe/dispatch.h>

#include "report.h"

/// The scalar type with this name (i8 .. f64). Returns false when there is none; `length` is that
/// of the name in `text`.
bool value_type_find(const char *text, size_t length, enum hsp_value_type *out_type);
/// The names of all scalar types, separated by spaces.
const char *value_type_names(void);

/// Parses one element; `out_bytes` has room for 8. Returns NULL, or a static text that says what
/// was expected, such as "out of range for u8".
const char *value_parse(enum hsp_value_type type, const char *text, void *out_bytes);

/// Fills `count` elements with 0, 1, 2, ... in their type (integers wrap).
void value_fill_iota(enum hsp_value_type type, void *elements, size_t count);
/// Fills with copies of one element.
void value_fill_const(enum hsp_value_type type, const void *element, void *elements, size_t count);
/// Fills with random values: all values of an integer type, [0, 1) of a floating one. The same
/// seed gives the same values everywhere.
void value_fill_random(enum hsp_value_type type, uint64_t seed, void *elements, size_t count);

/// One element as a value of a report; `text` has room for 32 and must live as long as the value.
struct report_value value_report(enum hsp_value_type type, const void *element, char *text);

/// IEEE binary16, rounding to nearest even.
uint16_t half_from_double(double value);
double half_to_double(uint16_t half);

#endif
