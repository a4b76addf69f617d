/* SPDX-License-Identifier: MIT */
// Stubs: a few bytes of machine code per traced function, which test the session's flag and go
// either to the function or to trace_stub_common below.
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace/trace.h"

#define STUB_BYTES       48u
#define PAGE             HSP_TRACE_PAGE_BYTES
#define COST_CALLS       2000u
#define COST_RING_EVENTS 4096u

static_assert(offsetof(struct trace_frame, vector_count) == 48, "known to the assembly");
static_assert(offsetof(struct trace_frame, result) == 64, "known to the assembly");
static_assert(sizeof(struct trace_frame) == 128, "known to the assembly");

/* r11 has the struct trace_function. The frame is 128 bytes below rbp. Up to 24 stack arguments are
 * copied (the widest function has 13), through registers that carry no arguments: the function
 * gets a frame of its own, so that exceptions and debuggers pass through. */
__asm__(".text\n"
        ".globl trace_stub_common\n"
        ".hidden trace_stub_common\n"
        ".type trace_stub_common,@function\n"
        "trace_stub_common:\n"
        ".cfi_startproc\n"
        "  pushq %rbp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset 6, -16\n"
        "  movq %rsp, %rbp\n"
        "  .cfi_def_cfa_register 6\n"
        "  subq $320, %rsp\n"
        "  movq %rdi, -128(%rbp)\n"
        "  movq %rsi, -120(%rbp)\n"
        "  movq %rdx, -112(%rbp)\n"
        "  movq %rcx, -104(%rbp)\n"
        "  movq %r8, -96(%rbp)\n"
        "  movq %r9, -88(%rbp)\n"
        "  movq %rax, -80(%rbp)\n"
        "  movq %r10, -72(%rbp)\n"
        "  leaq -128(%rbp), %rdi\n"
        "  movq %r11, %rsi\n"
        "  call trace_enter\n"
        "  movq %rax, %r11\n"
        "  movups 16(%rbp), %xmm8\n"
        "  movups 32(%rbp), %xmm9\n"
        "  movups 48(%rbp), %xmm10\n"
        "  movups 64(%rbp), %xmm11\n"
        "  movups 80(%rbp), %xmm12\n"
        "  movups 96(%rbp), %xmm13\n"
        "  movups 112(%rbp), %xmm14\n"
        "  movups 128(%rbp), %xmm15\n"
        "  movaps %xmm8, (%rsp)\n"
        "  movaps %xmm9, 16(%rsp)\n"
        "  movaps %xmm10, 32(%rsp)\n"
        "  movaps %xmm11, 48(%rsp)\n"
        "  movaps %xmm12, 64(%rsp)\n"
        "  movaps %xmm13, 80(%rsp)\n"
        "  movaps %xmm14, 96(%rsp)\n"
        "  movaps %xmm15, 112(%rsp)\n"
        "  movups 144(%rbp), %xmm8\n"
        "  movups 160(%rbp), %xmm9\n"
        "  movups 176(%rbp), %xmm10\n"
        "  movups 192(%rbp), %xmm11\n"
        "  movaps %xmm8, 128(%rsp)\n"
        "  movaps %xmm9, 144(%rsp)\n"
        "  movaps %xmm10, 160(%rsp)\n"
        "  movaps %xmm11, 176(%rsp)\n"
        "  movq -128(%rbp), %rdi\n"
        "  movq -120(%rbp), %rsi\n"
        "  movq -112(%rbp), %rdx\n"
        "  movq -104(%rbp), %rcx\n"
        "  movq -96(%rbp), %r8\n"
        "  movq -88(%rbp), %r9\n"
        "  movq -80(%rbp), %rax\n"
        "  movq -72(%rbp), %r10\n"
        "  call *%r11\n"
        "  movq %rax, -64(%rbp)\n"
        "  movq %rdx, -56(%rbp)\n"
        "  leaq -128(%rbp), %rdi\n"
        "  call trace_leave\n"
        "  movq -64(%rbp), %rax\n"
        "  movq -56(%rbp), %rdx\n"
        "  leave\n"
        "  .cfi_def_cfa 7, 8\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size trace_stub_common, .-trace_stub_common\n"

        /* A thread's first call: ordinary C, so the argument registers are put aside. */
        ".globl trace_take_ring\n"
        ".hidden trace_take_ring\n"
        ".type trace_take_ring,@function\n"
        "trace_take_ring:\n"
        ".cfi_startproc\n"
        "  subq $136, %rsp\n"
        "  .cfi_def_cfa_offset 144\n"
        "  movaps %xmm0, (%rsp)\n"
        "  movaps %xmm1, 16(%rsp)\n"
        "  movaps %xmm2, 32(%rsp)\n"
        "  movaps %xmm3, 48(%rsp)\n"
        "  movaps %xmm4, 64(%rsp)\n"
        "  movaps %xmm5, 80(%rsp)\n"
        "  movaps %xmm6, 96(%rsp)\n"
        "  movaps %xmm7, 112(%rsp)\n"
        "  call hsp_writer_take_ring\n"
        "  movaps (%rsp), %xmm0\n"
        "  movaps 16(%rsp), %xmm1\n"
        "  movaps 32(%rsp), %xmm2\n"
        "  movaps 48(%rsp), %xmm3\n"
        "  movaps 64(%rsp), %xmm4\n"
        "  movaps 80(%rsp), %xmm5\n"
        "  movaps 96(%rsp), %xmm6\n"
        "  movaps 112(%rsp), %xmm7\n"
        "  addq $136, %rsp\n"
        "  .cfi_def_cfa_offset 8\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size trace_take_ring, .-trace_take_ring\n");

