/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/record.h"

static const char *const names[] = {"hsa_init"};

static struct hsp_snapshot *two_events(void) {
    hsp_record_set_call_names(names, 1);
    hsp_record_set_events(true);
    hsp_record_clear();
    const uint64_t now = hsp_clock_ticks();
    hsp_record_call(0, now, now, 4096);
    uint16_t id;
    assert_int_equal(hsp_span_register("odd \"name\", \\ \n", &id), HSP_OK);
    hsp_span_record(id, now + 1000000, now + 1000000);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    assert_int_equal(hsp_snapshot_count(snapshot), 2);
    return snapshot;
}

static char *export(struct hsp_snapshot *snapshot, enum hsp_export_format format) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    assert_int_equal(hsp_snapshot_export(snapshot, format, stream), HSP_OK);
    fclose(stream);
    return text;
}

static void json_lines_name_every_field(void **state) {
    (void)state;
    struct hsp_snapshot *snapshot = two_events();
    const struct hsp_event *events = hsp_snapshot_events(snapshot);
    char expected[512];
    snprintf(expected, sizeof(expected),
             "{\"kind\":\"hsa_call\",\"name\":\"hsa_init\",\"thread\":%d,\"start_ns\":%llu,"
             "\"duration_ns\":0,\"result\":4096}\n"
             "{\"kind\":\"span\",\"name\":\"odd \\\"name\\\", \\\\ \\u000a\",\"thread\":%d,"
             "\"start_ns\":%llu,\"duration_ns\":0,\"result\":0}\n",
             gettid(), (unsigned long long)events[0].start_ns, gettid(),
             (unsigned long long)events[1].start_ns);
    char *text = export(snapshot, HSP_EXPORT_JSON_LINES);
    assert_string_equal(text, expected);
    free(text);
    hsp_snapshot_destroy(snapshot);
}

static void csv_has_a_heading_and_quotes_names(void **state) {
    (void)state;
    struct hsp_snapshot *snapshot = two_events();
    char *text = export(snapshot, HSP_EXPORT_CSV);
    assert_ptr_equal(strstr(text, "kind,name,thread,start_ns,duration_ns,result\n"), text);
    assert_non_null(strstr(text, "hsa_call,\"hsa_init\","));
    assert_non_null(strstr(text, "span,\"odd \"\"name\"\", \\ \n\","));
    free(text);
    hsp_snapshot_destroy(snapshot);
}

static void chrome_events_are_one_object_in_microseconds(void **state) {
    (void)state;
    struct hsp_snapshot *snapshot = two_events();
    const struct hsp_event *events = hsp_snapshot_events(snapshot);
    const unsigned long long ns[] = {events[0].start_ns, events[1].start_ns};
    char expected[1024];
    snprintf(
        expected, sizeof(expected),
        "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
        "{\"ph\":\"X\",\"name\":\"hsa_init\",\"cat\":\"hsa_call\",\"pid\":%d,\"tid\":%d,"
        "\"ts\":%llu.%03llu,\"dur\":0.000,\"args\":{\"result\":4096}},\n"
        "{\"ph\":\"X\",\"name\":\"odd \\\"name\\\", \\\\ \\u000a\",\"cat\":\"span\",\"pid\":%d,"
        "\"tid\":%d,\"ts\":%llu.%03llu,\"dur\":0.000,\"args\":{\"result\":0}}\n]}\n",
        getpid(), gettid(), ns[0] / 1000, ns[0] % 1000, getpid(), gettid(), ns[1] / 1000,
        ns[1] % 1000);
    char *text = export(snapshot, HSP_EXPORT_CHROME);
    assert_string_equal(text, expected);
    free(text);
    hsp_snapshot_destroy(snapshot);
}

static void an_empty_snapshot_is_whole_in_every_format(void **state) {
    (void)state;
    hsp_record_clear();
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    char *lines = export(snapshot, HSP_EXPORT_JSON_LINES);
    char *csv = export(snapshot, HSP_EXPORT_CSV);
    char *chrome = export(snapshot, HSP_EXPORT_CHROME);
    assert_string_equal(lines, "");
    assert_string_equal(csv, "kind,name,thread,start_ns,duration_ns,result\n");
    assert_string_equal(chrome, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n\n]}\n");
    free(lines);
    free(csv);
    free(chrome);
    assert_int_equal(hsp_snapshot_export(snapshot, (enum hsp_export_format)3, stdout),
                     HSP_ERROR_INVALID_ARGUMENT);
    hsp_snapshot_destroy(snapshot);
}

static void full_device_is_reported(void **state) {
    (void)state;
    FILE *stream = fopen("/dev/full", "w");
    if (!stream)
        skip();
    struct hsp_snapshot *snapshot = two_events();
    assert_int_equal(hsp_snapshot_export(snapshot, HSP_EXPORT_CSV, stream),
                     HSP_STATUS(HSP_DOMAIN_ERRNO, ENOSPC));
    assert_non_null(strstr(hsp_last_error(), "No space left"));
    fclose(stream);
    hsp_snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines_name_every_field),
        cmocka_unit_test(csv_has_a_heading_and_quotes_names),
        cmocka_unit_test(chrome_events_are_one_object_in_microseconds),
        cmocka_unit_test(an_empty_snapshot_is_whole_in_every_format),
        cmocka_unit_test(full_device_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
