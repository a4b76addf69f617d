/* SPDX-License-Identifier: MIT */
/// What goes wrong in a kernel ends as on hardware: in ROCr's report of a memory fault and abort(),
/// or in the queue's error callback with the right status; our own line names kernel, wave, lane
/// and address; what isn't a fault isn't one. Each case is a child, and none leaves anything.
#include "e2e.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNMAPPED 0x7d0000123468ull

enum { ITEMS = 128 };

enum place { FIXED, IN_MEMORY, READ_ONLY };

struct fault_case {
    const char *kernel;
    enum place place;
    uint64_t address;  ///< FIXED: itself; else an offset into memory that the GPU may access
    unsigned status;   ///< what the queue's callback gets; 0: nothing
    uint64_t page;     ///< that ROCr reports, or NO_PAGE or ANY_PAGE
    const char *says;  ///< our line contains it
    uint32_t wants[3]; ///< out[1], out[2], out[3] after a kernel that ends
};

#define NO_PAGE  (~0ull)
#define ANY_PAGE (~1ull)
#define LANE     "of lane 37 at 0x"
#define MISSING  "Page not present or supervisor privilege."

enum {
    APERTURE = HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION,
    EXCEPTION = HSA_STATUS_ERROR_EXCEPTION,
    ILLEGAL = HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION,
};

static const struct fault_case cases[] = {
    {"load", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, "(load) " LANE, {0}},
    {"store", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, "(store) " LANE, {0}},
    {"store", FIXED, 0x10, 0, 0, "(store) of lane 37 at 0x10", {0}},
    {"add", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, LANE, {0}},
    {"scatter", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, "(store) of lane 0 at 0x", {0}},
    {"scalar_load", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, "s_load_dword", {0}},
    {"jump", FIXED, UNMAPPED, 0, UNMAPPED & ~0xfffull, "where no code is", {0}},
    {"add", IN_MEMORY, 2, APERTURE, NO_PAGE, "misaligned access", {0}},
    {"generic_lds", FIXED, 1 << 20, APERTURE, NO_PAGE, "aperture", {0}},
    {"trap", FIXED, 0, EXCEPTION, NO_PAGE, "s_trap 2 at trap+0", {0}},
    {"aborts", FIXED, 0, EXCEPTION, NO_PAGE, "s_trap 2 at aborts+0", {0}},
    {"illegal", FIXED, 0, ILLEGAL, NO_PAGE, "illegal instruction", {0}},
    {"overflow", FIXED, 100000, 0, ANY_PAGE, "access to unmapped memory (store) of lane 0", {0}},
    {"store", READ_ONLY, 8, 0, ANY_PAGE, "write to read-only memory (store) " LANE, {0}},
    {"add", READ_ONLY, 4096, 0, ANY_PAGE, "write to read-only memory", {0}},
    {"load", READ_ONLY, 4096, 0, NO_PAGE, NULL, {0x77665544, 1, 0}},
    {"load", IN_MEMORY, 1, 0, NO_PAGE, NULL, {0x44332211, 1, 0}},
    {"lds", FIXED, 0, 0, NO_PAGE, NULL, {0, 1, 0}},
    {"debug_trap", FIXED, 0, 0, NO_PAGE, NULL, {1, 0, 0}},
    {"arithmetic", FIXED, 0, 0, NO_PAGE, NULL, {0, 0x7f800000, 0x7f800000}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static _Atomic unsigned queue_error;
static hsa_amd_event_t seen_event;
static _Atomic bool event_seen;

static void on_error(hsa_status_t status, hsa_queue_t *queue, void *data) {
    (void)queue, (void)data;
    queue_error = status;
}

static hsa_status_t on_event(const hsa_amd_event_t *event, void *data) {
    (void)data;
    seen_event = *event;
    event_seen = true;
    return HSA_STATUS_SUCCESS;
}

struct launch {
    struct e2e e2e;
    hsa_queue_t *queue;
    uint32_t *out;
    hsa_signal_t done;
};

static void open_launch(struct launch *launch) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    e2e_open(&launch->e2e);
    HSA(hsa_queue_create(launch->e2e.gpu, 64, HSA_QUEUE_TYPE_MULTI, on_error, NULL, UINT32_MAX,
                         UINT32_MAX, &launch->queue));
    launch->out = e2e_alloc(&launch->e2e, launch->e2e.host, 4096);
    launch->done = e2e_signal(1);
}

static void start(struct launch *launch, hsa_queue_t *queue, const char *name, uint64_t address) {
    struct e2e_kernel kernel;
    size_t bundle_bytes, bytes;
    void *bundle = e2e_read_file(E2E_OWN_KERNELS "/faults.hipfb", &bundle_bytes);
    const void *elf = e2e_bundle_entry(&launch->e2e, bundle, &bytes);
    e2e_load(&launch->e2e, elf, bytes, name, &kernel);
    struct {
        uint32_t *out;
        uint64_t address;
    } *arguments = e2e_alloc(&launch->e2e, launch->e2e.kernarg, 4096);
    arguments->out = launch->out;
    arguments->address = address;
    e2e_dispatch(queue, &kernel, ITEMS, ITEMS, arguments, launch->done);
}

/* Until the kernel has ended, or its queue or the process has been told of an error. */
static void await(const struct launch *launch) {
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (hsa_signal_load_scacquire(launch->done) != 0 && !queue_error && !event_seen)
        CHECK(e2e_seconds() < end, "neither ended nor failed");
}

/* Memory of the program that the GPU may read and the program write. */
static char *read_only_memory(const struct launch *launch, const void *bytes, size_t size) {
    enum { PAGES = 4, PAGE = 4096 };
    hsa_amd_svm_attribute_pair_t attributes[] = {
        {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, launch->e2e.gpu.handle},
        {HSA_AMD_SVM_ATTRIB_READ_ONLY, 1},
    };
    char *memory =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "mmap");
    for (size_t i = 0; i < PAGES; i++)
        memcpy(memory + i * PAGE, bytes, size);
    HSA(hsa_amd_svm_attributes_set(memory, PAGES * PAGE, attributes, 2));
    return memory;
}

