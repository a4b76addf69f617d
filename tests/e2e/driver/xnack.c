/* SPDX-License-Identifier: MIT */
/// With HSA_XNACK=1 the GPU reaches every page of the process at its own address: heap, stack,
/// constants, files, memory that comes after the queue; what isn't there is still a fault, and what
/// is read-only too. Without, pages that nobody registered are faults.
#include "e2e.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 4096 };

static struct e2e e2e;
static hsa_queue_t *queue;
static struct e2e_kernel saxpy;

static void open_gpu(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    e2e_kernel(&e2e, "saxpy", &saxpy);
}

static void add(const float *x, float *y) {
    e2e_saxpy(&e2e, queue, &saxpy, 1, x, y, COUNT);
}

static void expect(const float *y, float value, const char *what) {
    for (int i = 0; i < COUNT; ++i)
        CHECK(y[i] == value, "%s: element %d is %g", what, i, (double)y[i]);
}

static float *pages(int protection) {
    void *memory =
        mmap(NULL, COUNT * sizeof(float), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "mmap");
    return memory;
}

static void everything_is_reachable(void) {
    static float globals[COUNT];
    static const float constants[COUNT] = {[0] = 0};
    float on_stack[COUNT];
    float *heap = malloc(COUNT * sizeof *heap);
    float *late = pages(PROT_READ | PROT_WRITE);
    float *vram = e2e_alloc(&e2e, e2e.device, COUNT * sizeof *vram);
    for (int i = 0; i < COUNT; ++i)
        globals[i] = on_stack[i] = heap[i] = vram[i] = 1;
    add(heap, on_stack);
    expect(on_stack, 2, "the stack");
    add(on_stack, globals);
    expect(globals, 3, "globals");
    add(globals, late);
    expect(late, 3, "pages that nobody had touched");
    add(constants, heap);
    expect(heap, 1, "the heap, and constants");
    add(late, vram);
    expect(vram, 4, "allocated memory");
    /* The same address, other pages. */
    munmap(late, COUNT * sizeof(float));
    float *again = mmap(late, COUNT * sizeof(float), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    add(heap, again);
    expect(again, 1, "the address of pages that were unmapped");
    /* An allocation between pageable pages is the allocation. */
    float *host = e2e_alloc(&e2e, e2e.host, COUNT * sizeof *host);
    add(vram, host);
    expect(host, 4, "memory that was allocated late");
    free(heap);
}

/* Runs this program as `argument` with HSA_XNACK=`xnack`; it must die of a memory fault. */
static void expect_fault(const char *argument, const char *xnack) {
    struct e2e_child child;
    setenv("HSA_XNACK", xnack, 1);
    e2e_child(argument, 30, NULL, NULL, &child);
    CHECK(!child.timed_out && WIFSIGNALED(child.status) &&
              strstr(child.output, "Memory access fault"),
          "%s with HSA_XNACK=%s: status 0x%x\n%s", argument, xnack, (unsigned)child.status,
          child.output);
}

static int faulting(const char *how) {
    open_gpu();
    float *good = pages(PROT_READ | PROT_WRITE);
    float *bad = pages(strcmp(how, "read-only") ? PROT_READ | PROT_WRITE : PROT_READ);
    if (!strcmp(how, "unmapped"))
        munmap(bad, COUNT * sizeof *bad);
    add(good, bad);
    return 0;
}

static int with_xnack(void) {
    char name[64];
    open_gpu();
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_NAME, name));
    hsa_isa_t isa;
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_ISA, &isa));
    HSA(hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME, name));
    CHECK(strstr(name, ":xnack+"), "the instruction set is %s", name);
    everything_is_reachable();
    e2e_close();
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1)
        return strcmp(argv[1], "everything") ? faulting(argv[1]) : with_xnack();
    struct e2e_child child;
    setenv("HSA_XNACK", "1", 1);
    e2e_child("everything", 30, NULL, NULL, &child);
    CHECK(child.status == 0, "status 0x%x\n%s", (unsigned)child.status, child.output);
    /* Without interrupts ROCr doesn't look for faults; whoever waits, waits. */
    const char *interrupts = getenv("HSA_ENABLE_INTERRUPT");
    if (interrupts && !strcmp(interrupts, "0"))
        return 0;
    expect_fault("unmapped", "1");
    expect_fault("read-only", "1");
    expect_fault("pageable", "0");
    return 0;
}
