/* SPDX-License-Identifier: MIT */
// The paths of the steady state make no system call, allocate nothing and take no lock, in every
// mode of the wrappers.
//
// Allocations and locks are counted by this program's own functions in front of libc's, system
// calls by a filter of the measuring thread that traps every one.
#include "live.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local bool is_counting;
static _Thread_local struct {
    unsigned allocations, frees, locks, system_calls;
    int last_system_call;
} seen;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t bytes) {
    seen.allocations += is_counting;
    return __libc_malloc(bytes);
}
EXPORT void *calloc(size_t count, size_t bytes) {
    seen.allocations += is_counting;
    return __libc_calloc(count, bytes);
}
EXPORT void *realloc(void *memory, size_t bytes) {
    seen.allocations += is_counting;
    return __libc_realloc(memory, bytes);
}
EXPORT void *aligned_alloc(size_t alignment, size_t bytes) {
    seen.allocations += is_counting;
    return __libc_memalign(alignment, bytes);
}
EXPORT void free(void *memory) {
    seen.frees += is_counting;
    __libc_free(memory);
}
EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex) {
    seen.locks += is_counting;
    static int (*next)(pthread_mutex_t *);
    if (!next) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_mutex_lock");
        memcpy(&next, &symbol, sizeof(next));
    }
    return next(mutex);
}

static void count_system_call(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    seen.system_calls += is_counting;
    seen.last_system_call = info->si_syscall;
}

// For the calling thread, for good: only the end of the thread and of a handler get through.
static void trap_system_calls(void) {
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(rows) / sizeof(rows[0]), .filter = rows};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "%s", strerror(errno));
}

enum { TIMES = 200, BATCH = 4, PACKETS = 1024 };

static struct {
    hsa_signal_t usual; // to change it, ROCr enters the driver, which wakes sleepers
    hsa_signal_t quiet; // not this one; for it ROCr warns of waiting
    struct hsp_queue *queue;
    struct hsp_kernarg_arena *arena;
    struct hsp_signal_pool *pool;
    struct hsp_arguments *arguments;
    struct hsp_histogram *histogram;
    const struct hsp_kernel *kernel;
    struct hsp_geometry geometry;
    struct hsp_dispatch dispatches[BATCH];
    struct hsp_barrier barrier;
    uint16_t span;
    int failures; // of calls that return a status
} it;

static void use_signal(void) {
    hsp_signal_store_release(it.quiet, 3);
    hsp_signal_add_relaxed(it.quiet, 2);
    it.failures += hsp_signal_load_acquire(it.quiet) != 5;
}
static void wait_for_signal(void) {
    hsp_signal_silent_store_release(it.usual, 5);
    int64_t value = 0;
    it.failures +=
        hsp_signal_wait(it.usual, HSP_CONDITION_EQ, 5, 1000, HSP_WAIT_BLOCKED, &value) != HSP_OK;
    const struct hsp_signal_wait_item item = {it.usual, HSP_CONDITION_EQ, 5};
    size_t index;
    it.failures += hsp_signal_wait_any(&item, 1, 1000, HSP_WAIT_ACTIVE, &index, NULL) != HSP_OK;
}
static void use_clock(void) {
    const uint64_t start = hsp_clock_ticks();
    hsp_histogram_add(it.histogram, hsp_clock_ticks_to_ns(hsp_clock_ticks() - start));
    hsp_span_record(it.span, start, hsp_clock_ticks());
    it.failures += hsp_clock_ns() == 0;
}
static void submit_ring(void) {
    it.failures +=
        hsp_dispatch_submit(it.queue, HSP_SUBMIT_RING, it.dispatches, BATCH, NULL) != HSP_OK;
}
static void submit_hsa(void) {
    it.failures +=
        hsp_dispatch_submit(it.queue, HSP_SUBMIT_HSA, it.dispatches, BATCH, NULL) != HSP_OK;
}
static void submit_barrier(void) {
    it.failures += hsp_barrier_submit(it.queue, HSP_SUBMIT_RING, &it.barrier, 1, NULL) != HSP_OK;
}
static void use_arena(void) {
    void *block = hsp_kernarg_arena_acquire(it.arena);
    it.failures += !block || hsp_arguments_write(it.arguments, &it.geometry, it.queue, block,
                                                 it.kernel->kernarg_bytes) != HSP_OK;
    hsp_kernarg_arena_release(it.arena, block);
}
static void use_pool(void) {
    const hsa_signal_t signal = hsp_signal_pool_acquire(it.pool, 1);
    it.failures += signal.handle == 0;
    hsp_signal_pool_release(it.pool, signal);
}
// The counting itself.
static void allocate(void) {
    free(realloc(malloc(10), 100));
}
static void lock(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}
static void enter_kernel(void) {
    getppid();
}

static const struct {
    const char *name;
    void (*run)(void);
    int times; // those that fill the ring fit in it, with both barriers around them, in all modes
    unsigned allocations, locks, system_calls;
} sections[] = {
    {"signals", use_signal, TIMES, 0, 0, 0},
    {"waits that are over", wait_for_signal, TIMES, 0, 0, 0},
    {"clock, histogram, span", use_clock, TIMES, 0, 0, 0},
    {"dispatches by the ring writer", submit_ring, 20, 0, 0, 0},
    {"dispatches by HSA", submit_hsa, 20, 0, 0, 0},
    {"barriers", submit_barrier, 20, 0, 0, 0},
    {"kernarg blocks and arguments", use_arena, TIMES, 0, 0, 0},
    {"a pool of signals", use_pool, TIMES, 0, 0, 0},
    {"this test's allocation", allocate, TIMES, 2, 0, 0},
    {"this test's lock", lock, TIMES, 0, 1, 0},
    {"this test's system call", enter_kernel, TIMES, 0, 0, 1},
};
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]), MODE_COUNT = 3 };

