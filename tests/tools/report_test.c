/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report.h"

static struct report *example(void) {
    static const struct report_column columns[] = {
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"submit_ns", "submit us", SOURCE_MEASURED, FORMAT_US},
        {"cost_ns", "cost us", SOURCE_DERIVED, FORMAT_US},
        {"lds_bytes", "LDS", SOURCE_MODELLED, FORMAT_BYTES},
    };
    struct report *report = report_create("example");
    report_field(report_manifest(report),
                 &(struct report_column){"software", "software", SOURCE_NONE, FORMAT_PLAIN},
                 report_boolean(true));
    struct report_section *fields = report_fields(report, "chip", NULL);
    report_field(fields, &(struct report_column){"id", "id", SOURCE_MODELLED, FORMAT_HEX},
                 report_integer(0x740f));
    struct report_section *table = report_table(report, "rows", "title", columns, 4);
    report_row(table, report_text("ring"), report_real(1234.5), report_nothing(),
               report_integer(65536));
    report_row(table, report_text("a\"b\\c"), report_real(0.25), report_real(-10),
               report_integer(1536));
    report_note(report, "%d notes", 1);
    return report;
}

static char *written(bool (*write)(const struct report *, FILE *), const struct report *report) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_true(write(report, stream));
    fclose(stream);
    return text;
}

static void json_has_numbers_keys_and_sources(void **state) {
    (void)state;
    struct report *report = example();
    char *text = written(report_write_json, report);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "command")), "example");
    assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
    assert_true(json_is_true(json_object_get(json_object_get(root, "manifest"), "software")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "chip"), "id")),
                     0x740f);
    json_t *rows = json_object_get(root, "rows");
    assert_int_equal(json_array_size(rows), 2);
    json_t *first = json_array_get(rows, 0);
    assert_true(json_real_value(json_object_get(first, "submit_ns")) == 1234.5);
    assert_true(json_is_null(json_object_get(first, "cost_ns")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "arm")),
                        "a\"b\\c");
    json_t *sources = json_object_get(json_object_get(root, "sources"), "rows");
    assert_string_equal(json_string_value(json_object_get(sources, "submit_ns")), "measured");
    assert_string_equal(json_string_value(json_object_get(sources, "cost_ns")), "derived");
    assert_string_equal(json_string_value(json_object_get(sources, "lds_bytes")), "modelled");
    assert_null(json_object_get(sources, "arm"));
    assert_int_equal(json_array_size(json_object_get(root, "notes")), 1);
    json_decref(root);
    free(text);
    report_destroy(report);
}

/* Details are in JSON always and in text when asked for; what repeats them is for people only. */
static void sections_reach_their_audience(void **state) {
    (void)state;
    struct report *report = example();
    report_limit(report_fields(report, "hidden", "DETAILS"), AUDIENCE_DETAILS);
    report_limit(report_fields(report, "digest", "DIGEST"), AUDIENCE_PEOPLE);
    char *brief = written(report_write_text, report);
    char *json = written(report_write_json, report);
    report_show_details(report);
    char *full = written(report_write_text, report);
    assert_null(strstr(brief, "DETAILS"));
    assert_non_null(strstr(brief, "DIGEST"));
    assert_non_null(strstr(full, "DETAILS"));
    assert_non_null(strstr(full, "DIGEST"));
    assert_non_null(strstr(json, "\"hidden\""));
    assert_null(strstr(json, "\"digest\""));
    free(brief);
    free(json);
    free(full);
    report_destroy(report);
}

static void text_has_units_and_a_legend(void **state) {
    (void)state;
    struct report *report = example();
    char *text = written(report_write_text, report);
    assert_non_null(strstr(text, "hsaprobe example: software yes\n"));
    assert_non_null(strstr(text, "id  0x740f  (modelled)\n"));
    assert_non_null(strstr(text, "64 KiB"));
    assert_non_null(strstr(text, "1.5 KiB"));
    assert_non_null(strstr(text, " 1.234")); /* 1234.5 ns; ties to even */
    assert_non_null(strstr(text, "-0.010"));
    assert_non_null(strstr(text, "measured: submit us; modelled: LDS; derived: cost us\n"));
    assert_non_null(strstr(text, "note: 1 notes\n"));
    free(text);
    report_destroy(report);
}

static void numbers_that_json_lacks_become_null(void **state) {
    (void)state;
    struct report *report = report_create("x");
    struct report_section *fields = report_fields(report, "f", NULL);
    report_field(fields, &(struct report_column){"nan", "nan", SOURCE_NONE, FORMAT_PLAIN},
                 report_real(NAN));
    char *text = written(report_write_json, report);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_true(json_is_null(json_object_get(json_object_get(root, "f"), "nan")));
    json_decref(root);
    free(text);
    report_destroy(report);
}

static void a_full_disk_is_an_error(void **state) {
    (void)state;
    struct report *report = example();
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_false(report_write_text(report, full));
    clearerr(full);
    assert_false(report_write_json(report, full));
    fclose(full);
    report_destroy(report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_numbers_keys_and_sources),
        cmocka_unit_test(sections_reach_their_audience),
        cmocka_unit_test(text_has_units_and_a_legend),
        cmocka_unit_test(numbers_that_json_lacks_become_null),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