void trace_stub_common(void);

/* Memory of a block: code pages | one data page with the address of the common code | the session's
 * page, shared, whose first word is the flag. The functions themselves stand in an array. */
struct trace_block {
    uint8_t *code;
    uint64_t code_bytes;
    uint32_t count;
    uint32_t capacity;
    struct trace_function *functions;
};

static void *raw_mmap(void *at, uint64_t bytes, int flags, int fd) {
    const long address = syscall(SYS_mmap, at, bytes, PROT_READ | PROT_WRITE, flags, (long)fd, 0L);
    return address == -1 ? NULL : (void *)address;
}

static bool map_flag(void *at) {
    const int fd = (int)syscall(SYS_openat, -100, hsp_writer_session_path(), 2 /* O_RDWR */, 0);
    if (fd < 0)
        return false;
    const bool mapped = raw_mmap(at, PAGE, MAP_SHARED | MAP_FIXED, fd) != NULL;
    syscall(SYS_close, fd);
    return mapped;
}

struct trace_block *trace_block_create(uint32_t count) {
    struct trace_block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->capacity = count;
    block->code_bytes = ((uint64_t)count * STUB_BYTES + PAGE - 1) / PAGE * PAGE;
    block->functions = calloc(count ? count : 1, sizeof *block->functions);
    block->code = raw_mmap(NULL, block->code_bytes + 2 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!block->functions || !block->code || !map_flag(block->code + block->code_bytes + PAGE)) {
        if (block->code)
            syscall(SYS_munmap, block->code, block->code_bytes + 2 * PAGE);
        free(block->functions);
        free(block);
        return NULL;
    }
    *(void **)(block->code + block->code_bytes) = (void *)trace_stub_common;
    return block;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t count) {
    memcpy(at, bytes, count);
    return at + count;
}

// The last four bytes of an instruction are the distance of `target` from its end, or from `skip`
// bytes further where an operand follows.
static uint8_t *put_distance(uint8_t *at, const uint8_t *target, int skip) {
    const int32_t distance = (int32_t)(target - (at + 4 + skip));
    return put(at, &distance, sizeof distance);
}

