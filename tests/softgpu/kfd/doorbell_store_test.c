/* SPDX-License-Identifier: MIT */
/* A trapped store does to memory and registers what the same instruction does elsewhere. */
#include "doorbell_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { WINDOW = 128, OFFSET = 512 };

/// Registers that the instruction under test uses.
struct registers {
    uint64_t rax, rbx, r9;
};

/* Runs `text` with rdi = the place, rax, rbx, r9 and xmm1, xmm9 loaded; rsi = 3 as an index. */
#define CASE(name, text)                                                                           \
    static void name(uint8_t *place, struct registers *r) {                                        \
        __asm__ volatile("movq %%rax, %%xmm1\n\t"                                                  \
                         "movq %%rbx, %%xmm9\n\t"                                                  \
                         "punpcklqdq %%xmm9, %%xmm1\n\t"                                           \
                         "movdqa %%xmm1, %%xmm9\n\t"                                               \
                         "movq %[r9], %%r9\n\t" text "\n\t"                                        \
                         "movq %%r9, %[r9]"                                                        \
                         : "+a"(r->rax), "+b"(r->rbx), [r9] "+m"(r->r9)                            \
                         : "D"(place), "S"(UINT64_C(3))                                            \
                         : "r9", "xmm1", "xmm9", "memory", "cc");                                  \
    }

CASE(mov_64, "movq %%rax, (%%rdi)")
CASE(mov_64_high_register, "movq %%r9, 8(%%rdi)")
CASE(mov_64_indexed, "movq %%rax, 16(%%rdi,%%rsi,8)")
CASE(mov_64_far, "movq %%rax, 0x40(%%rdi)")
CASE(mov_64_long_displacement, ".byte 0x48, 0x89, 0x87, 8, 0, 0, 0")
CASE(mov_32, "movl %%eax, 4(%%rdi)")
CASE(mov_32_high_register, "movl %%r9d, 4(%%rdi)")
CASE(mov_16, "movw %%ax, 2(%%rdi)")
CASE(mov_8, "movb %%al, 1(%%rdi)")
CASE(mov_8_ah, "movb %%ah, 1(%%rdi)")
CASE(mov_8_r9, "movb %%r9b, 1(%%rdi)")
CASE(mov_imm_64, "movq $-5, (%%rdi)")
CASE(mov_imm_32, "movl $0x12345678, (%%rdi)")
CASE(mov_imm_16, "movw $0x1234, (%%rdi)")
CASE(mov_imm_8, "movb $0x12, (%%rdi)")
CASE(movnti_64, "movnti %%rax, (%%rdi)")
CASE(movnti_32, "movnti %%eax, (%%rdi)")
CASE(xchg_64, "xchgq %%rax, (%%rdi)")
CASE(xchg_32, "xchgl %%eax, (%%rdi)")
CASE(xchg_16, "xchgw %%ax, (%%rdi)")
CASE(xchg_8_ah, "xchgb %%ah, (%%rdi)")
CASE(lock_add_64, "lock addq %%rax, (%%rdi)")
CASE(lock_add_32, "lock addl %%eax, (%%rdi)")
CASE(lock_xadd_64, "lock xaddq %%rax, (%%rdi)")
CASE(lock_xadd_32, "lock xaddl %%r9d, (%%rdi)")
CASE(movq_xmm, "movq %%xmm1, (%%rdi)")
CASE(movd_xmm, "movd %%xmm9, (%%rdi)")
CASE(movlps, "movlps %%xmm9, (%%rdi)")
CASE(movsd, "movsd %%xmm1, (%%rdi)")
CASE(movups, "movups %%xmm9, 4(%%rdi)")
CASE(movdqa, "movdqa %%xmm1, (%%rdi)")
CASE(movdqu, "movdqu %%xmm1, 3(%%rdi)")
CASE(movntdq, "movntdq %%xmm9, (%%rdi)")
CASE(vmovq, "vmovq %%xmm9, (%%rdi)")
CASE(vmovups, "vmovups %%xmm1, (%%rdi)")
/* Not decoded: the page opens for it. */
CASE(cmpxchg, "movq (%%rdi), %%rax\n\tlock cmpxchgq %%rbx, (%%rdi)")
CASE(or_64, "orq %%rbx, (%%rdi)")
CASE(inc_32, "lock incl (%%rdi)")