static uintptr_t address_of(const struct launch *launch, const struct fault_case *test) {
    static const uint32_t bytes[] = {0x33221100, 0x77665544};
    if (test->place == FIXED)
        return test->address;
    if (test->place == READ_ONLY)
        return (uintptr_t)read_only_memory(launch, bytes + 1, sizeof bytes[1]) + test->address;
    memcpy(launch->out + 64, bytes, sizeof bytes);
    return (uintptr_t)(launch->out + 64) + test->address;
}

static int run_case(const struct fault_case *test) {
    struct launch launch;
    open_launch(&launch);
    start(&launch, launch.queue, test->kernel, address_of(&launch, test));
    await(&launch);
    CHECK(queue_error == test->status, "queue error 0x%x", queue_error);
    if (!queue_error)
        CHECK(memcmp(launch.out + 1, test->wants, sizeof test->wants) == 0, "0x%x 0x%x 0x%x",
              launch.out[1], launch.out[2], launch.out[3]);
    HSA(hsa_queue_destroy(launch.queue));
    hsa_queue_t *queue = e2e_queue(&launch.e2e, 64);
    e2e_vector_add(&launch.e2e, queue, 1000);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}

/* With a handler of its own the program is told of a memory fault and lives on. */
static int run_handler(void) {
    struct launch launch;
    open_launch(&launch);
    HSA(hsa_amd_register_system_event_handler(on_event, NULL));
    start(&launch, launch.queue, "store", UNMAPPED);
    await(&launch);
    CHECK(event_seen && !queue_error, "queue error 0x%x", queue_error);
    CHECK(seen_event.event_type == HSA_AMD_GPU_MEMORY_FAULT_EVENT, "%d", seen_event.event_type);
    const hsa_amd_gpu_memory_fault_info_t *fault = &seen_event.memory_fault;
    CHECK(fault->agent.handle == launch.e2e.gpu.handle, "another agent");
    CHECK(fault->virtual_address == (UNMAPPED & ~0xfffull), "0x%lx", fault->virtual_address);
    CHECK(fault->fault_reason_mask == HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT, "0x%x",
          fault->fault_reason_mask);
    return 0;
}

/* Waits for a kernel that never ends, on the processor or asleep. */
static int run_forever(const char *kernel, hsa_wait_state_t state) {
    struct launch launch;
    open_launch(&launch);
    start(&launch, launch.queue, kernel, (uintptr_t)(launch.out + 32));
    while (*(volatile uint32_t *)launch.out == 0) {
    }
    fprintf(stderr, "spinning\n");
    hsa_signal_wait_scacquire(launch.done, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, state);
    return 0;
}

/* A kernel that never ends doesn't keep another queue's fault from ending the program. */
static int run_forever_and_fault(void) {
    struct launch launch;
    open_launch(&launch);
    start(&launch, launch.queue, "forever", (uintptr_t)(launch.out + 32));
    while (*(volatile uint32_t *)launch.out == 0) {
    }
    start(&launch, e2e_queue(&launch.e2e, 64), "store", UNMAPPED);
    hsa_signal_wait_scacquire(launch.done, HSA_SIGNAL_CONDITION_LT, 0, UINT64_MAX,
                              HSA_WAIT_STATE_BLOCKED);
    return 0;
}