static void *write_stub(struct trace_block *block, struct trace_function *function, bool always) {
    uint8_t *const start = block->code + (uint64_t)block->count * STUB_BYTES;
    uint8_t *const data = block->code + block->code_bytes;
    uint8_t *at = put(start, "\xf3\x0f\x1e\xfa", 4); // endbr64
    uint8_t *jump = NULL;
    if (!always) {
        at = put(at, "\x83\x3d", 2); // cmpl $0, flag(%rip)
        at = put_distance(at, data + PAGE, 1);
        *at++ = 0;
        at = put(at, "\x74\x00", 2); // je direct
        jump = at - 1;
    }
    at = put(at, "\x49\xbb", 2); // movabs $function, %r11
    at = put(at, &function, sizeof function);
    at = put(at, "\xff\x25", 2); // jmp *common(%rip)
    at = put_distance(at, data, 0);
    if (jump) {
        *jump = (uint8_t)(at - (jump + 1));
        at = put(at, "\x49\xbb", 2); // direct: movabs $original, %r11
        at = put(at, &function->original, sizeof function->original);
        put(at, "\x41\xff\xe3", 3); // jmp *%r11
    }
    return start;
}

void *trace_block_add(struct trace_block *block, enum hsp_trace_layer layer, const char *name,
                      void *original, uint16_t *id) {
    const struct hsp_session_page *page = hsp_session_page;
    const bool is_start = page->start_calls && strcmp(page->start_name, name) == 0;
    const bool is_stop = page->stop_calls && strcmp(page->stop_name, name) == 0;
    const bool trigger = is_start || is_stop;
    if (block->count == block->capacity || (!trigger && !hsp_writer_wants(name)))
        return NULL;
    if (*id == HSP_TRACE_NO_ID && (*id = hsp_writer_name(layer, name)) == HSP_TRACE_NO_ID)
        return NULL;
    struct trace_function *function = &block->functions[block->count];
    *function = (struct trace_function){
        .original = original,
        .id = *id,
        .details = {TRACE_NO_DETAIL, TRACE_NO_DETAIL},
        .is_root = layer == HSP_LAYER_HIP,
        .is_start = is_start,
        .is_stop = is_stop,
    };
    trace_hooks_set(function, name);
    void *stub = write_stub(block, function, trigger);
    block->count++;
    return stub;
}

void trace_block_finish(struct trace_block *block) {
    syscall(SYS_mprotect, block->code, block->code_bytes, PROT_READ | PROT_EXEC);
}

static void do_nothing(void) {}

static uint64_t median_length(struct hsp_trace_ring *ring) {
    enum { LONGEST = 4096 };
    uint32_t counts[LONGEST] = {0};
    for (uint32_t i = 0; i < COST_CALLS; i++) {
        const struct hsp_trace_event *event = &hsp_trace_events(ring)[i];
        const uint64_t length = event->end_ticks - event->start_ticks;
        counts[length < LONGEST ? length : LONGEST - 1]++;
    }
    uint64_t length = 0;
    for (uint32_t below = counts[0]; below <= COST_CALLS / 2; below += counts[length])
        length++;
    return length;
}

// Into a ring that nobody reads, so that the record shows nothing of it.
static void measure_in(struct hsp_trace_ring *scratch, void (*stub)(void)) {
    struct hsp_trace_ring *own = hsp_thread_ring;
    hsp_thread_ring = scratch;
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < 8; round++) {
        scratch->ring.tail = scratch->ring.head;
        const uint64_t start = hsp_writer_clock();
        for (uint32_t i = 0; i < COST_CALLS / 8; i++)
            stub();
        const uint64_t each = (hsp_writer_clock() - start) / (COST_CALLS / 8);
        best = each < best ? each : best;
    }
    hsp_thread_ring = own;
    const uint64_t inside = median_length(scratch);
    hsp_process_page->inside_ticks = inside;
    hsp_process_page->outside_ticks = best > inside ? best - inside : 0;
}

void trace_measure_cost(void) {
    const uint64_t bytes = hsp_trace_ring_bytes(COST_RING_EVENTS);
    struct hsp_trace_ring *scratch =
        raw_mmap(NULL, bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
    struct trace_block *block = scratch ? trace_block_create(1) : NULL;
    if (block) {
        scratch->ring.capacity = COST_RING_EVENTS;
        block->functions[0].original = (void *)do_nothing;
        void (*stub)(void) = (void (*)(void))write_stub(block, block->functions, true);
        trace_block_finish(block);
        measure_in(scratch, stub);
        syscall(SYS_munmap, block->code, block->code_bytes + 2 * PAGE);
        free(block->functions);
        free(block);
    }
    if (scratch)
        syscall(SYS_munmap, scratch, bytes);
}