static const struct {
    const char *name;
    void (*run)(uint8_t *, struct registers *);
    bool needs_avx;
} cases[] = {
#define ROW(name)                                                                                  \
    { #name, name, false }
    ROW(mov_64),
    ROW(mov_64_high_register),
    ROW(mov_64_indexed),
    ROW(mov_64_far),
    ROW(mov_64_long_displacement),
    ROW(mov_32),
    ROW(mov_32_high_register),
    ROW(mov_16),
    ROW(mov_8),
    ROW(mov_8_ah),
    ROW(mov_8_r9),
    ROW(mov_imm_64),
    ROW(mov_imm_32),
    ROW(mov_imm_16),
    ROW(mov_imm_8),
    ROW(movnti_64),
    ROW(movnti_32),
    ROW(xchg_64),
    ROW(xchg_32),
    ROW(xchg_16),
    ROW(xchg_8_ah),
    ROW(lock_add_64),
    ROW(lock_add_32),
    ROW(lock_xadd_64),
    ROW(lock_xadd_32),
    ROW(movq_xmm),
    ROW(movd_xmm),
    ROW(movlps),
    ROW(movsd),
    ROW(movups),
    ROW(movdqa),
    ROW(movdqu),
    ROW(movntdq),
    {"vmovq", vmovq, true},
    {"vmovups", vmovups, true},
    ROW(cmpxchg),
    ROW(or_64),
    ROW(inc_32),
};

static struct doorbell_fixture fixture;

static void stores_do_what_the_processor_does(void **state) {
    (void)state;
    doorbell_fixture_install_handler();
    assert_true(doorbell_fixture_init(&fixture, SG_DOORBELL_TRAP, 1));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _Alignas(64) uint8_t expected[WINDOW];
        uint8_t *seen = fixture.device_page + OFFSET;
        struct registers native = {UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00),
                                   UINT64_C(0x0f1e2d3c4b5a6978)};
        struct registers trapped = native;
        if (cases[i].needs_avx && !__builtin_cpu_supports("avx"))
            continue;
        for (int j = 0; j < WINDOW; j++)
            expected[j] = seen[j] = (uint8_t)(j * 3 + 1);
        /* Wait until the page is closed again after an instruction that was let through. */
        const uint64_t before = sg_doorbell_caller_ns();
        for (int j = 0; j < 1000 && sg_doorbell_caller_ns() == before; j++) {
            sleep_ms(1);
            *(volatile uint64_t *)(void *)(fixture.app_page + 4096) = 1;
        }
        const uint64_t trapped_ns = sg_doorbell_caller_ns();
        cases[i].run(expected, &native);
        cases[i].run(fixture.app_page + OFFSET, &trapped);
        if (memcmp(expected, seen, WINDOW) != 0)
            fail_msg("%s: memory differs", cases[i].name);
        if (memcmp(&native, &trapped, sizeof native) != 0)
            fail_msg("%s: registers differ", cases[i].name);
        if (sg_doorbell_caller_ns() == trapped_ns)
            fail_msg("%s: was not trapped", cases[i].name);
    }
    doorbell_fixture_fini(&fixture);
}

static void instruction_is_read_up_to_the_end_of_its_page_only(void **state) {
    (void)state;
    enum { PAGE = 4096 };
    /* mov %rsi, (%rdi); ret, at the very end of a page with nothing behind it. */
    static const uint8_t code[] = {0x48, 0x89, 0x37, 0xc3};
    uint8_t *pages =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*store)(uint64_t *, uint64_t);
    assert_true(pages != MAP_FAILED);
    memcpy(pages + PAGE - sizeof code, code, sizeof code);
    assert_int_equal(mprotect(pages, PAGE, PROT_READ | PROT_EXEC), 0);
    assert_int_equal(munmap(pages + PAGE, PAGE), 0);
    const void *entry = pages + PAGE - sizeof code;
    memcpy(&store, &entry, sizeof store);
    doorbell_fixture_install_handler();
    assert_true(doorbell_fixture_init(&fixture, SG_DOORBELL_TRAP, 1));
    store((uint64_t *)(void *)(fixture.app_page + OFFSET), 4711);
    assert_int_equal(*(uint64_t *)(void *)(fixture.device_page + OFFSET), 4711);
    doorbell_fixture_fini(&fixture);
    munmap(pages, PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_do_what_the_processor_does),
        cmocka_unit_test(instruction_is_read_up_to_the_end_of_its_page_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
