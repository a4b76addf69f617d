/* SPDX-License-Identifier: MIT */
/// generate SEED COUNT [NUMBER]: writes a HIP program with COUNT random functions, or function
/// NUMBER of them alone, to standard output. Each is compiled for the host and for the device and
/// run on the same inputs; the program fails where they differ, and says how to write the function
/// alone. A function has three parts with barriers between them; what each lane publishes at the
/// end of a part others read in the next one. Only operations that IEEE and C define to the bit,
/// and no undefined behaviour (the host's side runs under UBSan too): shifts are masked, divisors
/// not 0, conversions within range, small integers calculated without sign.
///
/// Avoided are errors of clang 15 for this target. Dividends have a summand from memory, for
/// AMDGPUCodeGenPrepare divides in floats of 24 bits (expandDivRem24) unsigned values of 32 bits
/// that are sign-extended, as it counts sign bits, and such of 64 bits that were extended from 32,
/// as it compares 32 used bits with the wrong width; -amdgpu-codegenprepare-disable-idiv-expansion
/// mends both (LLVM's pull requests 119325 and 80622). No square root of doubles in a loop:
/// MachineSink moves the selects of its expansion behind the loop but leaves their compares, whose
/// masks then lack the lanes that left before; -disable-machine-sink mends it (LLVM's D155343).
/// Counts of 64 bits have a summand from memory too: SIFoldOperands takes x | ~0 for x | 0 in the
/// upper half of ~(uint64_t)popcount(a) | b where b's upper half is not constant (seed 103).
/// Of products of 32 bits with 64, one factor is opaque: SelectionDAG's combination of UMUL_LOHI
/// takes v_mul_hi_i32_i24, as if both were signed, where both have 9 equal upper bits.
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { U8, S16, U32, U64, F16, F32, F64, TYPE_COUNT };
static const char *const type_names[] = {"uint8_t",  "int16_t", "uint32_t", "uint64_t",
                                         "_Float16", "float",   "double"};
static const char letters[] = "bsulhfd";

enum { PARTS = 3, TEXT_BYTES = 1 << 16, MOST_EXPRESSIONS = 256 };

/// Where the code to be printed stands: what may be named there.
static struct {
    bool in_loop, in_helper;
    uint32_t part, function;
} place;

static uint64_t seed;
static char text[TEXT_BYTES];
static size_t text_bytes;
static char *expressions[MOST_EXPRESSIONS];
static uint32_t expression_count;

static uint32_t below(uint32_t bound) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed * 0x2545f4914f6cdd1d >> 32) % bound);
}

