/* SPDX-License-Identifier: MIT */
/// Makes a known number of HSA calls: hsa_calls MODE COUNT [THREADS]. Prints how many nanoseconds
/// one took in the least disturbed batches (the first percentile), for tools/bench-trace.
#include "e2e.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t count;
static hsa_signal_t shared;

#define BATCH 1000u

static int compare_samples(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_first(double *samples, uint64_t sample_count, uint64_t calls_each) {
    qsort(samples, sample_count, sizeof *samples, compare_samples);
    printf("%.1f\n", samples[sample_count / 100] * 1e9 / (double)calls_each);
    free(samples);
}

static void *load_many(void *data) {
    (void)data;
    for (uint64_t i = 0; i < count; i++)
        hsa_signal_load_relaxed(shared);
    return NULL;
}

static void load(void) {
    const uint64_t batches = count / BATCH + 1;
    double *samples = calloc(batches, sizeof *samples);
    uint64_t taken = 0;
    shared = e2e_signal(7);
    for (uint64_t left = count; left > 0;) {
        const uint64_t batch = left < BATCH ? left : BATCH;
        const double start = e2e_seconds();
        for (uint64_t i = 0; i < batch; i++)
            hsa_signal_load_relaxed(shared);
        if (batch == BATCH)
            samples[taken++] = e2e_seconds() - start;
        left -= batch;
    }
    if (taken > 0)
        print_first(samples, taken, BATCH);
}

static void load_in_threads(int thread_count) {
    pthread_t threads[64];
    shared = e2e_signal(7);
    CHECK(thread_count <= 64, "too many threads");
    for (int i = 0; i < thread_count; i++)
        pthread_create(&threads[i], NULL, load_many, NULL);
    for (int i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

// Each with a signal, waited for.
static void dispatch(const struct e2e *e2e) {
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "empty", &kernel);
    hsa_queue_t *queue = e2e_queue(e2e, 1024);
    const hsa_signal_t done = e2e_signal(1);
    double *samples = calloc(count, sizeof *samples);
    for (uint64_t i = 0; i < count; i++) {
        const double start = e2e_seconds();
        hsa_signal_store_relaxed(done, 1);
        e2e_dispatch(queue, &kernel, 64, 64, NULL, done);
        while (hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_EQ, 0, UINT64_MAX,
                                         HSA_WAIT_STATE_ACTIVE) != 0)
            ;
        samples[i] = e2e_seconds() - start;
    }
    print_first(samples, count, 1);
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(queue));
}

// None with a signal; one barrier at the end.
static void stream(const struct e2e *e2e) {
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "empty", &kernel);
    hsa_queue_t *queue = e2e_queue(e2e, 256);
    for (uint64_t i = 0; i < count; i++)
        e2e_dispatch(queue, &kernel, 64, 64, NULL, (hsa_signal_t){0});
    const hsa_signal_t done = e2e_signal(1);
    const hsa_barrier_and_packet_t barrier = {.header = HSA_PACKET_TYPE_BARRIER_AND |
                                                        1 << HSA_PACKET_HEADER_BARRIER,
                                              .completion_signal = done};
    e2e_submit(queue, &barrier);
    e2e_wait(done);
    HSA(hsa_queue_destroy(queue));
}

static void copy(const struct e2e *e2e) {
    enum { BYTES = 8192 };
    void *to = e2e_alloc(e2e, e2e->device, BYTES), *from = e2e_alloc(e2e, e2e->host, BYTES);
    const hsa_signal_t done = e2e_signal(1);
    for (uint64_t i = 0; i < count; i++) {
        hsa_signal_store_relaxed(done, 1);
        HSA(hsa_amd_memory_async_copy(to, e2e->gpu, from, e2e->cpu, BYTES, 0, NULL, done));
        e2e_wait(done);
    }
}

static void call_in_child(void) {
    load();
    const pid_t child = fork();
    if (child == 0) {
        // Nothing of the device survives a fork.
        const char *text;
        for (uint64_t i = 0; i < count; i++)
            hsa_status_string(HSA_STATUS_SUCCESS, &text);
        _exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0, "child: %d", status);
}

static void load_and_exec(char **argv) {
    load();
    char *next[] = {argv[0], (char *)"load", argv[2], NULL};
    execv(argv[0], next);
    CHECK(false, "exec");
}

static void create_signals(void) {
    for (uint64_t i = 0; i < count; i++)
        HSA(hsa_signal_destroy(e2e_signal(1)));
}

// Each time the runtime hands out a fresh table.
static void begin_again(void) {
    e2e_close();
    for (int i = 0; i < 3; i++) {
        HSA(hsa_init());
        create_signals();
        HSA(hsa_shut_down());
    }
    HSA(hsa_init());
}

// The process that was started ends; another goes on, until nobody listens any more.
static void leave_a_daemon(void) {
    int ends[2];
    char word;
    e2e_close();
    CHECK(pipe(ends) == 0, "pipe");
    const pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child > 0) { // as in daemon(3), but not before the child has begun
        close(ends[1]);
        _exit(read(ends[0], &word, 1) == 1 ? 0 : 1);
    }
    setsid();
    HSA(hsa_init());
    create_signals();
    CHECK(write(ends[1], "", 1) == 1, "write");
    const char *recording = getenv("HSAPROBE_RECORD");
    while (recording && access(recording, F_OK) == 0)
        create_signals();
    create_signals();
}

static void spawn(char **argv) {
    char command[512];
    load();
    snprintf(command, sizeof command, "'%s' load %s >/dev/null", argv[0], argv[2]);
    CHECK(system(command) == 0, "%s", command);
}

static void crash(void) {
    load();
    raise(SIGSEGV);
}

int main(int argc, char **argv) {
    struct e2e e2e;
    CHECK(argc > 2, "usage: hsa_calls MODE COUNT [THREADS]");
    const char *mode = argv[1];
    count = strtoull(argv[2], NULL, 10);
    e2e_open(&e2e);
    if (strcmp(mode, "load") == 0)
        load();
    else if (strcmp(mode, "threads") == 0)
        load_in_threads(argc > 3 ? atoi(argv[3]) : 4);
    else if (strcmp(mode, "dispatch") == 0)
        dispatch(&e2e);
    else if (strcmp(mode, "stream") == 0)
        stream(&e2e);
    else if (strcmp(mode, "copy") == 0)
        copy(&e2e);
    else if (strcmp(mode, "fork") == 0)
        call_in_child();
    else if (strcmp(mode, "exec") == 0)
        load_and_exec(argv);
    else if (strcmp(mode, "again") == 0)
        begin_again();
    else if (strcmp(mode, "daemon") == 0)
        leave_a_daemon();
    else if (strcmp(mode, "system") == 0)
        spawn(argv);
    else if (strcmp(mode, "crash") == 0)
        crash();
    else if (strcmp(mode, "abort") == 0)
        load(), abort();
    else if (strcmp(mode, "kill") == 0)
        load(), raise(SIGKILL);
    else if (strcmp(mode, "exit") == 0)
        load(), exit(42);
    else
        CHECK(false, "mode %s", mode);
    e2e_close();
    return 0;
}
