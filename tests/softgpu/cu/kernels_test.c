/* SPDX-License-Identifier: MIT */
/* Whole kernels from descriptor to result in memory. */
#include "../common/stderr_capture.h"
#include "harness.h"
#include "kernels.h"
#include "softgpu/common/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;

static int setup_one_worker(void **state) {
    (void)state;
    bench_init(&bench, 104, 1);
    return 0;
}
static int setup_four_workers(void **state) {
    (void)state;
    bench_init(&bench, 104, 4);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    bench_fini(&bench);
    return 0;
}

static void run(const struct sg_dispatch_config *config) {
    struct sg_fault fault = {0};
    const enum sg_run_state state = bench_run(&bench, config, &fault);
    if (state == SG_RUN_FAULT) {
        fail_msg("fault %d at +0x%llx: %s %s %08x", (int)fault.cause,
                 (unsigned long long)(fault.pc - fault.entry), fault.encoding, fault.mnemonic,
                 fault.dwords[0]);
    }
    assert_int_equal(state, SG_RUN_DONE);
}

/* kernarg at the beginning of the data, arrays behind it. */
static uint64_t *kernarg(void) {
    return (uint64_t *)bench.data;
}
static uint32_t *array_u32(size_t offset) {
    return (uint32_t *)(bench.data + offset);
}

static void vector_add_covers_the_grid_and_no_more(void **state) {
    (void)state;
    enum { COUNT = 10 * 256 + 77, BYTES = (COUNT + 256) * 4, A = 4096 };
    float *a = (float *)(bench.data + A);
    float *b = (float *)(bench.data + A + BYTES);
    float *c = (float *)(bench.data + A + 2 * BYTES);
    for (int i = 0; i < COUNT + 256; i++) {
        a[i] = (float)i;
        b[i] = 0.5f * (float)i;
        c[i] = -1;
    }
    for (uint64_t i = 0; i < 3; i++) {
        kernarg()[i] = BENCH_DATA_VA + A + i * BYTES;
    }
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_vadd, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, COUNT, 256);
    run(&config);
    for (int i = 0; i < COUNT; i++) {
        assert_true(c[i] == 1.5f * (float)i);
    }
    for (int i = COUNT; i < COUNT + 256; i++) {
        assert_true(c[i] == -1);
    }
}

static void reduction_through_lds_is_right(void **state) {
    (void)state;
    enum { GROUPS = 100, IN = 4096, OUT = IN + GROUPS * 1024 };
    uint32_t *in = array_u32(IN);
    for (uint32_t i = 0; i < GROUPS * 256; i++) {
        in[i] = i * 2654435761u;
    }
    kernarg()[0] = BENCH_DATA_VA + IN;
    kernarg()[1] = BENCH_DATA_VA + OUT;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_reduce, NULL);
    struct sg_dispatch_config config = bench_launch(kernel, GROUPS * 256, 256);
    config.group_bytes = 1024;
    run(&config);
    for (uint32_t group = 0; group < GROUPS; group++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < 256; i++) {
            sum += in[group * 256 + i];
        }
        assert_int_equal(array_u32(OUT)[group], sum);
    }
}

static void barrier_waits_for_every_wave(void **state) {
    (void)state;
    enum { GROUPS = 20, IN = 4096, OUT = IN + GROUPS * 1024 };
    for (uint32_t i = 0; i < GROUPS * 256; i++) {
        array_u32(IN)[i] = i + 1;
    }
    kernarg()[0] = BENCH_DATA_VA + IN;
    kernarg()[1] = BENCH_DATA_VA + OUT;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_mirror, NULL);
    struct sg_dispatch_config config = bench_launch(kernel, GROUPS * 256, 256);
    config.group_bytes = 1024;
    run(&config);
    for (uint32_t i = 0; i < GROUPS * 256; i++) {
        assert_int_equal(array_u32(OUT)[i], (i / 256 * 256 + 255 - i % 256) + 1);
    }
}

static void grid_barrier_holds_all_waves(void **state) {
    (void)state;
    enum { WAVES = 50 * 3, OUT = 4096 };
    struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_gws_init, NULL), 64, 64);
    array_u32(0)[0] = WAVES - 1;
    run(&config);
    kernarg()[0] = BENCH_DATA_VA + 64;
    kernarg()[1] = BENCH_DATA_VA + OUT;
    config = bench_launch(BENCH_LOAD(&bench, kernel_gws, NULL), WAVES * 64, 3 * 64);
    run(&config);
    for (uint32_t i = 0; i < WAVES; i++) {
        assert_int_equal(array_u32(OUT)[i], WAVES);
    }
}

static void message_interrupt_reaches_the_sink(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_interrupt, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 1, 1);
    run(&config);
    assert_int_equal(bench.interrupts, 1);
    assert_int_equal(bench.last_event_id, 77);
}

static void note_ring(void *context, const void *host) {
    uint64_t *rings = context;
    rings[0]++;
    rings[1] = (uintptr_t)host;
}

