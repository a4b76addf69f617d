/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"
#include "stderr_capture.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const char *const names[] = {
    "HSAPROBE_SOFT_VRAM",  "HSAPROBE_SOFT_CUS", "HSAPROBE_SOFT_GPUS",    "HSAPROBE_SOFT_DOORBELL",
    "HSAPROBE_SOFT_TRACE", "HSAPROBE_SOFT_ISA", "HSAPROBE_SOFT_WORKERS", "HSAPROBE_SOFT_DELAY"};

static int clear_environment(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    return 0;
}

static struct sg_options read_good(void) {
    struct sg_options options;
    memset(&options, 0xa5, sizeof options);
    char text[1024];
    const struct stderr_capture capture = stderr_capture_begin();
    const bool good = sg_options_read(&options);
    stderr_capture_end(capture, text, sizeof text);
    assert_string_equal(text, "");
    assert_true(good);
    return options;
}

static void defaults_follow_the_machine(void **state) {
    (void)state;
    const struct sg_options options = read_good();
    struct sysinfo info;
    assert_int_equal(sysinfo(&info), 0);
    const uint64_t half = (uint64_t)info.totalram * info.mem_unit / 2;
    assert_true(options.vram_bytes <= 64 * GIB);
    assert_true(options.vram_bytes <= half &&
                (options.vram_bytes > half - 2 * MIB || options.vram_bytes == 64 * GIB));
    cpu_set_t usable;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    assert_int_equal(options.worker_count, CPU_COUNT(&usable));
    assert_int_equal(options.cu_count, 104);
    assert_int_equal(options.doorbell, SG_DOORBELL_AUTO);
    assert_int_equal(options.trace, 0);
    assert_int_equal(options.isa_level, sg_processor_level());
}

static void variable_set_to_nothing_counts_as_unset(void **state) {
    (void)state;
    const struct sg_options unset = read_good();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv(names[i], "", 1);
    }
    const struct sg_options empty = read_good();
    assert_memory_equal(&unset, &empty, sizeof unset);
}

static void vram_takes_suffixes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"67108864", 64 * MIB}, {"65536K", 64 * MIB}, {"100M", 100 * MIB},
        {"3G", 3 * GIB},        {"1T", 1024 * GIB},   {"64M", 64 * MIB},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setenv("HSAPROBE_SOFT_VRAM", rows[i].text, 1);
        assert_int_equal(read_good().vram_bytes, rows[i].bytes);
    }
}

static void counts_take_their_whole_range(void **state) {
    (void)state;
    setenv("HSAPROBE_SOFT_CUS", "1", 1);
    setenv("HSAPROBE_SOFT_WORKERS", "256", 1);
    assert_int_equal(read_good().cu_count, 1);
    assert_int_equal(read_good().worker_count, 256);
    setenv("HSAPROBE_SOFT_CUS", "104", 1);
    setenv("HSAPROBE_SOFT_WORKERS", "1", 1);
    assert_int_equal(read_good().cu_count, 104);
    assert_int_equal(read_good().worker_count, 1);
    assert_int_equal(read_good().gpu_count, 1);
    setenv("HSAPROBE_SOFT_GPUS", "8", 1);
    assert_int_equal(read_good().gpu_count, 8);
    assert_int_equal(read_good().delay_ns, 0);
    setenv("HSAPROBE_SOFT_DELAY", "1000000", 1);
    assert_int_equal(read_good().delay_ns, 1000000);
}

static void doorbell_modes_are_read_and_named(void **state) {
    (void)state;
    static const char *const modes[] = {"auto", "trap", "uffd", "spin"};
    for (unsigned i = 0; i < 4; i++) {
        setenv("HSAPROBE_SOFT_DOORBELL", modes[i], 1);
        const struct sg_options options = read_good();
        assert_int_equal(options.doorbell, (enum sg_doorbell_mode)i);
        assert_string_equal(sg_doorbell_mode_name(options.doorbell), modes[i]);
    }
    assert_string_equal(sg_doorbell_mode_name((enum sg_doorbell_mode)4), "?");
}

static void trace_is_a_list(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t mask;
    } rows[] = {
        {"ioctl", SG_TRACE_IOCTL},
        {"packet", SG_TRACE_PACKET},
        {"insn", SG_TRACE_INSN},
        {"insn,ioctl", SG_TRACE_INSN | SG_TRACE_IOCTL},
        {"ioctl,packet,insn", SG_TRACE_INSN | SG_TRACE_IOCTL | SG_TRACE_PACKET},
        {"packet,packet", SG_TRACE_PACKET},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setenv("HSAPROBE_SOFT_TRACE", rows[i].text, 1);
        assert_int_equal(read_good().trace, rows[i].mask);
    }
}

static void isa_may_be_lowered(void **state) {
    (void)state;
    setenv("HSAPROBE_SOFT_ISA", "v2", 1);
    assert_int_equal(read_good().isa_level, 2);
    for (uint32_t level = 3; level <= sg_processor_level(); level++) {
        const char text[] = {'v', (char)('0' + level), 0};
        setenv("HSAPROBE_SOFT_ISA", text, 1);
        assert_int_equal(read_good().isa_level, level);
    }
}

