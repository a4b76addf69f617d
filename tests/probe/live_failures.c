/* SPDX-License-Identifier: MIT */
// Every allocation, HSA call and file operation that the library makes fails once. Whatever is
// being made then either fails, with words, nothing written and nothing left behind, or works all
// the same; and the next attempt works.
//
// HSAPROBE_LIBHSA must name failing_hsa.c's library.
#include "live.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing_hsa.h"

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

// --- Failing: calls from within libhsaprobe on the thread that asked for it ----------------------

static uintptr_t library_begin, library_end;
static _Thread_local bool is_armed;
static unsigned allocations_left, files_left; // the call that makes it 0 fails; 0: none
static bool has_failed;

static bool fails_now(unsigned *left, const void *caller) {
    const uintptr_t at = (uintptr_t)caller;
    if (!is_armed || at < library_begin || at >= library_end || *left == 0 || --*left > 0)
        return false;
    has_failed = true;
    return true;
}

// What the library holds: addresses, in no order.
enum { HELD_MAX = 4096 };
static void *held[HELD_MAX];
static long held_count;

static void *hold(void *memory, const void *caller) {
    const uintptr_t at = (uintptr_t)caller;
    if (is_armed && memory && at >= library_begin && at < library_end && held_count < HELD_MAX)
        held[held_count++] = memory;
    return memory;
}

static void forget(const void *memory) {
    for (long i = 0; is_armed && memory && i < held_count; i++)
        if (held[i] == memory) {
            held[i] = held[--held_count];
            return;
        }
}

#define CALLER __builtin_return_address(0)

EXPORT void *malloc(size_t bytes) {
    return fails_now(&allocations_left, CALLER) ? NULL : hold(__libc_malloc(bytes), CALLER);
}
EXPORT void *calloc(size_t count, size_t bytes) {
    return fails_now(&allocations_left, CALLER) ? NULL : hold(__libc_calloc(count, bytes), CALLER);
}
EXPORT void *realloc(void *memory, size_t bytes) {
    if (fails_now(&allocations_left, CALLER))
        return NULL;
    void *moved = __libc_realloc(memory, bytes);
    if (moved)
        forget(memory);
    return hold(moved, CALLER);
}
EXPORT void *aligned_alloc(size_t alignment, size_t bytes) {
    return fails_now(&allocations_left, CALLER) ? NULL
                                                : hold(__libc_memalign(alignment, bytes), CALLER);
}
EXPORT char *strdup(const char *text) {
    if (fails_now(&allocations_left, CALLER))
        return NULL;
    const size_t bytes = strlen(text) + 1;
    char *copy = hold(__libc_malloc(bytes), CALLER);
    return copy ? memcpy(copy, text, bytes) : NULL;
}
EXPORT void free(void *memory) {
    forget(memory);
    __libc_free(memory);
}

static void *next_of(const char *name) {
    void *symbol = dlsym(RTLD_NEXT, name);
    CHECK(symbol, "%s", name);
    return symbol;
}