/* One operation of a result type: @ is an operand of that type, $ and a letter one of another. */
static const char *const operations[TYPE_COUNT][40] = {
    [U8] = {"(uint8_t)(@ + @)", "(uint8_t)(@ - @)", "(uint8_t)(@ * @)", "(uint8_t)(@ & @)",
            "(uint8_t)(@ | @)", "(uint8_t)(@ ^ @)", "(uint8_t)~@", "(uint8_t)(@ << (@ & 7))",
            "(uint8_t)(@ >> (@ & 7))", "(uint8_t)((int8_t)@ >> (@ & 7))",
            "(uint8_t)((uint8_t)(@ + in.b[0]) / (@ | 1))", "(@ < @ ? @ : @)", "(uint8_t)$u",
            "(uint8_t)($s >> 8)", "(uint8_t)($l >> 24)", "((int8_t)@ < (int8_t)@ ? @ : @)",
            "(uint8_t)(@ > @ ? @ - @ : 0)"},
    [S16] = {"(int16_t)(@ + @)", "(int16_t)(@ - @)", "(int16_t)((uint32_t)@ * (uint32_t)@)",
             "(int16_t)(@ & @)", "(int16_t)(@ ^ @)", "(int16_t)-@",
             "(int16_t)((uint32_t)@ << (@ & 15))", "(int16_t)(@ >> (@ & 15))",
             "(int16_t)((uint16_t)@ >> (@ & 15))", "(int16_t)((int16_t)(@ + in.s[1]) / (@ | 1))",
             "(@ < @ ? @ : @)", "(int16_t)$u", "(int16_t)(int8_t)$b", "(int16_t)($l >> 40)",
             "(int16_t)to_unsigned($f)", "(int16_t)((uint16_t)@ < (uint16_t)@ ? @ : @)",
             "held_to_short(@ + @)", "(int16_t)($h < $h ? @ : @)", "(int16_t)bits_of_half($h)"},
    [U32] = {"(@ + @)",
             "(@ - @)",
             "(@ * @)",
             "(@ & @)",
             "(@ | @)",
             "(@ ^ @)",
             "(~@)",
             "(@ << (@ & 31))",
             "(@ >> (@ & 31))",
             "(uint32_t)((int32_t)@ >> (@ & 31))",
             "((@ + in.u[2]) / (@ | 1))",
             "((@ + in.u[1]) % (@ | 1))",
             "(uint32_t)((int32_t)(@ >> 1) / ((int32_t)(@ & 1023) + 1))",
             "(@ < @ ? @ : @)",
             "((int32_t)@ < (int32_t)@ ? @ : @)",
             "(@ == @ ? @ : @)",
             "(uint32_t)__builtin_popcount(@)",
             "(uint32_t)__builtin_clz(@ | 1)",
             "(uint32_t)__builtin_ctz(@ | 0x80000000u)",
             "__builtin_bitreverse32(@)",
             "__builtin_bswap32(@)",
             "rotated(@, @)",
             "(uint32_t)$l",
             "(uint32_t)($l >> 32)",
             "to_unsigned($f)",
             "to_unsigned($d)",
             "($f < $f ? @ : @)",
             "($d >= $d ? @ : @)",
             "(uint32_t)(uint16_t)@",
             "(uint32_t)(uint8_t)@",
             "high_half(@, @)",
             "(@ * 24 + @)",
             "(uint32_t)$s",
             "((uint32_t)$b << 8 | $b)",
             "((uint32_t)$s * (uint32_t)$s + @)",
             "(@ > ~@ ? ~0u : @ + @)",
             "($h != $h ? @ : @)",
             "(@ >> ($b & 31) & 0xff)"},
    [U64] = {"(@ + @)",
             "(@ - @)",
             "(@ * @)",
             "(@ & @)",
             "(@ | @)",
             "(@ ^ @)",
             "(~@)",
             "(@ << ($u & 63))",
             "(@ >> ($u & 63))",
             "(uint64_t)((int64_t)@ >> ($u & 63))",
             "((@ + in.l[2]) / ((@ & 0xffff) | 1))",
             "((@ + in.l[1]) % ($u | 1))",
             "(@ < @ ? @ : @)",
             "((int64_t)@ > (int64_t)@ ? @ : @)",
             "((uint64_t)__builtin_popcountll(@) + in.l[1])",
             "((uint64_t)__builtin_clzll(@ | 1) + in.l[0])",
             "(uint64_t)$u",
             "((uint64_t)opaque($u) * $u)",
             "((uint64_t)$u << 32 | $u)",
             "(uint64_t)((int64_t)(int32_t)$u * (int32_t)$u + (int64_t)(@ >> 2))",
             "bits_of($d)",
             "(uint64_t)(int64_t)$s",
             "high_half64(@, @)",
             "((uint64_t)$b << 56 | @)"},
    [F16] = {"(_Float16)(@ + @)", "(_Float16)(@ - @)", "(_Float16)(@ * @)", "(_Float16)(@ / @)",
             "(_Float16)(-@)", "(@ < @ ? @ : @)", "(@ >= @ ? @ : @)", "(_Float16)$f",
             "(_Float16)$d", "(_Float16)(uint16_t)$u", "(_Float16)$s", "(_Float16)$b",
             "(_Float16)floorf((float)@)", "(_Float16)fabsf((float)@)",
             "(_Float16)((float)@ * (float)@)", "(_Float16)(@ * (_Float16)0.5)"},
    [F32] = {"(@ + @)",
             "(@ - @)",
             "(@ * @)",
             "(@ / @)",
             "(- @)",
             "fabsf(@)",
             "sqrtf(fabsf(@))",
             "fmaf(@, @, @)",
             "floorf(@)",
             "ceilf(@)",
             "truncf(@)",
             "rintf(@)",
             "copysignf(@, @)",
             "(@ < @ ? @ : @)",
             "(@ != @ ? @ : @)",
             "(float)$u",
             "(float)(int32_t)$u",
             "(float)$d",
             "(float)$l",
             "ldexpf(@, (int)($u & 31) - 16)",
             "(@ + 0.5f)",
             "(@ * 1.5f)",
             "(float)$h",
             "(float)$s",
             "((float)$h * (float)$h + @)",
             "(float)$b"},
    [F64] = {"(@ + @)",
             "(@ - @)",
             "(@ * @)",
             "(@ / @)",
             "(- @)",
             "fabs(@)",
             "sqrt(fabs(@))",
             "fma(@, @, @)",
             "floor(@)",
             "ceil(@)",
             "trunc(@)",
             "rint(@)",
             "copysign(@, @)",
             "(@ < @ ? @ : @)",
             "(double)$u",
             "(double)(int32_t)$u",
             "(double)$f",
             "(double)$l",
             "(double)(int64_t)$l",
             "ldexp(@, (int)($u & 127) - 64)",
             "(@ * 0.1)",
             "(double)$h",
             "(double)$s"},
};