static void every_bad_value_is_refused_with_one_line(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"HSAPROBE_SOFT_VRAM", "64X"},
        {"HSAPROBE_SOFT_VRAM", "64m"},
        {"HSAPROBE_SOFT_VRAM", "1GB"},
        {"HSAPROBE_SOFT_VRAM", "G"},
        {"HSAPROBE_SOFT_VRAM", "-1G"},
        {"HSAPROBE_SOFT_VRAM", " 1G"},
        {"HSAPROBE_SOFT_VRAM", "0x10000000"},
        {"HSAPROBE_SOFT_VRAM", "0"},
        {"HSAPROBE_SOFT_VRAM", "63M"},
        {"HSAPROBE_SOFT_VRAM", "2T"},
        {"HSAPROBE_SOFT_VRAM", "67108865"},
        {"HSAPROBE_SOFT_VRAM", "17592186044416M"},      /* 2^64 bytes */
        {"HSAPROBE_SOFT_VRAM", "18446744073709551616"}, /* 2^64 */
        {"HSAPROBE_SOFT_VRAM", "18446744073776660480"}, /* 2^64 + 64 MiB */
        {"HSAPROBE_SOFT_GPUS", "0"},
        {"HSAPROBE_SOFT_GPUS", "9"},
        {"HSAPROBE_SOFT_GPUS", "two"},
        {"HSAPROBE_SOFT_CUS", "0"},
        {"HSAPROBE_SOFT_CUS", "105"},
        {"HSAPROBE_SOFT_CUS", "4294967297"},
        {"HSAPROBE_SOFT_CUS", "+4"},
        {"HSAPROBE_SOFT_CUS", "4 "},
        {"HSAPROBE_SOFT_CUS", "all"},
        {"HSAPROBE_SOFT_WORKERS", "0"},
        {"HSAPROBE_SOFT_WORKERS", "257"},
        {"HSAPROBE_SOFT_WORKERS", "2.0"},
        {"HSAPROBE_SOFT_DELAY", "1000001"},
        {"HSAPROBE_SOFT_DELAY", "10us"},
        {"HSAPROBE_SOFT_DELAY", "-1"},
        {"HSAPROBE_SOFT_DELAY", "4294967296"},
        {"HSAPROBE_SOFT_DOORBELL", "Auto"},
        {"HSAPROBE_SOFT_DOORBELL", "inline"},
        {"HSAPROBE_SOFT_DOORBELL", "spin,trap"},
        {"HSAPROBE_SOFT_TRACE", "all"},
        {"HSAPROBE_SOFT_TRACE", "ioctl,"},
        {"HSAPROBE_SOFT_TRACE", ",insn"},
        {"HSAPROBE_SOFT_TRACE", "ioctl, insn"},
        {"HSAPROBE_SOFT_TRACE", "ioctlinsn"},
        {"HSAPROBE_SOFT_ISA", "v1"},
        {"HSAPROBE_SOFT_ISA", "v5"},
        {"HSAPROBE_SOFT_ISA", "3"},
        {"HSAPROBE_SOFT_ISA", "avx2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        char start[256];
        struct sg_options options;
        setenv(rows[i].name, rows[i].text, 1);
        const struct stderr_capture capture = stderr_capture_begin();
        const bool good = sg_options_read(&options);
        const size_t length = stderr_capture_end(capture, text, sizeof text);
        if (good) {
            fail_msg("%s=%s was taken", rows[i].name, rows[i].text);
        }
        snprintf(start, sizeof start, "hsaprobe: %s=%s: expected ", rows[i].name, rows[i].text);
        assert_memory_equal(text, start, strlen(start));
        assert_true(length > strlen(start) + 1);
        assert_ptr_equal(strchr(text, '\n'), text + length - 1);
        unsetenv(rows[i].name);
    }
}

static void isa_above_the_processor_is_refused(void **state) {
    (void)state;
    if (sg_processor_level() == 4) {
        skip(); /* there is no level above */
    }
    struct sg_options options;
    char text[1024];
    setenv("HSAPROBE_SOFT_ISA", "v4", 1);
    const struct stderr_capture capture = stderr_capture_begin();
    const bool good = sg_options_read(&options);
    stderr_capture_end(capture, text, sizeof text);
    assert_false(good);
    assert_non_null(strstr(text, "HSAPROBE_SOFT_ISA=v4"));
}

static void all_bad_values_are_named_at_once(void **state) {
    (void)state;
    struct sg_options options;
    char text[1024];
    setenv("HSAPROBE_SOFT_VRAM", "much", 1);
    setenv("HSAPROBE_SOFT_WORKERS", "many", 1);
    const struct stderr_capture capture = stderr_capture_begin();
    const bool good = sg_options_read(&options);
    stderr_capture_end(capture, text, sizeof text);
    assert_false(good);
    assert_non_null(strstr(text, "HSAPROBE_SOFT_VRAM=much"));
    assert_non_null(strstr(text, "HSAPROBE_SOFT_WORKERS=many"));
}

#define ROW(test) cmocka_unit_test_setup(test, clear_environment)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(defaults_follow_the_machine),
        ROW(variable_set_to_nothing_counts_as_unset),
        ROW(vram_takes_suffixes),
        ROW(counts_take_their_whole_range),
        ROW(doorbell_modes_are_read_and_named),
        ROW(trace_is_a_list),
        ROW(isa_may_be_lowered),
        ROW(every_bad_value_is_refused_with_one_line),
        ROW(isa_above_the_processor_is_refused),
        ROW(all_bad_values_are_named_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