static void store_to_a_doorbell_rings_it(void **state) {
    (void)state;
    enum { DOORBELL = 80, STORED = DOORBELL + 4 };
    const uint64_t va = UINT64_C(0x7f0000a00000);
    uint32_t page[2048] = {[DOORBELL / 4] = 1}; /* the kernel waits for that */
    uint64_t rings[2] = {0};
    const struct sg_vm_range range = {.va = va,
                                      .bytes = sizeof page,
                                      .host = (uint8_t *)page,
                                      .flags = SG_VM_READ | SG_VM_DOORBELL};
    assert_int_equal(sg_vm_map(bench.vm, &range), 0);
    sg_vm_on_doorbell(bench.vm, note_ring, rings);
    struct sg_dispatch_config config = bench_launch(BENCH_LOAD(&bench, kernel_poll, NULL), 1, 1);
    config.kernarg_va = va + DOORBELL;
    run(&config);
    assert_int_equal(page[STORED / 4], 1);
    assert_int_equal(rings[0], 1);
    assert_int_equal(rings[1], (uintptr_t)&page[STORED / 4]);
    assert_int_equal(sg_vm_unmap(bench.vm, va, sizeof page), 0);
}

static void empty_grid_is_done_at_once(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_forever, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 0, 64);
    run(&config);
}

static void invalidated_code_is_decoded_anew(void **state) {
    (void)state;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_interrupt, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 1, 1);
    run(&config);
    uint32_t *words = (uint32_t *)(bench.code + (kernel - BENCH_CODE_VA) + 256);
    words[0] = (words[0] & 0xffff0000) | 78; /* s_movk_i32 m0, 78 */
    sg_cu_invalidate_code(bench.cu, kernel + 256, 4);
    run(&config);
    assert_int_equal(bench.last_event_id, 78);
}

static void trace_names_wave_place_and_instruction(void **state) {
    (void)state;
    char text[8192];
    char wanted[128];
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_interrupt, NULL);
    struct sg_dispatch_config config = bench_launch(kernel, 3 * 128, 128);
    config.dispatch_id = 9;
    const struct stderr_capture capture = stderr_capture_begin();
    sg_trace_mask = SG_TRACE_INSN;
    run(&config);
    sg_trace_mask = 0;
    stderr_capture_end(capture, text, sizeof text);
    for (uint32_t group = 0; group < 3; group++) {
        for (uint32_t wave = 0; wave < 2; wave++) {
            snprintf(
                wanted, sizeof wanted,
                "softgpu: insn packet 9 workgroup %u,0,0 wave %u: kernel 0x%llx+0x4: s_sendmsg",
                group, wave, (unsigned long long)kernel + 256);
            assert_non_null(strstr(text, wanted));
        }
    }
    uint32_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++) {
        lines++;
    }
    assert_int_equal(lines, 3 * 2 * 3); /* one per wave and instruction */
}

/* Storage of one launch must not be mistaken for another's. */
static void different_kernels_follow_each_other_in_one_dispatch(void **state) {
    (void)state;
    struct sg_fault fault;
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    const struct kernel_options large = {.vgprs = 256, .sgprs = 96};
    const uint64_t kernels[] = {
        BENCH_LOAD(&bench, kernel_mirror, NULL),
        BENCH_LOAD(&bench, kernel_mirror, &large),
    };
    enum { GROUPS = 30, IN = 4096, OUT = IN + GROUPS * 1024 };
    kernarg()[0] = BENCH_DATA_VA + IN;
    kernarg()[1] = BENCH_DATA_VA + OUT;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < GROUPS * 256; i++) {
            array_u32(IN)[i] = i + round;
        }
        struct sg_dispatch_config config = bench_launch(kernels[round % 2], GROUPS * 256, 256);
        config.group_bytes = 1024 * (1 + round % 3);
        assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
        assert_int_equal(sg_dispatch_run(dispatch, UINT64_MAX, false, &fault), SG_RUN_DONE);
        for (uint32_t i = 0; i < GROUPS * 256; i++) {
            assert_int_equal(array_u32(OUT)[i], (i / 256 * 256 + 255 - i % 256) + round);
        }
    }
    sg_dispatch_destroy(dispatch);
}

#define ONE(test)  cmocka_unit_test_setup_teardown(test, setup_one_worker, teardown)
#define FOUR(test) cmocka_unit_test_setup_teardown(test, setup_four_workers, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(vector_add_covers_the_grid_and_no_more),
        FOUR(vector_add_covers_the_grid_and_no_more),
        ONE(reduction_through_lds_is_right),
        FOUR(reduction_through_lds_is_right),
        ONE(barrier_waits_for_every_wave),
        ONE(grid_barrier_holds_all_waves),
        FOUR(grid_barrier_holds_all_waves),
        ONE(message_interrupt_reaches_the_sink),
        ONE(store_to_a_doorbell_rings_it),
        ONE(empty_grid_is_done_at_once),
        ONE(trace_names_wave_place_and_instruction),
        ONE(invalidated_code_is_decoded_anew),
        ONE(different_kernels_follow_each_other_in_one_dispatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
