/* SPDX-License-Identifier: MIT */
#include "softgpu/common/thread.h"

#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STACK_BYTES = 64 << 10, FRAME_BYTES = 48 << 10 };

/// More than any stack in here.
static _Thread_local volatile char thread_local_bytes[1 << 20];

static void *use_stack(void *out_sum) {
    volatile char *frame = alloca(FRAME_BYTES);
    for (size_t i = 0; i < FRAME_BYTES; i += 64)
        frame[i] = 1;
    thread_local_bytes[sizeof thread_local_bytes - 1] = frame[64];
    *(int *)out_sum = thread_local_bytes[sizeof thread_local_bytes - 1];
    return NULL;
}

static void thread_local_variables_leave_the_stack_its_size(void **state) {
    (void)state;
    pthread_t thread;
    int sum = 0;
    assert_int_equal(sg_thread_start(&thread, STACK_BYTES, use_stack, &sum), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sum, 1);
}

static void *read_mask(void *out_mask) {
    pthread_sigmask(SIG_SETMASK, NULL, out_mask);
    return NULL;
}

static void only_faults_are_delivered(void **state) {
    (void)state;
    pthread_t thread;
    sigset_t mask, before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(sg_thread_start(&thread, STACK_BYTES, read_mask, &mask), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_true(sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM));
    assert_true(sigismember(&mask, SIGALRM) && sigismember(&mask, SIGCHLD));
    assert_false(sigismember(&mask, SIGSEGV) || sigismember(&mask, SIGBUS));
    assert_false(sigismember(&mask, SIGFPE) || sigismember(&mask, SIGILL));
    assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

static void a_stack_that_cannot_be_is_an_error(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_not_equal(sg_thread_start(&thread, SIZE_MAX / 2, read_mask, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_local_variables_leave_the_stack_its_size),
        cmocka_unit_test(only_faults_are_delivered),
        cmocka_unit_test(a_stack_that_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