static uint32_t operation_count(enum type type) {
    uint32_t count = 0;
    while (count < 40 && operations[type][count])
        count++;
    return count;
}

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(text + text_bytes, TEXT_BYTES - text_bytes, format, arguments);
    va_end(arguments);
    text_bytes += (size_t)bytes;
    if (text_bytes >= TEXT_BYTES) {
        fprintf(stderr, "generate: a statement is longer than %d bytes\n", TEXT_BYTES);
        exit(1);
    }
}

static enum type type_of(char letter) {
    return (enum type)(strchr(letters, letter) - letters);
}

static void put_expression(enum type type, uint32_t depth);

static void put_call(void) {
    put("helper%u_0(", place.function);
    for (const char *letter = "ulf"; *letter; letter++) {
        put_expression(type_of(*letter), 0);
        put(", ");
    }
    put("pair, 3)");
}

/* What another lane has published, or a counter of the group. */
static void put_shared(enum type type) {
    bool is_count = type == U32 && below(3) == 0;
    put("group.%s[", is_count ? "counts" : "slots");
    put_expression(U32, 0);
    if (is_count)
        put(" & 7]");
    else
        put(" %% GROUP].%c", letters[type]);
}

/* A call of a helper, an array's element or what other lanes published. */
static bool put_distant_leaf(enum type type) {
    if (type == U32 && below(3) == 0) {
        put("a[");
        put_expression(U32, 0);
        put(" & 7]");
    } else if (type == U32 && !place.in_helper && below(2)) {
        put_call();
    } else if (!place.in_helper && place.part > 0 && type != U8) {
        put_shared(type);
    } else if (strchr("dsu", letters[type])) {
        put("pair.%c", letters[type]);
    } else {
        return false;
    }
    return true;
}

static void put_leaf(enum type type) {
    static const char *const constants[TYPE_COUNT][4] = {
        {"uint8_t(7)", "uint8_t(0x80)", "uint8_t(255)", "uint8_t(1)"},
        {"int16_t(-3)", "int16_t(0x7fff)", "int16_t(-0x8000)", "int16_t(100)"},
        {"7u", "0x80000001u", "255u", "0x12345u"},
        {"3ull", "0x123456789abcull", "0x8000000000000000ull", "99ull"},
        {"_Float16(1)", "_Float16(-2.75)", "_Float16(6e-5)", "_Float16(60000)"},
        {"1.0f", "-2.75f", "1e-3f", "3e8f"},
        {"1.0", "-0.375", "1e-9", "6e12"}};
    static uint32_t nesting; // an index may be such a leaf again, but not for ever
    nesting++;
    bool is_put = nesting < 3 && below(7) == 0 && put_distant_leaf(type);
    nesting--;
    if (is_put)
        return;
    if (below(6) == 0)
        put("%s", constants[type][below(4)]);
    else if (below(2))
        put("in.%c[%u]", letters[type], below(3));
    else
        put("%c%u", letters[type], below(3));
}

static void put_expression(enum type type, uint32_t depth) {
    if (depth == 0 || below(8) == 0) {
        put_leaf(type);
        return;
    }
    const char *at = operations[type][below(operation_count(type))];
    while (place.in_loop && strncmp(at, "sqrt", 4) == 0)
        at = operations[type][below(operation_count(type))];
    for (; *at; at++) {
        if (*at == '$')
            put_expression(type_of(*++at), depth - 1);
        else if (*at == '@')
            put_expression(type, depth - 1);
        else
            put("%c", *at);
    }
}

static void flush(void) {
    fwrite(text, 1, text_bytes, stdout);
    text_bytes = 0;
}

