/* SPDX-License-Identifier: MIT */
/* Raw samples as lines and back, CSV, pictures, and the manifest. */
#include <ctype.h>
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "layers_compat.h"
#include "layers_spans.h"
#include "layers_svg.h"
#include "manifest.h"
#include "manifest_libraries.h"
#include "report.h"
#include "samples_file.h"

/* Two processes, two arms; names that need escaping. */
static struct hsp_samples *example(void) {
    struct hsp_samples *samples = hsp_samples_create();
    static const char *const arms[] = {"<low> & \"ring\"", "high\x01\xff"};
    for (size_t arm = 0; arm < 2; arm++) {
        struct hsp_series *series =
            hsp_samples_series(samples, "a,b", arms[arm], "round trip", 0, HSP_SOURCE_MEASURED);
        for (uint32_t process = 0; process < 2; process++)
            for (uint32_t round = 0; round < 12; round++) {
                const double values[] = {1000 + 0.1 * round, 1010.5 + 300 * (double)arm};
                const struct hsp_burst_tags tags = {round, 2, 0, process};
                assert_int_equal(hsp_series_add(samples, series, process, round, values, 2, &tags),
                                 0);
            }
    }
    struct hsp_series *slope =
        hsp_samples_series(samples, "a,b", "x", "submit, slope", 5000, HSP_SOURCE_MODELLED);
    slope->size_count = 2;
    slope->sizes[0] = 1;
    slope->sizes[1] = 2;
    assert_int_equal(hsp_series_add(samples, slope, 1, 3, (const double[]){40, 47}, 2, NULL), 0);
    assert_int_equal(hsp_samples_layer(samples, "a,b", "l1", arms[1], arms[0]), 0);
    return samples;
}

static struct report *report_of(void) {
    struct report *report = report_create("layers");
    report_field(report_manifest(report),
                 &(struct report_column){"device", "on", SOURCE_NONE, FORMAT_PLAIN},
                 report_text("gfx90a <soft> & \"co\""));
    return report;
}

static void lines_come_back_as_they_were(void **state) {
    (void)state;
    struct hsp_samples *samples = example();
    struct report *report = report_of();
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    /* JSON can't have the second arm's name */
    free(samples->series[1]->arm);
    samples->series[1]->arm = strdup("high");
    free(samples->layers[0].upper);
    samples->layers[0].upper = strdup("high");
    assert_true(samples_write(samples, report, stream));
    fclose(stream);
    struct hsp_samples *again = hsp_samples_create();
    void *head = NULL;
    stream = fmemopen(text, bytes, "r");
    char *wrong = samples_read(stream, 10, again, &head);
    assert_null(wrong);
    fclose(stream);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(head, "manifest"), "device")),
        "gfx90a <soft> & \"co\"");
    json_decref(head);
    assert_int_equal(again->series_count, samples->series_count);
    assert_int_equal(again->process_count, 12);
    assert_int_equal(again->layer_count, 1);
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *was = samples->series[i];
        const struct hsp_series *is = again->series[i];
        assert_string_equal(is->arm, was->arm);
        assert_int_equal(is->gap_ns, was->gap_ns);
        assert_int_equal(is->source, was->source);
        assert_int_equal(is->size_count, was->size_count);
        assert_memory_equal(is->sizes, was->sizes, sizeof is->sizes);
        assert_int_equal(is->value_count, was->value_count);
        assert_memory_equal(is->values, was->values, was->value_count * sizeof *was->values);
        assert_int_equal(is->burst_count, was->burst_count);
        for (size_t j = 0; j < was->burst_count; j++) {
            assert_int_equal(is->bursts[j].process, was->bursts[j].process + 10);
            assert_int_equal(is->bursts[j].round, was->bursts[j].round);
            assert_memory_equal(&is->bursts[j].tags, &was->bursts[j].tags,
                                sizeof is->bursts[j].tags);
        }
    }
    free(text);
    hsp_samples_destroy(samples);
    hsp_samples_destroy(again);
    report_destroy(report);
}

/* The rules of XML that a writer can break: elements nest, attributes are quoted, text has neither
 * '<' nor a bare '&', nor characters that XML doesn't know. */
