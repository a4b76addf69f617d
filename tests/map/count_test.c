/* SPDX-License-Identifier: MIT */
/// Adding calls up, reading strace, and holding predictions against counts.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "map/entries.h"
#include "record/event.h"

#define BIT(kind) (1u << HSP_MAP_##kind)

static uint32_t op_index(const char *name) {
    size_t count;
    return (uint32_t)(hsp_map_op_find(name) - hsp_map_ops(&count));
}

static void add(struct hsp_map_counts *counts, uint32_t op, enum hsp_map_kind kind,
                enum hsp_map_caller caller, uint32_t run, uint32_t times) {
    const struct hsp_map_entry key = {.op = op,
                                      .source = HSP_MAP_ASKED,
                                      .layer = HSP_LAYER_OS,
                                      .kind = kind,
                                      .caller = caller,
                                      .name = "call"};
    for (uint32_t i = 0; i < times; i++)
        map_entries_add(counts, &key, run, 10);
}

static void calls_are_added_up_by_run(void **state) {
    (void)state;
    struct hsp_map_counts counts = {0};
    add(&counts, 3, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 0, 5);
    add(&counts, 3, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 1, 2);
    add(&counts, 3, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 2, 2);
    add(&counts, 3, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 3, 4);
    add(&counts, 3, HSP_MAP_MMAP, HSP_MAP_BY_EMULATION, 1, 7);
    counts.run_counts[3] = 4;
    assert_int_equal(counts.count, 2);
    struct hsp_map_sum sum = hsp_map_sum_of(&counts, 3, HSP_MAP_ASKED, false, ~0u, false);
    assert_int_equal(sum.cold, 5);
    assert_int_equal(sum.steady, 2);
    assert_int_equal(sum.least, 2);
    assert_int_equal(sum.most, 4);
    sum = hsp_map_sum_of(&counts, 3, HSP_MAP_ASKED, false, ~0u, true);
    assert_int_equal(sum.most, 7);
    assert_int_equal(hsp_map_sum_of(&counts, 3, HSP_MAP_ASKED, true, ~0u, false).cold, 0);
    assert_int_equal(hsp_map_sum_of(&counts, 3, HSP_MAP_MADE, false, ~0u, false).cold, 0);
    assert_int_equal(hsp_map_sum_of(&counts, 3, HSP_MAP_ASKED, false, BIT(MMAP), false).cold, 0);
    hsp_map_counts_fini(&counts);
}

/* Two threads; the second one's calls are background. Not in an operation: not counted. */
static const char log_text[] =
    "11 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) = 0x7f0000000000\n"
    "11 write(-1, \"hsaprobe map: hsa_queue_create 0 begin\", 38) = -1 EBADF (Bad file "
    "descriptor)\n"
    "11 ioctl(3, _IOC(_IOC_READ|_IOC_WRITE, 0x4b, 0x2, 0x58), 0x7ffc) = 0\n"
    " > /lib/x86_64-linux-gnu/libc.so.6(ioctl+0x3d) [0x1]\n"
    " > /usr/lib/x86_64-linux-gnu/libhsakmt.so.1.0.6(hsaKmtCreateQueue+0x10) [0x2]\n"
    " > /usr/lib/x86_64-linux-gnu/libhsa-runtime64.so.1.5.0(hsa_queue_create+0x10) [0x3]\n"
    "11 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) = 0x7f0000000000\n"
    " > /lib/libc.so.6(syscall+0x19) [0x1]\n"
    " > /opt/libhsaprobe-softgpu.so(mmap+0x5) [0x2]\n"
    " > /usr/lib/x86_64-linux-gnu/libhsakmt.so.1.0.6(hsaKmtCreateQueue+0x10) [0x2]\n"
    "11<hsaprobe> munmap(0x7f0000000000, 4096) = 0\n"
    " > /lib/libc.so.6(munmap+0x19) [0x1]\n"
    " > /opt/libhsaprobe-softgpu.so(sg_kfd_free+0x5) [0x2]\n"
    " > /opt/libhsaprobe-softgpu.so(ioctl+0x25) [0x2]\n"
    " > /usr/lib/x86_64-linux-gnu/libhsakmt.so.1.0.6(hsaKmtCreateQueue+0x10) [0x2]\n"
    "13<sg-queue-1> munmap(0x7f0000000000, 4096) = 0\n"
    "12<run me> futex(0x55, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>\n"
    "11 futex(0x55, FUTEX_WAKE_PRIVATE, 1) = 1\n"
    "12<run me> <... futex resumed>)              = 0\n"
    "11 write(-1, \"hsaprobe map: hsa_queue_create 0 end\", 36) = -1 EBADF (Bad file descriptor)\n"
    "11 madvise(0x7f0000000000, 4096, MADV_DONTFORK) = 0\n"
    "11 +++ exited with 0 +++\n";