/* TRACE(number, value) is the value; the program built with TRACES remembers it. */
static void put_assignment(const char *indent) {
    enum type type = (enum type)below(TYPE_COUNT);
    uint32_t number = expression_count;
    bool is_traced = !place.in_helper && number < MOST_EXPRESSIONS;
    if (type == U32 && below(5) == 0) {
        put("%sa[", indent);
        put_expression(U32, 0);
        put(" & 7] = ");
    } else if (strchr("dsu", letters[type]) && below(6) == 0) {
        put("%spair.%c = ", indent, letters[type]);
    } else {
        put("%s%c%u = ", indent, letters[type], below(3));
    }
    if (is_traced)
        put("TRACE(%u, ", number);
    size_t begin = text_bytes;
    put_expression(type, 1 + below(3));
    if (is_traced) {
        expressions[expression_count++] = strndup(text + begin, text_bytes - begin);
        put(")");
    }
    put(";\n");
}

static void put_block(const char *indent, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        put_assignment(indent);
}

static void put_condition(void) {
    enum type type = (enum type)below(TYPE_COUNT);
    static const char *const compares[] = {"<", ">=", "==", "!=", ">"};
    put_expression(type, 1);
    put(" %s ", compares[below(5)]);
    put_expression(type, 1);
}

static void put_if(void) {
    put("    if (");
    put_condition();
    put(") {\n");
    put_block("        ", 1 + below(3));
    put("    } else {\n");
    put_block("        ", 1 + below(2));
    put("    }\n");
}

static void put_for(void) {
    put("    for (uint32_t i = 0, n = (");
    put_expression(U32, 1);
    put(") & 7; i < n; i++) {\n");
    place.in_loop = true;
    put("        u0 += i;\n");
    put_block("        ", 1 + below(2));
    put("        if (");
    put_condition();
    put(")\n            %s;\n", below(2) ? "break" : "continue");
    if (below(3) == 0) {
        put("        for (uint32_t k = 0; k <= (u1 & 3); k++) {\n");
        put_block("            ", 1);
        put("        }\n");
    }
    put("    }\n");
    place.in_loop = false;
}

static void put_switch(void) {
    put("    switch ((");
    put_expression(U32, 1);
    put(") & 7) {\n");
    for (uint32_t i = 0; i < 6; i++) {
        put("    case %u:\n", i);
        put_assignment("        ");
        if (below(4))
            put("        break;\n");
    }
    put("    default:\n");
    put_assignment("        ");
    put("    }\n");
}

/* Counting into group memory is for the first part: the others read the counts. */
static void put_atomic(void) {
    bool in_group = place.part == 0 && below(2);
    put("    count(%s, ", in_group ? "group.counts" : "totals");
    put_expression(U32, 1);
    put(" & 7, ");
    put_expression(in_group ? U32 : U64, 1);
    put(");\n");
}

static void put_statement(void) {
    switch (below(8)) {
    case 0:
        put_if();
        break;
    case 1:
        put_for();
        break;
    case 2:
        put_switch();
        break;
    case 3:
        put_atomic();
        break;
    case 4:
        put("    pair = helper%u_1(pair, ", place.function);
        put_expression(U32, 1);
        put(");\n");
        break;
    default:
        put_assignment("    ");
        break;
    }
    flush();
}

static void put_variables(const char *from) {
    for (uint32_t t = 0; t < TYPE_COUNT; t++)
        put("    [[maybe_unused]] %s %c0 = %s.%c[0], %c1 = %s.%c[1], %c2 = %s.%c[2];\n",
            type_names[t], letters[t], from, letters[t], letters[t], from, letters[t], letters[t],
            from, letters[t]);
}

/* Calls itself, with one step less to go. */
static void put_recursive_helper(void) {
    put("NOINLINE static uint32_t helper%u_0(uint32_t u0, uint64_t l0, float f0, Pair pair, "
        "uint32_t steps) {\n    const Values in = fixed(u0, l0, f0);\n"
        "    uint32_t u1 = u0 >> 3, u2 = steps, a[8] = {u0, 1, u1, 3, 4, 5, 6, 7};\n"
        "    uint64_t l1 = l0 * 5, l2 = 9;\n    float f1 = f0 * 2, f2 = 3;\n"
        "    uint8_t b0 = in.b[0], b1 = in.b[1], b2 = 9;\n"
        "    int16_t s0 = pair.s, s1 = in.s[1], s2 = -1;\n"
        "    _Float16 h0 = in.h[0], h1 = in.h[1], h2 = in.h[2];\n"
        "    double d0 = pair.d, d1 = in.d[1], d2 = 0.5;\n",
        place.function);
    put_block("    ", 2 + below(2));
    put("    if (steps > 0 && (");
    put_condition();
    put("))\n        u0 += helper%u_0(u1, l1, f1, pair, steps - 1);\n", place.function);
    put_block("    ", 1);
    put("    return u0 ^ a[u2 & 7] ^ to_unsigned(f0) ^\n"
        "           uint32_t(l0 + l2 + b0 + b1 + b2 + uint32_t(s0 + s1 + s2)) ^\n"
        "           to_unsigned(float(h0) + float(h1) + float(h2)) ^\n"
        "           to_unsigned(d0 + d1 + d2 + f2);\n}\n");
}