static int child(const char *what) {
    if (strcmp(what, "handler") == 0)
        return run_handler();
    if (strcmp(what, "active") == 0)
        return run_forever("forever", HSA_WAIT_STATE_ACTIVE);
    if (strcmp(what, "blocked") == 0)
        return run_forever("forever_without_memory", HSA_WAIT_STATE_BLOCKED);
    if (strcmp(what, "both") == 0)
        return run_forever_and_fault();
    return run_case(&cases[atoi(what)]);
}

static void expect_nobody_left(const char *what) {
    CHECK(waitpid(-1, NULL, WNOHANG) == -1, "%s left a process", what);
}

static void expect_abort(const char *what, const struct e2e_child *result, uint64_t page,
                         const char *reason) {
    CHECK(WIFSIGNALED(result->status) && WTERMSIG(result->status) == SIGABRT, "%s: status 0x%x: %s",
          what, (unsigned)result->status, result->output);
    char wanted[64];
    snprintf(wanted, sizeof wanted, page ? "on address 0x%lx." : "on address (nil).", page);
    const char *report = strstr(result->output, "Memory access fault by GPU node-1 ");
    CHECK(report, "%s: %s", what, result->output);
    CHECK(page == ANY_PAGE || strstr(report, wanted), "%s: %s isn't in %s", what, wanted,
          result->output);
    CHECK(strstr(report, reason), "%s: %s", what, result->output);
}

static void expect_case(int index) {
    const struct fault_case *test = &cases[index];
    struct e2e_child result;
    char argument[16];
    snprintf(argument, sizeof argument, "%d", index);
    e2e_child(argument, 40, NULL, NULL, &result);
    if (test->page != NO_PAGE)
        expect_abort(test->kernel, &result, test->page,
                     test->place == READ_ONLY ? "Reason: Write access to a read-only page."
                                              : "Reason: " MISSING);
    else
        CHECK(result.status == 0, "%s: status 0x%x: %s", test->kernel, (unsigned)result.status,
              result.output);
    const char *line = strstr(result.output, "gfx90a: ");
    CHECK(!line == !test->says, "%s: %s", test->kernel, result.output);
    if (line) {
        CHECK(strstr(line, test->says), "%s: %s isn't in %s", test->kernel, test->says,
              result.output);
        CHECK(strstr(line, "workgroup 0,0,0"), "%s: %s", test->kernel, result.output);
    }
    expect_nobody_left(test->kernel);
}

static void interrupt(int pid) {
    kill(pid, SIGINT);
}

static void expect_interrupted(const char *what) {
    struct e2e_child result;
    e2e_child(what, 40, "spinning", interrupt, &result);
    CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGINT, "%s: status 0x%x: %s",
          what, (unsigned)result.status, result.output);
    expect_nobody_left(what);
}

/* ROCr hears of memory faults by an event only: without interrupts nobody is told, on hardware too.
 */
static bool memory_faults_are_seen(void) {
    const char *interrupts = getenv("HSA_ENABLE_INTERRUPT");
    return !interrupts || strcmp(interrupts, "0") != 0;
}

static void expect_lives_and_deaths_by_event(void) {
    struct e2e_child result;
    e2e_child("handler", 40, NULL, NULL, &result);
    CHECK(result.status == 0, "status 0x%x: %s", (unsigned)result.status, result.output);
    e2e_child("both", 40, NULL, NULL, &result);
    expect_abort("both", &result, UNMAPPED & ~0xfffull, "Reason: " MISSING);
}

int main(int argc, char **argv) {
    struct e2e e2e;
    char folder[] = "/tmp/faults-XXXXXX";
    if (argc > 1)
        return child(argv[1]);
    e2e_open(&e2e);
    e2e_close();
    CHECK(mkdtemp(folder) && setenv("TMPDIR", folder, 1) == 0, "no temporary folder");
    // A process that a case leaves becomes a child of this one.
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "prctl");
    const bool all = memory_faults_are_seen();
    for (int i = 0; i < CASES; i++)
        if (all || cases[i].page == NO_PAGE)
            expect_case(i);
    expect_interrupted("active");
    expect_interrupted("blocked");
    if (all)
        expect_lives_and_deaths_by_event();
    CHECK(rmdir(folder) == 0, "files were left in %s", folder);
    return 0;
}