static void strace_is_read_between_marks(void **state) {
    (void)state;
    struct hsp_map_counts counts = {0};
    const uint32_t op = op_index("hsa_queue_create");
    hsp_map_read_strace(log_text, false, &counts);
    assert_true(counts.has_stacks);
    struct hsp_map_sum own = hsp_map_sum_of(&counts, op, HSP_MAP_MADE, false, ~0u, false);
    assert_int_equal(own.cold, 3); /* ioctl, mmap handed through, futex */
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, false, BIT(KFD), false).cold, 1);
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, false, BIT(MMAP), false).cold, 1);
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, false, BIT(MUNMAP), true).cold, 1);
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, true, BIT(FUTEX), false).cold, 1);
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, true, ~0u, false).cold, 1);
    assert_int_equal(hsp_map_sum_of(&counts, op, HSP_MAP_MADE, true, BIT(MUNMAP), true).cold, 1);
    for (size_t i = 0; i < counts.count; i++)
        if (counts.entries[i].kind == HSP_MAP_KFD || counts.entries[i].kind == HSP_MAP_MMAP)
            assert_int_equal(counts.entries[i].caller, HSP_MAP_BY_THUNK);
    hsp_map_counts_fini(&counts);

    hsp_map_read_strace(log_text, true, &counts);
    struct hsp_map_sum whole = {0};
    whole = hsp_map_sum_of(&counts, HSP_MAP_WHOLE, HSP_MAP_MADE, false, ~0u, false);
    assert_int_equal(whole.cold, 5);
    hsp_map_counts_fini(&counts);
}

static const struct hsp_map_check *find(const struct hsp_map_check *checks, size_t count,
                                        uint32_t op, const char *what, const char *phase) {
    for (size_t i = 0; i < count; i++)
        if (checks[i].op == op && strcmp(checks[i].what, what) == 0 &&
            strcmp(checks[i].phase, phase) == 0)
            return &checks[i];
    return NULL;
}

/* hsa_alloc_vram_4M, predicted 2 ioctls and 5 calls for memory, has no correction. */
static void predictions_are_held_against_counts(void **state) {
    (void)state;
    struct hsp_map_counts counts = {0};
    struct hsp_map_check checks[16];
    const uint32_t op = op_index("hsa_alloc_vram_4M");
    counts.run_counts[op] = 2;
    add(&counts, op, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 0, 2);
    add(&counts, op, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 1, 3);
    add(&counts, op, HSP_MAP_MMAP, HSP_MAP_BY_THUNK, 0, 5);
    add(&counts, op, HSP_MAP_MMAP, HSP_MAP_BY_EMULATION, 0, 9); /* no part of it */
    add(&counts, op, HSP_MAP_FUTEX, HSP_MAP_BY_THUNK, 0, 1);
    size_t count = hsp_map_check_all(&counts, checks, 16);
    assert_int_equal(count, 4);
    assert_int_equal(find(checks, count, op, "driver", "cold")->verdict, HSP_MAP_CONFIRMED);
    assert_int_equal(find(checks, count, op, "driver", "steady")->verdict, HSP_MAP_UNEXPLAINED);
    assert_int_equal(find(checks, count, op, "driver", "steady")->observed, 3);
    assert_int_equal(find(checks, count, op, "memory", "cold")->verdict, HSP_MAP_CONFIRMED);
    assert_int_equal(find(checks, count, op, "memory", "steady")->verdict, HSP_MAP_UNEXPLAINED);
    hsp_map_counts_fini(&counts);

    const uint32_t corrected = op_index("hsa_alloc_host_64K"); /* whose row has a reason */
    counts.run_counts[corrected] = 1;
    add(&counts, corrected, HSP_MAP_KFD, HSP_MAP_BY_THUNK, 0, 1);
    count = hsp_map_check_all(&counts, checks, 16);
    assert_int_equal(find(checks, count, corrected, "driver", "cold")->verdict, HSP_MAP_CORRECTED);
    hsp_map_counts_fini(&counts);
}

static void calls_have_kinds_and_callers(void **state) {
    (void)state;
    assert_int_equal(hsp_map_kind_of("ioctl", 0xc0584b02), HSP_MAP_KFD);
    assert_int_equal(hsp_map_kind_of("ioctl", 0xc0406400), HSP_MAP_DRM);
    assert_int_equal(hsp_map_kind_of("ioctl", 0x5401), HSP_MAP_IOCTL);
    assert_int_equal(hsp_map_kind_of("mmap64", 0), HSP_MAP_MMAP);
    assert_int_equal(hsp_map_kind_of("sched_yield", 0), HSP_MAP_OTHER);
    assert_int_equal(hsp_map_caller_of("/usr/lib/libhsakmt.so.1.0.6"), HSP_MAP_BY_THUNK);
    assert_int_equal(hsp_map_caller_of("/x/libhsaprobe-softgpu.so"), HSP_MAP_BY_EMULATION);
    assert_int_equal(hsp_map_caller_of("/usr/bin/true"), HSP_MAP_PROGRAM);
    assert_int_equal(hsp_map_caller_of(NULL), HSP_MAP_PROGRAM);
}

static void rows_are_sound(void **state) {
    (void)state;
    size_t count;
    const struct hsp_map_op *ops = hsp_map_ops(&count);
    struct hsp_map_counts counts;
    assert_true(count >= 35);
    assert_true(count <= sizeof counts.run_counts / sizeof *counts.run_counts);
    for (size_t i = 0; i < count; i++) {
        assert_true(ops[i].run_count >= 1 && ops[i].run_count <= HSP_MAP_RUNS_MAX);
        assert_true(*ops[i].path && *ops[i].mechanism);
        assert_ptr_equal(hsp_map_op_find(ops[i].name), &ops[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_added_up_by_run),
        cmocka_unit_test(strace_is_read_between_marks),
        cmocka_unit_test(predictions_are_held_against_counts),
        cmocka_unit_test(calls_have_kinds_and_callers),
        cmocka_unit_test(rows_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