EXPORT int open(const char *path, int flags, ...) {
    static int (*next)(const char *, int, ...);
    va_list list;
    va_start(list, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (!next) {
        void *symbol = next_of("open");
        memcpy(&next, &symbol, sizeof(next));
    }
    errno = EIO;
    return fails_now(&files_left, CALLER) ? -1 : next(path, flags, mode);
}
EXPORT ssize_t read(int file, void *bytes, size_t count) {
    static ssize_t (*next)(int, void *, size_t);
    if (!next) {
        void *symbol = next_of("read");
        memcpy(&next, &symbol, sizeof(next));
    }
    errno = EIO;
    return fails_now(&files_left, CALLER) ? -1 : next(file, bytes, count);
}
EXPORT int fstat(int file, struct stat *out_info) {
    static int (*next)(int, struct stat *);
    if (!next) {
        void *symbol = next_of("fstat");
        memcpy(&next, &symbol, sizeof(next));
    }
    errno = EIO;
    return fails_now(&files_left, CALLER) ? -1 : next(file, out_info);
}

static int find_library(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    (void)data;
    if (!strstr(info->dlpi_name, "libhsaprobe.so"))
        return 0;
    library_begin = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            library_end = library_begin + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    return 1;
}

static int open_file_count(void) {
    int count = 0;
    DIR *files = opendir("/proc/self/fd");
    CHECK(files);
    while (readdir(files))
        count++;
    closedir(files);
    return count;
}

// --- What is made
// ---------------------------------------------------------------------------------

static struct failing_hsa *hsa;

static struct {
    const struct hsp_agent *gpu;
    const struct hsp_pool *pool;
    struct live_kernel kernel;
    struct hsp_queue *queue;
    char page[4096];
    void *memory;
    void *device;        // a page of its memory
    void *pages;         // ordinary ones, for attributes
    hsa_signal_t shared; // other processes may import it, by its name
    struct hsp_ipc_handle signal_name;
    hsa_signal_t met; // holds 0
    hsa_signal_t done;
    char source[256]; // path of an OpenCL source
} it;

// The GPU and what all rounds share. ROCr's table is asked for, which intercepted queues need.
static void begin(void) {
    it.gpu = live_gpu();
    it.pool = live_device_pool(it.gpu);
    it.kernel = live_load(it.gpu, "saxpy");
    it.memory = live_host_memory(it.gpu, sizeof(it.page));
    OK(hsp_memory_alloc(it.pool, sizeof(it.page), NULL, 0, &it.device));
    it.pages = aligned_alloc(sizeof(it.page), sizeof(it.page));
    CHECK(it.pages);
    memset(it.pages, 1, sizeof(it.page));
    OK(hsp_queue_create(it.gpu, NULL, &it.queue));
    const struct hsp_signal_options options = {.size = sizeof(options), .ipc = true};
    OK(hsp_signal_create(0, &options, &it.shared));
    OK(hsp_signal_export(it.shared, &it.signal_name));
    OK(hsp_signal_create(0, NULL, &it.met));
    OK(hsp_signal_create(0, NULL, &it.done));
    snprintf(it.source, sizeof(it.source), "%s/failures-XXXXXX.cl",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    const int file = mkstemps(it.source, 3);
    CHECK(file >= 0 && write(file, "kernel void f() {}", 18) == 18 && close(file) == 0);
}

static void end(void) {
    unlink(it.source);
    hsp_signal_destroy(it.done);
    hsp_signal_destroy(it.met);
    hsp_signal_destroy(it.shared);
    hsp_queue_destroy(it.queue);
    free(it.pages);
    OK(hsp_memory_free(it.device));
    OK(hsp_memory_free(it.memory));
    live_unload(&it.kernel);
    hsp_runtime_shutdown();
}

union made {
    void *object;
    hsa_signal_t signal;
    uint64_t words[32];
};

_Static_assert(sizeof(struct hsp_descriptor) <= sizeof(union made), "room for every output");

static hsp_status make_runtime(union made *out) {
    (void)out;
    return hsp_runtime_init();
}
static void end_runtime(union made *made) {
    (void)made;
    hsp_runtime_shutdown();
}
static hsp_status make_signal(union made *out) {
    const struct hsp_agent *const consumers[] = {it.gpu, hsp_agent_host()};
    const struct hsp_signal_options options = {
        .size = sizeof(options), .consumers = consumers, .consumer_count = 2};
    return hsp_signal_create(1, &options, &out->signal);
}
static void end_signal(union made *made) {
    hsp_signal_destroy(made->signal);
}
static hsp_status make_pool(union made *out) {
    return hsp_signal_pool_create(3, NULL, (struct hsp_signal_pool **)&out->object);
}
static void end_pool(union made *made) {
    hsp_signal_pool_destroy(made->object);
}
static hsp_status make_queue(union made *out) {
    static const uint32_t mask[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    const struct hsp_queue_options options = {.size = sizeof(options),
                                              .packet_count = 64,
                                              .priority = HSP_PRIORITY_HIGH,
                                              .profiling = true,
                                              .cu_mask = mask,
                                              .cu_mask_bit_count = 128};
    return hsp_queue_create(it.gpu, &options, (struct hsp_queue **)&out->object);
}
static void end_queue(union made *made) {
    hsp_queue_destroy(made->object);
}
static hsp_status make_wrapped(union made *out) {
    return hsp_queue_wrap(it.gpu, hsp_queue_native(it.queue), (struct hsp_queue **)&out->object);
}
static hsp_status make_arena(union made *out) {
    return hsp_kernarg_arena_create(it.gpu, 64, 4, (struct hsp_kernarg_arena **)&out->object);
}
static void end_arena(union made *made) {
    hsp_kernarg_arena_destroy(made->object);
}
static hsp_status make_memory(union made *out) {
    return hsp_memory_alloc(it.pool, 4096, &it.gpu, 1, &out->object);
}
static void end_memory(union made *made) {
    hsp_memory_free(made->object);
}
static hsp_status make_lock(union made *out) {
    return hsp_memory_lock(it.page, sizeof(it.page), &it.gpu, 1, NULL, &out->object);
}
static void end_lock(union made *made) {
    (void)made;
    hsp_memory_unlock(it.page);
}
static hsp_status make_copy(union made *out) {
    (void)out;
    return hsp_memory_copy(it.memory, it.page, sizeof(it.page));
}
static hsp_status make_fill(union made *out) {
    (void)out;
    return hsp_memory_fill(it.memory, 7, 16);
}
static hsp_status make_info(union made *out) {
    return hsp_memory_info_get(it.memory, (struct hsp_memory_info *)out->words);
}
static hsp_status make_runtime_info(union made *out) {
    struct hsp_runtime_info info;
    (void)out;
    return hsp_runtime_info_get(&info);
}
static hsp_status make_code_object(union made *out) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/saxpy.hipfb", LIVE_KERNELS);
    struct hsp_code_object *object = NULL;
    hsp_status status = hsp_code_object_open_file(path, &object);
    size_t count = 0;
    if (status == HSP_OK)
        status = hsp_code_object_kernel_count(object, 0, &count);
    if (status == HSP_OK)
        out->object = object;
    else
        hsp_code_object_close(object);
    return status;
}
static void end_code_object(union made *made) {
    hsp_code_object_close(made->object);
}
static hsp_status make_executable(union made *out) {
    return hsp_executable_create(it.kernel.object, it.kernel.kernel->image_index, it.gpu,
                                 (struct hsp_executable **)&out->object);
}
static void end_executable(union made *made) {
    hsp_executable_destroy(made->object);
}
static hsp_status make_code(union made *out) {
    return hsp_executable_kernel(it.kernel.executable, it.kernel.kernel,
                                 (struct hsp_kernel_code *)out->words);
}
static hsp_status make_arguments(union made *out) {
    return hsp_arguments_create(it.kernel.kernel, (struct hsp_arguments **)&out->object);
}
static void end_arguments(union made *made) {
    hsp_arguments_destroy(made->object);
}
static hsp_status make_launch(union made *out) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/saxpy.hipfb", LIVE_KERNELS);
    return hsp_launch_create(it.queue, path, "saxpy", (struct hsp_launch **)&out->object);
}
static void end_launch(union made *made) {
    hsp_launch_destroy(made->object);
}
static hsp_status make_descriptor(union made *out) {
    return hsp_descriptor_read(it.kernel.object, it.kernel.kernel,
                               (struct hsp_descriptor *)out->words);
}
static hsp_status make_disassembly(union made *out) {
    return hsp_disassembly_create(it.kernel.object, it.kernel.kernel,
                                  (struct hsp_disassembly **)&out->object);
}
static void end_disassembly(union made *made) {
    hsp_disassembly_destroy(made->object);
}
static hsp_status make_users(union made *out) {
    return hsp_memory_agents(it.memory, NULL, 0, (size_t *)out->words);
}
static hsp_status make_histogram(union made *out) {
    return hsp_histogram_create((struct hsp_histogram **)&out->object);
}
static void end_histogram(union made *made) {
    hsp_histogram_destroy(made->object);
}
static hsp_status make_snapshot(union made *out) {
    return hsp_snapshot_take((struct hsp_snapshot **)&out->object);
}
static void end_snapshot(union made *made) {
    hsp_snapshot_destroy(made->object);
}
static hsp_status make_counter(union made *out) {
    return hsp_counter_get(0, (struct hsp_counter *)out->words);
}

static hsp_status compile(bool ignores_cache, union made *out) {
    static const char source[] = "kernel void k(global int *p) { *p = 7; }";
    const struct hsp_compile_options options = {
        .size = sizeof(options), .isa = "gfx90a", .ignores_cache = ignores_cache};
    return hsp_code_object_compile(source, sizeof(source) - 1, "k.cl", &options,
                                   (struct hsp_code_object **)&out->object);
}
static hsp_status make_compiled(union made *out) {
    return compile(true, out);
}
static hsp_status make_compiled_from_file(union made *out) {
    const struct hsp_compile_options options = {.size = sizeof(options), .isa = "gfx90a"};
    return hsp_code_object_compile_file(it.source, &options,
                                        (struct hsp_code_object **)&out->object);
}
static void let_pass(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                     struct hsp_packet_writer *writer, void *data) {
    (void)first_index, (void)data;
    hsp_packet_write(writer, packets, count);
}
static hsp_status make_intercepted(union made *out) {
    const struct hsp_queue_options options = {
        .size = sizeof(options), .packet_count = 64, .intercept = true};
    struct hsp_queue *queue = NULL;
    hsp_status status = hsp_queue_create(it.gpu, &options, &queue);
    hsa->balance += status == HSP_OK; // made through the table, destroyed by hsa_queue_destroy
    if (status == HSP_OK)
        status = hsp_queue_intercept(queue, let_pass, NULL);
    if (status == HSP_OK)
        out->object = queue;
    else
        hsp_queue_destroy(queue);
    return status;
}
static hsp_status make_signal_for_others(union made *out) {
    const struct hsp_signal_options options = {.size = sizeof(options), .ipc = true};
    return hsp_signal_create(1, &options, &out->signal);
}
static hsp_status make_signal_name(union made *out) {
    return hsp_signal_export(it.shared, (struct hsp_ipc_handle *)out->words);
}
static hsp_status make_signal_of_others(union made *out) {
    return hsp_signal_import(&it.signal_name, &out->signal);
}
static hsp_status make_memory_name(union made *out) {
    return hsp_memory_export(it.device, sizeof(it.page), (struct hsp_ipc_handle *)out->words);
}
static bool once(int64_t value, void *data) {
    (void)value;
    atomic_fetch_add((atomic_int *)data, 1);
    return false;
}
// A handler that was registered is called at once, and waited for.
static hsp_status make_handler(union made *out) {
    static atomic_int calls;
    const int before = atomic_load(&calls);
    (void)out;
    const hsp_status status = hsp_signal_on(it.met, HSP_CONDITION_EQ, 0, once, &calls);
    while (status == HSP_OK && atomic_load(&calls) == before)
        sched_yield();
    return status;
}
static hsp_status make_wait(union made *out) {
    struct hsp_signal_wait_item items[65]; // one more than fit without an allocation
    for (int i = 0; i < 65; i++)
        items[i] = (struct hsp_signal_wait_item){it.met, HSP_CONDITION_EQ, 0};
    return hsp_signal_wait_any(items, 65, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE,
                               (size_t *)&out->words[0], (int64_t *)&out->words[1]);
}
static hsp_status make_attributes(union made *out) {
    const hsa_amd_svm_attribute_pair_t pair = {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE,
                                               hsp_agent_handle(it.gpu).handle};
    (void)out;
    return hsp_memory_set_attributes(it.pages, sizeof(it.page), &pair, 1);
}
static hsp_status make_attributes_read(union made *out) {
    hsa_amd_svm_attribute_pair_t pair = {HSA_AMD_SVM_ATTRIB_ACCESS_QUERY,
                                         hsp_agent_handle(it.gpu).handle};
    const hsp_status status = hsp_memory_get_attributes(it.pages, sizeof(it.page), &pair, 1);
    if (status == HSP_OK)
        out->words[0] = pair.attribute;
    else
        CHECK(pair.attribute == HSA_AMD_SVM_ATTRIB_ACCESS_QUERY, "the list was touched");
    return status;
}
static hsp_status make_prefetch(union made *out) {
    (void)out;
    hsp_signal_store_relaxed(it.done, 1);
    const hsp_status status =
        hsp_memory_prefetch_async(it.pages, sizeof(it.page), it.gpu, NULL, 0, it.done);
    if (status == HSP_OK)
        OK(hsp_signal_wait(it.done, HSP_CONDITION_EQ, 0, LIVE_WAIT_NS, HSP_WAIT_BLOCKED, NULL));
    return status;
}
static hsp_status make_access(union made *out) {
    (void)out;
    return hsp_memory_allow_access(it.memory, &it.gpu, 1);
}

static const struct making {
    const char *name;
    hsp_status (*make)(union made *out);
    void (*end)(union made *made); // NULL: nothing to be given back
} makings[] = {
    {"signal", make_signal, end_signal},
    {"signal pool", make_pool, end_pool},
    {"queue", make_queue, end_queue},
    {"queue around another", make_wrapped, end_queue},
    {"arena", make_arena, end_arena},
    {"memory", make_memory, end_memory},
    {"locked memory", make_lock, end_lock},
    {"copy", make_copy, NULL},
    {"fill", make_fill, NULL},
    {"memory information", make_info, NULL},
    {"runtime information", make_runtime_info, NULL},
    {"code object", make_code_object, end_code_object},
    {"executable", make_executable, end_executable},
    {"loaded kernel", make_code, NULL},
    {"arguments", make_arguments, end_arguments},
    {"launch", make_launch, end_launch},
    {"descriptor", make_descriptor, NULL},
    {"disassembly", make_disassembly, end_disassembly},
    {"agents of memory", make_users, NULL},
    {"histogram", make_histogram, end_histogram},
    {"snapshot", make_snapshot, end_snapshot},
    {"counter", make_counter, NULL},
    {"compilation", make_compiled, end_code_object},
    {"compilation of a file", make_compiled_from_file, end_code_object},
    {"intercepted queue", make_intercepted, end_queue},
    {"signal for others", make_signal_for_others, end_signal},
    {"name of a signal", make_signal_name, NULL},
    {"signal of others", make_signal_of_others, end_signal},
    {"name of memory", make_memory_name, NULL},
    {"handler", make_handler, NULL},
    {"wait for many", make_wait, NULL},
    {"attributes of memory", make_attributes, NULL},
    {"attributes of memory read", make_attributes_read, NULL},
    {"prefetch", make_prefetch, NULL},
    {"access to memory", make_access, NULL},
};

// --- The rounds
// -----------------------------------------------------------------------------------

enum kind { ALLOCATION, RUNTIME_CALL, FILE_OPERATION, KIND_COUNT };
static const char *const kind_names[] = {"allocation", "HSA call", "file operation"};
static unsigned failures_seen[KIND_COUNT];

static void arm(enum kind kind, unsigned nth) {
    has_failed = false;
    hsa->failed = NULL;
    allocations_left = kind == ALLOCATION ? nth : 0;
    hsa->left = kind == RUNTIME_CALL ? nth : 0;
    files_left = kind == FILE_OPERATION ? nth : 0;
    is_armed = true;
}

static void disarm(void) {
    allocations_left = files_left = hsa->left = 0;
    is_armed = false;
}

// True when the nth call of this kind was reached.
static bool fail_once(const struct making *making, enum kind kind, unsigned nth) {
    union made made;
    memset(&made, 0xa5, sizeof(made));
    const union made before = made;
    const long held_before = held_count, objects_before = hsa->balance;
    const int files_before = open_file_count();
    arm(kind, nth);
    const hsp_status status = making->make(&made);
    const bool is_reached = has_failed || hsa->failed;
    allocations_left = files_left = hsa->left = 0; // still armed: what is freed is accounted for
    if (status != HSP_OK) {
        CHECK(is_reached, "%s failed by itself: %s", making->name, hsp_last_error());
        CHECK(hsp_last_error()[0], "%s: no words", making->name);
        CHECK(memcmp(&made, &before, sizeof(made)) == 0, "%s, %s %u: the output was touched",
              making->name, kind_names[kind], nth);
    } else if (making->end) {
        making->end(&made);
    }
    disarm();
    CHECK(held_count == held_before, "%s, %s %u: %ld allocations stay (%s)", making->name,
          kind_names[kind], nth, held_count - held_before, hsa->failed ? hsa->failed : "");
    CHECK(hsa->balance == objects_before, "%s, %s %u: %ld objects of HSA stay (%s)", making->name,
          kind_names[kind], nth, hsa->balance - objects_before, hsa->failed ? hsa->failed : "");
    CHECK(open_file_count() == files_before, "%s, %s %u: files stay open", making->name,
          kind_names[kind], nth);
    return is_reached;
}

static void fail_each(const struct making *making) {
    union made made;
    OK(making->make(&made)); // also what is done once only
    if (making->end)
        making->end(&made);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        unsigned nth = 1;
        while (fail_once(making, (enum kind)kind, nth))
            nth++;
        failures_seen[kind] += nth - 1;
        OK(making->make(&made));
        if (making->end)
            making->end(&made);
    }
}

