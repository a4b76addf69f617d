/* SPDX-License-Identifier: MIT */
/// generate SEED COUNT: writes a HIP program with COUNT random functions of integers, floats and
/// doubles to standard output. Each is compiled for the host and for the device and run on the same
/// inputs; the program fails where they differ. Only operations that IEEE and C define to the bit,
/// and no undefined behaviour: shifts are masked, divisors not 0, conversions within range.
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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { U32, U64, F32, F64, TYPE_COUNT };
static const char *const type_names[] = {"uint32_t", "uint64_t", "float", "double"};
static const char letters[] = "ulfd";

static uint64_t seed;
static bool in_loop;

static uint32_t below(uint32_t bound) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed * 0x2545f4914f6cdd1d >> 32) % bound);
}

/* One operation of a result type: @ is an operand of that type, u l f d one of the named. */
static const char *const operations[TYPE_COUNT][32] = {
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
             "((@ + in.u2) / (@ | 1))",
             "((@ + in.u1) % (@ | 1))",
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
             "(@ * 24 + @)"},
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
             "((@ + in.l2) / ((@ & 0xffff) | 1))",
             "((@ + in.l1) % ($u | 1))",
             "(@ < @ ? @ : @)",
             "((int64_t)@ > (int64_t)@ ? @ : @)",
             "((uint64_t)__builtin_popcountll(@) + in.l1)",
             "((uint64_t)__builtin_clzll(@ | 1) + in.l0)",
             "(uint64_t)$u",
             "((uint64_t)$u * $u)",
             "((uint64_t)$u << 32 | $u)",
             "(uint64_t)((int64_t)(int32_t)$u * (int32_t)$u + (int64_t)@)",
             "bits_of($d)"},
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
             "(@ * 1.5f)"},
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
             "(@ * 0.1)"},
};

static uint32_t operation_count(enum type type) {
    uint32_t count = 0;
    while (count < 32 && operations[type][count])
        count++;
    return count;
}

static void print_leaf(enum type type) {
    static const char *const constants[TYPE_COUNT][4] = {
        {"7u", "0x80000001u", "255u", "0x12345u"},
        {"3ull", "0x123456789abcull", "0x8000000000000000ull", "99ull"},
        {"1.0f", "-2.75f", "1e-3f", "3e8f"},
        {"1.0", "-0.375", "1e-9", "6e12"}};
    if (below(6) == 0)
        fputs(constants[type][below(4)], stdout);
    else if (below(2))
        printf("in.%c%u", letters[type], below(3));
    else
        printf("%c%u", letters[type], below(3));
}

static void print_expression(enum type type, uint32_t depth) {
    if (depth == 0 || below(8) == 0) {
        print_leaf(type);
        return;
    }
    const char *at = operations[type][below(operation_count(type))];
    while (in_loop && strncmp(at, "sqrt", 4) == 0)
        at = operations[type][below(operation_count(type))];
    for (; *at; at++) {
        enum type operand = type;
        if (*at != '@' && *at != '$') {
            putchar(*at);
            continue;
        }
        if (*at == '$')
            for (at++, operand = U32; letters[operand] != *at;)
                operand++;
        print_expression(operand, depth - 1);
    }
}

static void print_assignment(const char *indent) {
    enum type type = (enum type)below(TYPE_COUNT);
    printf("%s%c%u = ", indent, letters[type], below(3));
    print_expression(type, 1 + below(3));
    puts(";");
}

static void print_block(const char *indent, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        print_assignment(indent);
}

static void print_condition(void) {
    enum type type = (enum type)below(TYPE_COUNT);
    static const char *const compares[] = {"<", ">=", "==", "!=", ">"};
    print_expression(type, 1);
    printf(" %s ", compares[below(5)]);
    print_expression(type, 1);
}

static void print_statement(void) {
    switch (below(6)) {
    case 0:
        printf("    if (");
        print_condition();
        puts(") {");
        print_block("        ", 1 + below(3));
        puts("    } else {");
        print_block("        ", 1 + below(2));
        puts("    }");
        break;
    case 1:
        printf("    for (uint32_t i = 0, n = (");
        print_expression(U32, 1);
        puts(") & 7; i < n; i++) {");
        in_loop = true;
        puts("        u0 += i;");
        print_block("        ", 1 + below(2));
        printf("        if (");
        print_condition();
        printf(")\n            %s;\n    }\n", below(2) ? "break" : "continue");
        in_loop = false;
        break;
    case 2:
        printf("    switch ((");
        print_expression(U32, 1);
        puts(") & 3) {");
        for (uint32_t i = 0; i < 3; i++) {
            printf("    case %u:\n", i);
            print_assignment("        ");
            if (below(4))
                puts("        break;");
        }
        puts("    default:");
        print_assignment("        ");
        puts("    }");
        break;
    default:
        print_assignment("    ");
        break;
    }
}

static void print_function(uint32_t number) {
    printf("__host__ __device__ static void function%u(const Input &in, Output &out) {\n", number);
    for (uint32_t type = 0; type < TYPE_COUNT; type++)
        printf("    %s %c0 = in.%c0, %c1 = in.%c1, %c2 = in.%c2;\n", type_names[type],
               letters[type], letters[type], letters[type], letters[type], letters[type],
               letters[type]);
    for (uint32_t i = 0; i < 8; i++)
        print_statement();
    puts("    out.u = u0 ^ u1 ^ u2;\n    out.l = l0 + l1 * 3 + l2;\n    out.f = f0;\n"
         "    out.g = f1;\n    out.d = d0;\n    out.e = d1;\n}");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: generate SEED COUNT\n");
        return 2;
    }
    uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
    seed = (strtoull(argv[1], NULL, 10) + 1) * 0x9e3779b97f4a7c15;
    puts("/* Generated by tests/e2e/generated/generate.c. */\n#include \"generated.h\"\n");
    for (uint32_t i = 0; i < count; i++)
        print_function(i);
    puts("\nint main() {\n    need_gpu();\n    uint32_t wrong = 0;");
    for (uint32_t i = 0; i < count; i++)
        printf("    wrong += differences<function%u>(\"function%u\");\n", i, i);
    puts("    return wrong != 0;\n}");
    return 0;
}
