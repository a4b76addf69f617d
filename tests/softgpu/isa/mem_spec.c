/* SPDX-License-Identifier: MIT */
#include "mem_spec.h"

#include <stdlib.h>
#include <string.h>

static bool ends_with(char *text, const char *end) {
    size_t length = strlen(text);
    size_t tail = strlen(end);
    if (length < tail || strcmp(text + length - tail, end) != 0)
        return false;
    text[length - tail] = '\0';
    return true;
}

static bool take_width(const char *text, struct spec *spec) {
    static const struct {
        const char *name;
        uint32_t bytes;
        bool is_signed;
    } widths[] = {{"ubyte", 1, false},   {"sbyte", 1, true},    {"ushort", 2, false},
                  {"sshort", 2, true},   {"byte", 1, false},    {"short", 2, false},
                  {"dword", 4, false},   {"dwordx2", 8, false}, {"dwordx3", 12, false},
                  {"dwordx4", 16, false}};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (strcmp(text, widths[i].name) != 0)
            continue;
        spec->bytes = widths[i].bytes;
        spec->is_signed = widths[i].is_signed;
        return true;
    }
    return false;
}

bool spec_from_name(const char *name, struct spec *out_spec) {
    char text[48];
    *out_spec = (struct spec){0};
    const char *rest = strchr(name, '_');
    if (!rest || strlen(rest) >= sizeof text)
        return false;
    strcpy(text, rest + 1);
    if (strncmp(text, "atomic_", 7) == 0) {
        out_spec->kind = SPEC_ATOMIC;
        bool is_wide = ends_with(text, "_x2") || strstr(text, "_f64");
        out_spec->bytes = is_wide ? 8 : 4;
        if (strlen(text + 7) >= sizeof out_spec->atomic)
            return false;
        strcpy(out_spec->atomic, text + 7);
        out_spec->is_cmpswap = strcmp(text + 7, "cmpswap") == 0;
        return true;
    }
    out_spec->kind = strncmp(text, "load_", 5) == 0    ? SPEC_LOAD
                     : strncmp(text, "store_", 6) == 0 ? SPEC_STORE
                                                       : SPEC_OTHER;
    if (out_spec->kind == SPEC_OTHER)
        return false;
    out_spec->is_hi = ends_with(text, "_hi");
    out_spec->is_d16 = ends_with(text, "_d16");
    return take_width(strchr(text, '_') + 1, out_spec);
}

static float as_float(uint64_t bits) {
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, 4);
    return value;
}

static double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

static uint64_t of_float(float value) {
    uint32_t word;
    memcpy(&word, &value, 4);
    return word;
}

static uint64_t of_double(double value) {
    uint64_t word;
    memcpy(&word, &value, 8);
    return word;
}

static uint64_t pk_add(uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    for (int half = 0; half < 2; half++) {
        _Float16 x;
        _Float16 y;
        uint16_t words[] = {(uint16_t)(a >> (16 * half)), (uint16_t)(b >> (16 * half))};
        memcpy(&x, &words[0], 2);
        memcpy(&y, &words[1], 2);
        x = (_Float16)((float)x + (float)y);
        memcpy(&words[0], &x, 2);
        sum |= (uint64_t)words[0] << (16 * half);
    }
    return sum;
}

uint64_t spec_update(const char *atomic, uint32_t bytes, uint64_t old, uint64_t s, uint64_t cmp) {
    int64_t signed_old = bytes == 4 ? (int32_t)old : (int64_t)old;
    int64_t signed_s = bytes == 4 ? (int32_t)s : (int64_t)s;
    struct {
        const char *name;
        uint64_t value;
    } results[] = {
        {"swap", s},
        {"cmpswap", old == cmp ? s : old},
        {"add", old + s},
        {"sub", old - s},
        {"smin", signed_s < signed_old ? s : old},
        {"umin", s < old ? s : old},
        {"smax", signed_s > signed_old ? s : old},
        {"umax", s > old ? s : old},
        {"and", old & s},
        {"or", old | s},
        {"xor", old ^ s},
        {"inc", old >= s ? 0 : old + 1},
        {"dec", old == 0 || old > s ? s : old - 1},
        {"add_f32", of_float(as_float(old) + as_float(s))},
        {"pk_add_f16", pk_add(old, s)},
        {"add_f64", of_double(as_double(old) + as_double(s))},
        {"min_f64", as_double(s) < as_double(old) ? s : old},
        {"max_f64", as_double(s) > as_double(old) ? s : old},
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i].name, atomic) == 0)
            return bytes == 4 ? (uint32_t)results[i].value : results[i].value;
    abort();
}