int main(void) {
    dl_iterate_phdr(find_library, NULL);
    CHECK(library_end, "libhsaprobe.so isn't loaded");
    void *library = dlopen(getenv("HSAPROBE_LIBHSA"), RTLD_NOW | RTLD_LOCAL);
    CHECK(library, "%s", dlerror());
    hsa = dlsym(library, "failing_hsa");
    CHECK(hsa);
    it.gpu = live_gpu(); // ends the program where there is no device
    hsp_runtime_shutdown();
    FAILS(hsp_signal_create(1, NULL, &(hsa_signal_t){0}), HSP_ERROR_NOT_INITIALIZED, "init");
    const struct making runtime = {"runtime", make_runtime, end_runtime};
    fail_each(&runtime);
    setenv("XDG_CACHE_HOME", "/dev/null", 1); // compiled code is kept in the process only
    OK(hsp_runtime_request_table());
    begin();
    for (size_t i = 0; i < sizeof(makings) / sizeof(makings[0]); i++)
        fail_each(&makings[i]);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        printf("%u times %s\n", failures_seen[kind], kind_names[kind]);
    CHECK(failures_seen[ALLOCATION] >= 70 && failures_seen[RUNTIME_CALL] >= 130 &&
          failures_seen[FILE_OPERATION] >= 6);
    end();
    return 0;
}