/* Takes and gives a struct. */
static void put_struct_helper(void) {
    put("NOINLINE static Pair helper%u_1(Pair pair, uint32_t u0) {\n"
        "    const Values in = fixed(u0, pair.u, float(pair.s));\n"
        "    uint32_t a[8] = {u0, pair.u};\n    uint32_t u1 = pair.u, u2 = ~u0;\n",
        place.function);
    for (uint32_t t = 0; t < TYPE_COUNT; t++)
        if (t != U32)
            put("    %s %c0 = in.%c[0], %c1 = in.%c[1], %c2 = in.%c[2];\n", type_names[t],
                letters[t], letters[t], letters[t], letters[t], letters[t], letters[t]);
    put_block("    ", 3);
    put("    a[1] += u0 + u1 + u2 + b0 + b1 + b2 + uint32_t(s0 + s1 + s2);\n"
        "    a[1] += uint32_t(l0 ^ l1 ^ l2);\n"
        "    d0 += double(f0) + f1 + f2 + double(h0) + double(h1) + double(h2) + d1 + d2;\n"
        "    return {pair.d + d0, pair.u ^ a[u0 & 7] ^ a[1], s0};\n}\n");
}

static void put_helpers(void) {
    place.in_helper = true;
    put_recursive_helper();
    put_struct_helper();
    flush();
    place.in_helper = false;
}

static void put_part(uint32_t part) {
    place.part = part;
    put("HD static void part%u_%u([[maybe_unused]] const Values &in, Values &v, "
        "[[maybe_unused]] Group &group, [[maybe_unused]] uint64_t *totals) {\n",
        place.function, part);
    put_variables("v");
    put("    uint32_t a[8] = {u0, u1, u2, 3, 4, 5, 6, 7};\n"
        "    Pair pair = {d0, u1, s2};\n");
    for (uint32_t i = 0; i < 4; i++)
        put_statement();
    put("    u0 ^= a[0] ^ a[1] ^ a[2] * 3 ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7] ^ pair.u;\n"
        "    d1 += pair.d;\n    s1 = (int16_t)(s1 + pair.s);\n");
    for (uint32_t t = 0; t < TYPE_COUNT; t++)
        put("    v.%c[0] = %c0, v.%c[1] = %c1, v.%c[2] = %c2;\n", letters[t], letters[t],
            letters[t], letters[t], letters[t], letters[t]);
    put("}\n");
    flush();
}

static void put_function(uint64_t program_seed, uint32_t number) {
    seed = (program_seed + 1) * 0x9e3779b97f4a7c15 ^ (number + 1) * 0xbf58476d1ce4e5b9;
    for (uint32_t i = 0; i < 8; i++)
        below(2);
    expression_count = 0;
    place.function = number;
    put_helpers();
    for (uint32_t part = 0; part < PARTS; part++)
        put_part(part);
    printf("static const Function function%u = {\"function %u\", %u, {part%u_0, part%u_1, "
           "part%u_2}, {\n",
           number, number, number, number, number, number);
    for (uint32_t i = 0; i < expression_count; i++) {
        printf("    \"%s\",\n", expressions[i]);
        free(expressions[i]);
    }
    printf("}};\nKERNEL(kernel%u, part%u_0, part%u_1, part%u_2)\n\n", number, number, number,
           number);
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: generate SEED COUNT [NUMBER]\n");
        return 2;
    }
    uint64_t program_seed = strtoull(argv[1], NULL, 10);
    uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10), first = 0;
    if (argc == 4) {
        first = (uint32_t)strtoul(argv[3], NULL, 10);
        count = first + 1;
    }
    printf("/* Generated by tests/e2e/generated/generate.c. */\n#define SEED \"%s\"\n"
           "#include \"generated.h\"\n\n",
           argv[1]);
    for (uint32_t i = first; i < count; i++)
        put_function(program_seed, i);
    puts("int main() {\n    start();\n    uint32_t wrong = 0;");
    for (uint32_t i = first; i < count; i++)
        printf("    wrong += differences(function%u, DEVICE(kernel%u));\n", i, i);
    puts("    return wrong != 0;\n}");
    return 0;
}
