/* SPDX-License-Identifier: MIT */
/// When a thread counts as stuck: asleep for good or spinning for good, not merely slow; and when
/// its wait has settled.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "claims/sampler.h"

static struct scene {
    pthread_mutex_t lock;
    _Atomic bool go;
    _Atomic bool arrived;
    _Atomic uint32_t progress;
} scene = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void wait_for_lock(void *data) {
    (void)data;
    pthread_mutex_lock(&scene.lock);
    atomic_fetch_add(&scene.progress, 1);
    pthread_mutex_unlock(&scene.lock);
}

static void spin(void *data) {
    (void)data;
    while (!atomic_load(&scene.go))
        continue;
    atomic_fetch_add(&scene.progress, 1);
}

/* Sleeps for longer than ten looks take, but not in futex. */
static void be_slow(void *data) {
    (void)data;
    claim_pause_us(30000);
    atomic_fetch_add(&scene.progress, 1);
}

/* Where waiting for the lock takes some work before it. */
static void work_and_wait(void *data) {
    struct timespec used = {0};
    while (used.tv_nsec < 5000000)
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    atomic_store(&scene.arrived, true);
    wait_for_lock(data);
}

static struct claim_thread start(void (*run)(void *data)) {
    struct claim_thread thread = {.run = run};
    atomic_store(&scene.go, false);
    atomic_store(&scene.progress, 0);
    atomic_store(&scene.arrived, false);
    return thread;
}

static void asleep_on_a_lock_is_stuck(void **state) {
    (void)state;
    struct claim_thread thread = start(wait_for_lock);
    pthread_mutex_lock(&scene.lock);
    claim_threads_start(NULL, &thread, 1);
    assert_true(claim_thread_is_stuck(&thread, &scene.progress, 1));
    pthread_mutex_unlock(&scene.lock);
    claim_threads_join(&thread, 1);
}

static void spinning_on_a_lock_is_stuck(void **state) {
    (void)state;
    struct claim_thread thread = start(spin);
    claim_threads_start(NULL, &thread, 1);
    assert_true(claim_thread_is_stuck(&thread, &scene.progress, 1));
    atomic_store(&scene.go, true);
    claim_threads_join(&thread, 1);
}

static void slow_is_not_stuck(void **state) {
    (void)state;
    struct claim_thread thread = start(be_slow);
    claim_threads_start(NULL, &thread, 1);
    assert_false(claim_thread_is_stuck(&thread, &scene.progress, 1));
    claim_threads_join(&thread, 1);
}

static void a_wait_has_settled_when_its_thread_sleeps(void **state) {
    (void)state;
    struct claim_thread thread = start(work_and_wait);
    pthread_mutex_lock(&scene.lock);
    claim_threads_start(NULL, &thread, 1);
    claim_thread_settle(thread.tid);
    assert_true(atomic_load(&scene.arrived));
    assert_int_equal(claim_thread_state(thread.tid), 'S');
    pthread_mutex_unlock(&scene.lock);
    claim_threads_join(&thread, 1);
}

static void a_wait_has_settled_when_its_thread_spins(void **state) {
    (void)state;
    struct claim_thread thread = start(spin);
    claim_threads_start(NULL, &thread, 1);
    claim_thread_settle(thread.tid);
    struct timespec used;
    clockid_t clock;
    assert_int_equal(pthread_getcpuclockid(thread.thread, &clock), 0);
    clock_gettime(clock, &used);
    assert_true(used.tv_sec > 0 || used.tv_nsec >= 20000000);
    atomic_store(&scene.go, true);
    claim_threads_join(&thread, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asleep_on_a_lock_is_stuck),
        cmocka_unit_test(spinning_on_a_lock_is_stuck),
        cmocka_unit_test(slow_is_not_stuck),
        cmocka_unit_test(a_wait_has_settled_when_its_thread_sleeps),
        cmocka_unit_test(a_wait_has_settled_when_its_thread_spins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
