/* SPDX-License-Identifier: MIT */
/* What may happen inside a signal handler: no allocation, no lock, nobody woken. The linker sends
 * those calls here. */
#include "harness.h"
#include "kernels.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;
static _Thread_local bool is_forbidden;
static _Thread_local uint32_t offences;

static void note(void) {
    offences += is_forbidden;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void __real_free(void *block);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __real_pthread_cond_signal(pthread_cond_t *cond);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void __wrap_free(void *block);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_cond_signal(pthread_cond_t *cond);

void *__wrap_malloc(size_t bytes) {
    note();
    return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
    note();
    return __real_calloc(count, bytes);
}
void *__wrap_aligned_alloc(size_t align, size_t bytes) {
    note();
    return __real_aligned_alloc(align, bytes);
}
void __wrap_free(void *block) {
    note();
    __real_free(block);
}
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock) {
    note();
    return __real_pthread_mutex_lock(lock);
}
int __wrap_pthread_cond_signal(pthread_cond_t *cond) {
    note();
    return __real_pthread_cond_signal(cond);
}

static enum sg_dispatch_check init_quietly(struct sg_dispatch *dispatch,
                                           const struct sg_dispatch_config *config) {
    is_forbidden = true;
    const enum sg_dispatch_check check = sg_dispatch_init(dispatch, config, true);
    is_forbidden = false;
    assert_int_equal(offences, 0);
    return check;
}

static enum sg_run_state run_quietly(struct sg_dispatch *dispatch, uint64_t budget) {
    struct sg_fault fault;
    is_forbidden = true;
    const enum sg_run_state result = sg_dispatch_run(dispatch, budget, true, &fault);
    is_forbidden = false;
    assert_int_equal(offences, 0);
    return result;
}

static void *run_elsewhere(void *argument) {
    struct sg_fault fault;
    assert_int_equal(sg_dispatch_run(argument, UINT64_MAX, false, &fault), SG_RUN_DONE);
    return NULL;
}

/* The queue's thread takes over. */
static void finish_elsewhere(struct sg_dispatch *dispatch) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, dispatch), 0);
    pthread_join(thread, NULL);
}

static int setup(void **state) {
    (void)state;
    bench_init(&bench, 104, 4);
    offences = 0;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    bench_fini(&bench);
    return 0;
}

static uint32_t load(size_t index) {
    return __atomic_load_n((uint32_t *)bench.data + index, __ATOMIC_ACQUIRE);
}

static void undecoded_code_is_handed_over(void **state) {
    (void)state;
    ((uint32_t *)bench.data)[0] = 10;
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_countdown, NULL), 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, 100000), SG_RUN_BUDGET);
    assert_int_equal(load(1), 0);
    finish_elsewhere(dispatch);
    assert_int_equal(load(1), 1);

    ((uint32_t *)bench.data)[1] = 0; /* now it is decoded and runs here */
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, 100000), SG_RUN_DONE);
    assert_int_equal(load(1), 1);
    sg_dispatch_destroy(dispatch);
}

static void many_groups_run_in_one_storage(void **state) {
    (void)state;
    enum { GROUPS = 50, IN = 4096, OUT = IN + GROUPS * 1024 };
    ((uint64_t *)bench.data)[0] = BENCH_DATA_VA + IN;
    ((uint64_t *)bench.data)[1] = BENCH_DATA_VA + OUT;
    for (uint32_t i = 0; i < GROUPS * 256; i++) {
        ((uint32_t *)(bench.data + IN))[i] = i;
    }
    struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_mirror, NULL), GROUPS * 256, 256);
    config.group_bytes = 1024;
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch); /* decodes */
    memset(bench.data + OUT, 0xff, GROUPS * 1024);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, UINT64_MAX), SG_RUN_DONE);
    for (uint32_t i = 0; i < GROUPS * 256; i++) {
        assert_int_equal(((uint32_t *)(bench.data + OUT))[i], i / 256 * 256 + 255 - i % 256);
    }
    sg_dispatch_destroy(dispatch);
}

static void budget_ends_the_run_in_the_middle_of_a_wave(void **state) {
    (void)state;
    ((uint32_t *)bench.data)[0] = 1;
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_countdown, NULL), 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch);
    ((uint32_t *)bench.data)[0] = 1000000;
    ((uint32_t *)bench.data)[1] = 0;
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, 2000), SG_RUN_BUDGET);
    assert_int_equal(run_quietly(dispatch, 2000), SG_RUN_BUDGET);
    assert_int_equal(load(1), 0);
    finish_elsewhere(dispatch);
    assert_int_equal(load(1), 1);
    sg_dispatch_destroy(dispatch);
}

/* Two work-groups need storage for both. */
static void groups_that_wait_for_each_other_are_handed_over(void **state) {
    (void)state;
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_meet, NULL), 2 * 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch);
    memset(bench.data, 0, 8);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, 100000), SG_RUN_BUDGET);
    assert_int_equal(load(1), 0);
    finish_elsewhere(dispatch);
    assert_int_equal(load(1), 1);
    sg_dispatch_destroy(dispatch);
}

static void sleeping_wave_does_not_hold_the_caller(void **state) {
    (void)state;
    ((uint32_t *)bench.data)[0] = 1;
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_await, NULL), 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch);
    ((uint32_t *)bench.data)[0] = 0;
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    assert_int_equal(run_quietly(dispatch, UINT64_MAX), SG_RUN_BUDGET);
    ((uint32_t *)bench.data)[0] = 4;
    finish_elsewhere(dispatch);
    assert_int_equal(load(2), 8);
    sg_dispatch_destroy(dispatch);
}

static void storage_of_a_normal_run_is_not_freed_here(void **state) {
    (void)state;
    struct sg_fault fault;
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_await, NULL), 3 * 64, 64);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    assert_int_equal(sg_dispatch_run(dispatch, 1000000, false, &fault), SG_RUN_BUDGET);
    ((uint32_t *)bench.data)[0] = 5; /* all three are resident by now */
    assert_int_equal(run_quietly(dispatch, 100000), SG_RUN_DONE);
    assert_int_equal(load(2), 10);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_NO_MEMORY); /* tidy up first */
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK);
    sg_dispatch_destroy(dispatch);
}

static void too_large_for_the_storage_is_handed_over(void **state) {
    (void)state;
    const struct kernel_options large = {.vgprs = 128};
    const struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, kernel_interrupt, &large), 1024, 1024);
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_NO_MEMORY);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    finish_elsewhere(dispatch);
    assert_int_equal(init_quietly(dispatch, &config), SG_DISPATCH_OK); /* it has grown */
    assert_int_equal(run_quietly(dispatch, 100000), SG_RUN_DONE);
    assert_int_equal(bench.interrupts, 2 * 16);
    sg_dispatch_destroy(dispatch);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(undecoded_code_is_handed_over),
        ROW(many_groups_run_in_one_storage),
        ROW(budget_ends_the_run_in_the_middle_of_a_wave),
        ROW(groups_that_wait_for_each_other_are_handed_over),
        ROW(sleeping_wave_does_not_hold_the_caller),
        ROW(storage_of_a_normal_run_is_not_freed_here),
        ROW(too_large_for_the_storage_is_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