static void assert_well_formed(const char *at) {
    char open[32][32];
    size_t depth = 0;
    size_t elements = 0;
    while (*at) {
        if (*at != '<') {
            unsigned char c = (unsigned char)*at;
            assert_true(c >= 0x20 || c == '\n' || c == '\t');
            if (c == '&')
                assert_true(!strncmp(at, "&amp;", 5) || !strncmp(at, "&lt;", 4) ||
                            !strncmp(at, "&gt;", 4) || !strncmp(at, "&quot;", 6));
            assert_true(depth > 0 || isspace(c));
            at++;
            continue;
        }
        const char *end = at;
        bool quoted = false;
        while (*++end && (quoted || *end != '>')) {
            quoted ^= *end == '"';
            assert_true(*end != '<');
        }
        assert_true(*end == '>');
        char name[32];
        size_t length = strcspn(at + 1 + (at[1] == '/'), " />");
        assert_in_range(length, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)length, at + 1 + (at[1] == '/'));
        if (at[1] == '/') {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (at[1] != '?' && end[-1] != '/') {
            assert_in_range(depth, 0, 31);
            memcpy(open[depth++], name, sizeof name);
        }
        elements++;
        at = end + 1;
    }
    assert_int_equal(depth, 0);
    assert_true(elements > 30);
}

static char *picture(const struct hsp_samples *samples, const struct report *report) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_true(layers_svg_write(samples, report, stream));
    fclose(stream);
    return text;
}

