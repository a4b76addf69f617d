/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "argument.h"

static struct argument good(const char *text) {
    struct argument argument;
    char *why = argument_parse(text, &argument);
    if (why)
        fail_msg("%s: %s", text, why);
    return argument;
}

static void scalars(void **state) {
    (void)state;
    struct argument argument = good("f32:3.5");
    float value;
    memcpy(&value, argument.value, sizeof value);
    assert_int_equal(argument.form, ARGUMENT_SCALAR);
    assert_int_equal(argument.type, HSP_VALUE_F32);
    assert_true(value == 3.5f);
    assert_null(argument.name);
    argument_fini(&argument);
    argument = good("i64:-1");
    int64_t number;
    memcpy(&number, argument.value, sizeof number);
    assert_int_equal(number, -1);
    argument_fini(&argument);
}

static void names_stand_before_everything(void **state) {
    (void)state;
    struct argument argument = good("_my_name1=u8[4]=const:7>print");
    assert_string_equal(argument.name, "_my_name1");
    assert_int_equal(argument.form, ARGUMENT_BUFFER);
    assert_int_equal(argument.pattern, PATTERN_CONST);
    assert_int_equal(argument.value[0], 7);
    assert_int_equal(argument.print_count, 4);
    argument_fini(&argument);
    argument = good("f32=f32:1"); /* a type's name is a name too, before an equals sign */
    assert_string_equal(argument.name, "f32");
    argument_fini(&argument);
}

static void buffers_with_patterns_and_outputs(void **state) {
    (void)state;
    struct argument argument = good("f64[0x10]");
    assert_int_equal(argument.count, 16);
    assert_int_equal(argument.pattern, PATTERN_ZERO);
    assert_int_equal(argument_buffer_bytes(&argument), 128);
    argument_fini(&argument);
    argument = good("u32[8]=rand:42>print:3>out.bin");
    assert_int_equal(argument.pattern, PATTERN_RANDOM);
    assert_int_equal(argument.seed, 42);
    assert_true(argument.prints);
    assert_int_equal(argument.print_count, 3);
    assert_string_equal(argument.output_path, "out.bin");
    argument_fini(&argument);
    argument = good("u32[8]>x=y"); /* no pattern: the equals sign belongs to the path */
    assert_string_equal(argument.output_path, "x=y");
    argument_fini(&argument);
    argument = good("u32[8]=@in:1.bin");
    assert_int_equal(argument.pattern, PATTERN_FILE);
    assert_string_equal(argument.input_path, "in:1.bin");
    argument_fini(&argument);
    argument = good("u32[100]>print:1000");
    assert_int_equal(argument.print_count, 100);
    argument_fini(&argument);
}

static void pointers_and_bytes(void **state) {
    (void)state;
    struct argument argument = good("ptr:0");
    assert_int_equal(argument.form, ARGUMENT_POINTER);
    assert_int_equal(argument.type, HSP_VALUE_POINTER);
    argument_fini(&argument);
    argument = good("s=hex:00fF10");
    assert_int_equal(argument.form, ARGUMENT_HEX);
    assert_int_equal(argument.byte_count, 3);
    assert_memory_equal(argument.bytes, "\x00\xff\x10", 3);
    argument_fini(&argument);
}

static void mistakes_are_named_and_leave_the_output_alone(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *part; /* of the message */
    } cases[] = {
        {"", "no type"},
        {"f33:1", "'f33' is no type"},
        {"f32", ":VALUE or [COUNT]"},
        {"f32:", "not a number"},
        {"f32:x", "'x' is not a number"},
        {"u8:256", "out of range"},
        {"i32:1:2", "not a whole number"},
        {"f32[]", "number of elements"},
        {"f32[0]", "number of elements"},
        {"f32[-1]", "number of elements"},
        {"f32[4", "number of elements"},
        {"f32[99999999999999999999]", "number of elements"},
        {"f32[18446744073709551615]", "number of elements"},
        {"f32[4]x", "neither =PATTERN nor >OUTPUT"},
        {"f32[4]=", "none of zero"},
        {"f32[4]=one", "none of zero"},
        {"f32[4]=@", "none of zero"},
        {"f32[4]=rand:", "takes a seed"},
        {"f32[4]=rand:x", "takes a seed"},
        {"f32[4]=const:y", "const: 'y'"},
        {"u8[4]=const:300", "out of range"},
        {"f32[4]>", "nothing behind '>'"},
        {"f32[4]>a>b", "only one file"},
        {"f32[4]>print:0", "number of elements"},
        {"f32[4]>print:z", "number of elements"},
        {"ptr:", "takes an address"},
        {"ptr:-1", "takes an address"},
        {"ptr:1x", "takes an address"},
        {"hex:", "hexadecimal"},
        {"hex:123", "hexadecimal"},
        {"hex:zz", "hexadecimal"},
        {"name=", "no type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct argument argument;
        struct argument before;
        memset(&argument, 0xa5, sizeof argument);
        memset(&before, 0xa5, sizeof before);
        char *why = argument_parse(cases[i].text, &argument);
        if (!why || !strstr(why, cases[i].part))
            fail_msg("'%s': %s", cases[i].text, why ? why : "taken");
        assert_memory_equal(&argument, &before, sizeof argument);
        free(why);
    }
}

static void files_must_have_exactly_the_buffers_size(void **state) {
    (void)state;
    char path[] = "argument_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\x01\x02\x03\x04", 4), 4);
    close(fd);
    static const struct {
        size_t count;
        const char *part;
    } cases[] = {{4, NULL}, {3, "longer than the 3 bytes"}, {5, "shorter than the 5 bytes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        unsigned char bytes[8] = {0};
        snprintf(text, sizeof text, "u8[%zu]=@%s", cases[i].count, path);
        struct argument argument = good(text);
        char *why = argument_fill(&argument, bytes);
        if (cases[i].part) {
            assert_non_null(why);
            assert_non_null(strstr(why, cases[i].part));
        } else {
            assert_null(why);
            assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
        }
        free(why);
        argument_fini(&argument);
    }
    unlink(path);
    struct argument argument = good("u8[4]=@nowhere/at.all");
    unsigned char bytes[4];
    char *why = argument_fill(&argument, bytes);
    assert_non_null(strstr(why, "No such file"));
    free(why);
    argument_fini(&argument);
}

static void grammar_shows_every_form(void **state) {
    (void)state;
    char *grammar = argument_grammar();
    static const char *const parts[] = {"TYPE:VALUE", "TYPE[COUNT]", "zero",  "iota",
                                        "rand:",      "const:",      "@FILE", ">FILE",
                                        ">print",     "ptr:",        "hex:",  "f16"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(grammar, parts[i]));
    free(grammar);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(names_stand_before_everything),
        cmocka_unit_test(buffers_with_patterns_and_outputs),
        cmocka_unit_test(pointers_and_bytes),
        cmocka_unit_test(mistakes_are_named_and_leave_the_output_alone),
        cmocka_unit_test(files_must_have_exactly_the_buffers_size),
        cmocka_unit_test(grammar_shows_every_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