static int wrong; // sections that did what they mustn't
static struct {
    unsigned allocations, locks, system_calls;
    int last_system_call;
} found[MODE_COUNT][SECTION_COUNT];

// The mode is changed by the main thread, for that takes a lock. The two hand over by spinning.
enum { NOT_READY = -2, READY = -1 };
static int mode_wanted = READY, mode_done = NOT_READY;

static void *measure(void *data) {
    (void)data;
    use_signal(); // the thread's first call maps its recorder
    use_clock();
    trap_system_calls();
    __atomic_store_n(&mode_done, READY, __ATOMIC_RELEASE);
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        while (__atomic_load_n(&mode_wanted, __ATOMIC_ACQUIRE) != mode)
            ;
        for (int i = 0; i < SECTION_COUNT; i++) {
            memset(&seen, 0, sizeof(seen));
            is_counting = true;
            for (int n = 0; n < sections[i].times; n++)
                sections[i].run();
            is_counting = false;
            found[mode][i].allocations = seen.allocations;
            found[mode][i].locks = seen.locks;
            found[mode][i].system_calls = seen.system_calls;
            found[mode][i].last_system_call = seen.last_system_call;
        }
        __atomic_store_n(&mode_done, mode, __ATOMIC_RELEASE);
    }
    syscall(SYS_exit, 0); // a pthread's usual end makes system calls
    return NULL;
}

static void make_objects(const struct hsp_agent *gpu, const struct live_kernel *kernel) {
    const struct hsp_signal_options quiet = {.size = sizeof(quiet), .busy_wait = true};
    const struct hsp_queue_options options = {.size = sizeof(options), .packet_count = PACKETS};
    it.kernel = kernel->kernel;
    const uint32_t one[3] = {1, 1, 1};
    OK(hsp_geometry_from_blocks(one, one, 0, &it.geometry));
    OK(hsp_signal_create(0, &quiet, &it.quiet));
    OK(hsp_signal_create(0, NULL, &it.usual));
    OK(hsp_queue_create(gpu, &options, &it.queue));
    OK(hsp_kernarg_arena_create(gpu, it.kernel->kernarg_bytes + 1u, 8, &it.arena));
    OK(hsp_signal_pool_create(8, NULL, &it.pool));
    OK(hsp_arguments_create(it.kernel, &it.arguments));
    OK(hsp_histogram_create(&it.histogram));
    OK(hsp_span_register("steady", &it.span));
    for (int i = 0; i < BATCH; i++)
        hsp_dispatch_init(&it.dispatches[i], &kernel->code, &it.geometry,
                          hsp_kernarg_arena_acquire(it.arena));
    hsp_barrier_init(&it.barrier, HSP_BARRIER_AND);
}

static void free_objects(void) {
    hsp_queue_destroy(it.queue);
    hsp_kernarg_arena_destroy(it.arena);
    hsp_signal_pool_destroy(it.pool);
    hsp_arguments_destroy(it.arguments);
    hsp_histogram_destroy(it.histogram);
    hsp_signal_destroy(it.quiet);
    hsp_signal_destroy(it.usual);
}

// Everything before is consumed: no submission finds the ring full.
static void drain(void) {
    struct hsp_barrier barrier;
    hsp_barrier_init(&barrier, HSP_BARRIER_AND);
    OK(hsp_signal_create(1, NULL, &barrier.completion));
    OK(hsp_barrier_submit(it.queue, HSP_SUBMIT_RING, &barrier, 1, NULL));
    OK(hsp_dispatch_wait(it.queue, barrier.completion, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    hsp_signal_destroy(barrier.completion);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    struct live_kernel kernel = live_load(gpu, "empty");
    make_objects(gpu, &kernel);
    const struct sigaction action = {.sa_sigaction = count_system_call, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    OK(hsp_runtime_set_wrapper_mode(HSP_WRAPPER_RECORD)); // for the thread's first call
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, measure, NULL) == 0);
    while (__atomic_load_n(&mode_done, __ATOMIC_ACQUIRE) != READY)
        usleep(1000);
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        OK(hsp_runtime_set_wrapper_mode((enum hsp_wrapper_mode)mode));
        __atomic_store_n(&mode_wanted, mode, __ATOMIC_RELEASE);
        while (__atomic_load_n(&mode_done, __ATOMIC_ACQUIRE) != mode)
            usleep(1000);
        drain();
    }
    pthread_join(thread, NULL);
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        for (int i = 0; i < SECTION_COUNT; i++) {
            const unsigned times = (unsigned)sections[i].times;
            if (found[mode][i].allocations == sections[i].allocations * times &&
                found[mode][i].locks == sections[i].locks * times &&
                found[mode][i].system_calls == sections[i].system_calls * times)
                continue;
            wrong++;
            fprintf(stderr,
                    "mode %d, %u times %s: %u allocations, %u locks, %u system calls (the last "
                    "one's number is %d)\n",
                    mode, times, sections[i].name, found[mode][i].allocations, found[mode][i].locks,
                    found[mode][i].system_calls, found[mode][i].last_system_call);
        }
    }
    CHECK(wrong == 0, "%d sections", wrong);
    CHECK(it.failures == 0, "%d calls failed", it.failures);
    OK(hsp_runtime_set_wrapper_mode(HSP_WRAPPER_OFF));
    free_objects();
    live_unload(&kernel);
    hsp_runtime_shutdown();
    return 0;
}