static void pictures_are_well_formed(void **state) {
    (void)state;
    struct hsp_samples *samples = example();
    struct report *report = report_of();
    char *text = picture(samples, report);
    assert_well_formed(text);
    assert_non_null(strstr(text, "&lt;low&gt; &amp; &quot;ring&quot;"));
    assert_non_null(strstr(text, "high??"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(text, "gfx90a &lt;soft&gt;"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    /* a bar of the layer, whose value is 150 ns, and a curve for each arm */
    assert_non_null(strstr(text, ">0.15<"));
    size_t curves = 0;
    for (const char *at = text; (at = strstr(at, "<path ")); at++)
        curves++;
    assert_int_equal(curves, 2);
    free(text);
    hsp_samples_destroy(samples);
    report_destroy(report);
}

static void csv_is_one_rectangle(void **state) {
    (void)state;
    static const struct report_column columns[] = {
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"submit_ns", "submit", SOURCE_MEASURED, FORMAT_US},
    };
    static const struct report_column others[] = {
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"submit_ns", "submit", SOURCE_MEASURED, FORMAT_US},
    };
    struct report *report = report_of();
    report_row(report_table(report, "arms", "t", columns, 2), report_text("a \"b\", c"),
               report_real(0.1));
    report_row(report_table(report, "layers", "t", others, 2), report_text("l"), report_nothing());
    report_limit(report_table(report, "people", "t", others, 2), AUDIENCE_PEOPLE);
    report_field(report_fields(report, "setup", "s"), &others[0], report_boolean(true));
    report_note(report, "two\nlines");
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_true(report_write_csv(report, stream));
    fclose(stream);
    assert_string_equal(text, "section,key,value,arm,submit_ns,layer\r\n"
                              "manifest,device,\"gfx90a <soft> & \"\"co\"\"\",,,\r\n"
                              "arms,,,\"a \"\"b\"\", c\",0.10000000000000001,\r\n"
                              "layers,,,,,l\r\n"
                              "setup,layer,true,,,\r\n"
                              "note,note,\"two\nlines\",,,\r\n");
    free(text);
    report_destroy(report);
}

static void put(const char *root, const char *path, const char *text) {
    char name[512];
    snprintf(name, sizeof name, "%s%s", root, path);
    for (char *slash = name + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(name, 0777);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool has_note(const struct report *report, const char *words) {
    for (size_t i = 0; i < report->note_count; i++)
        if (strstr(report->notes[i], words))
            return true;
    return false;
}

static void remove_tree(const char *root) {
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

static void machines_are_described_and_warned_about(void **state) {
    (void)state;
    char root[] = "/tmp/manifest_test.XXXXXX";
    assert_non_null(mkdtemp(root));
    struct manifest_machine machine;
    struct report *report = report_of();
    manifest_machine_read(root, &machine); /* nothing can be read */
    assert_string_equal(machine.cpu, "unknown");
    assert_string_equal(machine.governor, "none");
    assert_string_equal(machine.smt, "unknown");
    assert_string_equal(machine.load, "unknown");
    assert_false(machine.is_virtual);
    machine.usable_count = 2;
    manifest_warn(&machine, report);
    assert_int_equal(report->note_count, 0);
    manifest_machine_fini(&machine);

    put(root, "/proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu hypervisor sse\n");
    put(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    put(root, "/sys/devices/system/cpu/smt/active", "1\n");
    put(root, "/proc/loadavg", "97.50 1 2 3/4 5\n");
    manifest_machine_read(root, &machine);
    assert_string_equal(machine.cpu, "Some CPU @ 2 GHz");
    assert_string_equal(machine.governor, "powersave");
    assert_string_equal(machine.smt, "on");
    assert_string_equal(machine.load, "97.50");
    assert_true(machine.is_virtual);
    assert_true(machine.usable_count >= 1 && *machine.affinity);
    machine.usable_count = 1;
    manifest_warn(&machine, report);
    static const char *const words[] = {"governor is powersave", "SMT is on", "virtual machine",
                                        "one usable processor", "load 97.50"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_true(has_note(report, words[i]));
    manifest_machine_fini(&machine);
    report_destroy(report);
    remove_tree(root);
}

static void build_ids_are_read_from_notes(void **state) {
    (void)state;
    struct {
        Elf64_Nhdr other;
        char other_name[8];
        char other_data[8];
        Elf64_Nhdr id;
        char name[4];
        unsigned char bytes[4];
    } notes = {{6, 5, 1}, "other", "five", {4, 3, NT_GNU_BUILD_ID}, "GNU", {0xde, 0xad, 0, 7}};
    char text[16];
    manifest_build_id(&notes, sizeof notes, text, sizeof text);
    assert_string_equal(text, "dead00"); /* the length is 3 */
    notes.id.n_descsz = 4;
    manifest_build_id(&notes, sizeof notes, text, sizeof text);
    assert_string_equal(text, "dead0007");
    manifest_build_id(&notes, sizeof notes, text, 6);
    assert_string_equal(text, "dead");
    notes.id.n_descsz = 5; /* beyond the end */
    manifest_build_id(&notes, sizeof notes, text, sizeof text);
    assert_string_equal(text, "");
    manifest_build_id(&notes, 3, text, sizeof text);
    assert_string_equal(text, "");
}

/* Children end, and are written, before what called them. */
#define CALL(layer, name, seq, above, start, duration, self)                                       \
    "{\"type\":\"call\",\"layer\":\"" layer "\",\"name\":\"" name                                  \
    "\",\"thread\":7,\"seq\":" #seq above ",\"start_ns\":" #start ",\"duration_ns\":" #duration    \
    ",\"self_ns\":" #self "}\n"
#define WITHIN(above)                       ",\"parent_seq\":" #above
#define HIP(name, seq, duration)            CALL("hip", name, seq, "", 0, duration, duration)
#define LAUNCH                              "hipModuleLaunchKernel"
#define WAIT                                "hipStreamSynchronize"
#define IN_HIP(name, seq, above, start, ns) CALL("hsa", name, seq, WITHIN(above), start, ns, ns)
/* A launch of arm hsa, or its wait's packet: 60 + `ring` ns in the functions, 33 between them. */
#define ROW(seq, ring)                                                                             \
    CALL("hsa", "hsa_queue_add_write_index_screlease", seq, "", 1000, 40, 40)                      \
    CALL("hsa", "hsa_queue_load_read_index_relaxed", seq, "", 1047, 30, 30)                        \
    CALL("hsa", "hsa_signal_store_screlease", seq, "", 1103, ring, ring)
#define PREPARE CALL("hsa", "hsa_signal_silent_store_relaxed", 900, "", 5000, 1, 1)

static char *read_spans(char *events, struct spans *out_spans) {
    FILE *stream = fmemopen(events, strlen(events), "r");
    char *wrong = spans_read(stream, 5, out_spans);
    fclose(stream);
    return wrong;
}

static void nested_spans_are_taken_apart(void **state) {
    (void)state;
    char hip[] =
        /* the operating system within HSA within HIP; 8 of b's ns were the tracer's own */
        IN_HIP("a", 2, 1, 100, 35) CALL("os", "ioctl", 4, WITHIN(3), 160, 15, 15)
            CALL("hsa", "b", 3, WITHIN(1), 147, 78, 55) IN_HIP("c", 8, 1, 300, 15)
                CALL("hip", LAUNCH, 1, "", 0, 700, 605)
        /* what a wait calls is none of a launch's */
        IN_HIP("other", 6, 5, 0, 9999) HIP(WAIT, 5, 9999) "{\"type\":\"dispatch\",\"name\":\"k\"}\n"
        /* the median of three launches is the second */
        IN_HIP("a", 258, 257, 100, 200) IN_HIP("b", 259, 257, 320, 65)
            CALL("hip", LAUNCH, 257, "", 0, 1005, 805) HIP(WAIT, 260, 1) HIP(LAUNCH, 300, 5000)
                HIP(WAIT, 301, 1)
        /* neither do batches count, nor what wasn't waited for at the end */
        HIP(LAUNCH, 302, 1) HIP(LAUNCH, 303, 1) HIP(WAIT, 304, 1) HIP(LAUNCH, 305, 1);
    /* arm hsa: one, its wait; a batch of two, its wait; one without */
    char replay[] = ROW(400, 1000) PREPARE ROW(410, 7777) ROW(420, 1) ROW(430, 1)
        PREPARE ROW(440, 7777) ROW(450, 1);
    struct spans spans;
    char events[sizeof hip + sizeof replay];
    snprintf(events, sizeof events, "%s%s", hip, replay);
    assert_null(read_spans(events, &spans));
    assert_int_equal(spans.launch_count, 3);
    assert_true(spans.nested_count == 2);      /* of 3, 2, 0 */
    assert_true(spans.around_ns == 16);        /* gaps of 12 and 20, of 75 */
    assert_true(spans.hip_ns == 800 - 2 * 16); /* of 600, 800, 4995 */
    assert_true(spans.hip_hsa_ns == 90);       /* of 90, 255, 0 */
    assert_true(spans.hip_os_ns == 0);         /* of 10, 0, 0 */
    assert_int_equal(spans.replay_count, 1);
    assert_true(spans.replay_hsa_ns == 1070 - 3 * 5);
    assert_true(spans.replay_ns == 7 + 26 - 2 * 16);
    char nothing[] = HIP("hipMalloc", 1, 7);
    char *wrong = read_spans(nothing, &spans);
    assert_non_null(strstr(wrong, "no hipModuleLaunchKernel"));
    free(wrong);
    char alone[] = HIP(LAUNCH, 1, 7) HIP(WAIT, 2, 7);
    wrong = read_spans(alone, &spans);
    assert_non_null(strstr(wrong, "no launch of arm hsa"));
    free(wrong);
}

static void assert_layers(const struct spans *spans, double waits_ns, double hip_ns,
                          double hsa_ns) {
    struct span_layers layers = spans_layers(spans, 5, waits_ns);
    assert_true(layers.hip_ns == hip_ns);
    assert_true(layers.hsa_ns == hsa_ns);
    assert_true(layers.os_ns == 7);
}

/* Of the 340 ns between arm hsa's calls, 5 fill a packet. */
static void waits_that_recording_adds_are_nobodys(void **state) {
    (void)state;
    const struct spans spans = {
        .hip_ns = 650, .hip_hsa_ns = 180, .hip_os_ns = 7, .replay_ns = 340, .replay_hsa_ns = 160};
    assert_layers(&spans, 0, 650 - 340 + 20, 160 + 335);
    assert_layers(&spans, -9, 650 - 340 + 20, 160 + 335); /* recording shortens nothing */
    assert_layers(&spans, 300, 650 - 40 + 20, 160 + 35);
    assert_layers(&spans, 900, 650 - 5 + 20, 160); /* they were within the calls, too */
}

/* 120 samples: the slowest 20 don't count. */
static void rocrtst_leaves_the_slowest_out(void **state) {
    (void)state;
    double values[120];
    for (int i = 0; i < 120; i++)
        values[i] = i % 6 == 0 ? 1e6 : i;
    double sum = 0;
    for (int i = 0; i < 120; i++)
        sum += i % 6 == 0 ? 0 : i;
    assert_true(compat_rocrtst_mean(values, 120) == sum / 100);
    assert_int_equal(compat_suite_find("hip-tests"), COMPAT_HIP_TESTS);
    assert_int_equal(compat_suite_find("kfdtest"), COMPAT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_spans_are_taken_apart),
        cmocka_unit_test(waits_that_recording_adds_are_nobodys),
        cmocka_unit_test(rocrtst_leaves_the_slowest_out),
        cmocka_unit_test(lines_come_back_as_they_were),
        cmocka_unit_test(pictures_are_well_formed),
        cmocka_unit_test(csv_is_one_rectangle),
        cmocka_unit_test(machines_are_described_and_warned_about),
        cmocka_unit_test(build_ids_are_read_from_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
