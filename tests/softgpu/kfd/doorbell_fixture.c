/* SPDX-License-Identifier: MIT */
#include "doorbell_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void on_segv(int number, siginfo_t *info, void *ucontext) {
    if (!sg_trap_handle(number, info, ucontext))
        abort();
}

void doorbell_fixture_install_handler(void) {
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSEGV);
    sigaction(SIGSEGV, &action, NULL);
}

/* The watch of the packet processors exists before the doorbell page does: forward to it. */
static struct sg_cp_watch forwarded;

static void enter(void *context) {
    (void)context;
    forwarded.enter(forwarded.context);
}

static void scan(void *context) {
    (void)context;
    forwarded.scan(forwarded.context);
}

static bool leave(void *context, bool is_busy) {
    (void)context;
    return forwarded.leave(forwarded.context, is_busy);
}

bool doorbell_fixture_init(struct doorbell_fixture *fixture, enum sg_doorbell_mode mode,
                           uint32_t queue_count) {
    static const struct sg_cp_watch watch = {.enter = enter, .scan = scan, .leave = leave};
    const int fd = memfd_create("doorbell", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, FIXTURE_PAGE_BYTES), 0);
    fixture->device_page =
        mmap(NULL, FIXTURE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fixture->app_page = mmap(NULL, FIXTURE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    const struct sg_doorbell_config config = {
        .mode = mode, .page = fixture->device_page, .bytes = FIXTURE_PAGE_BYTES};
    fixture->doorbell = sg_doorbell_create(&config);
    if (!fixture->doorbell)
        return false;
    forwarded = sg_doorbell_watch(fixture->doorbell);
    assert_int_equal(sg_doorbell_mapped(fixture->doorbell, fixture->app_page, FIXTURE_PAGE_BYTES),
                     0);
    harness_init(&fixture->harness, &watch);
    fixture->queue_count = queue_count;
    for (uint32_t i = 0; i < queue_count; i++) {
        app_queue_create(&fixture->harness, &fixture->queues[i], SG_CP_QUEUE_AQL, 256);
        fixture->signals[i] = app_signal_create(&fixture->harness, 0, 0);
        sg_doorbell_bind(fixture->doorbell, i, fixture->queues[i].queue);
    }
    return true;
}

void doorbell_fixture_fini(struct doorbell_fixture *fixture) {
    for (uint32_t i = 0; i < fixture->queue_count; i++) {
        sg_doorbell_unbind(fixture->doorbell, i);
        app_queue_destroy(&fixture->queues[i]);
    }
    harness_fini(&fixture->harness);
    sg_doorbell_destroy(fixture->doorbell);
    munmap(fixture->app_page, FIXTURE_PAGE_BYTES);
    munmap(fixture->device_page, FIXTURE_PAGE_BYTES);
}

void doorbell_fixture_launch(struct doorbell_fixture *fixture, uint32_t queue,
                             uint64_t kernel_object) {
    const struct abi_aql_dispatch packet = dispatch_packet(kernel_object, fixture->signals[queue]);
    __atomic_fetch_add(&app_signal(&fixture->harness, fixture->signals[queue])->value, 1,
                       __ATOMIC_ACQ_REL);
    const uint64_t index = app_queue_publish(&fixture->queues[queue], &packet);
    __atomic_store_n((uint64_t *)(void *)(fixture->app_page + queue * sizeof(uint64_t)), index,
                     __ATOMIC_RELEASE);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool doorbell_fixture_round_trip(struct doorbell_fixture *fixture, uint32_t queue,
                                 uint64_t kernel_object) {
    const uint64_t end = now_ns() + UINT64_C(30000000000); // of a busy machine
    doorbell_fixture_launch(fixture, queue, kernel_object);
    for (uint32_t i = 1; app_signal_load(&fixture->harness, fixture->signals[queue]) != 0; i++) {
        __builtin_ia32_pause();
        if (i % 1024 == 0 && now_ns() > end)
            return false;
        if (i % 16384 == 0)
            sleep_ms(0);
    }
    return true;
}
