/* SPDX-License-Identifier: MIT */
/// Application memory that goes away under the device: every way to reach it stops the wave at the
/// instruction, with the lowest lane that touches the missing page and that lane's first byte
/// there. The same for addresses that the map does not have and for the end of an interval.
#include "assemble.h"
#include "program.h"

#include "softgpu/mem/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define USER_VA UINT64_C(0x7f0002000000)
enum { PAGE = 4096, PAGES = 4 };

static uint8_t *user;

static void on_fault(int number, siginfo_t *info, void *context) {
    sg_guard_handle(info->si_addr, context);
    signal(number, SIG_DFL);
}

static int set_up(void **state) {
    program_set_up(state);
    user = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(user != MAP_FAILED);
    sg_vm_map(bench->vm, &(struct sg_vm_range){USER_VA, PAGES * PAGE, user,
                                               SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR});
    return 0;
}

static int tear_down(void **state) {
    munmap(user, PAGES * PAGE);
    return program_tear_down(state);
}

struct access {
    const char *text; ///< address in v[0:1]; v2 is the offset from s[0:1]
    uint32_t bytes;
    bool is_write;
};

static const struct access accesses[] = {
    {"global_load_dword v4, v[0:1], off", 4, false},
    {"global_load_dwordx4 v[4:7], v[0:1], off", 16, false},
    {"global_load_ubyte v4, v[0:1], off", 1, false},
    {"global_load_dword v4, v2, s[0:1]", 4, false},
    {"flat_load_dwordx2 v[4:5], v[0:1]", 8, false},
    {"global_store_dword v[0:1], v8, off", 4, true},
    {"global_store_short v2, v8, s[0:1]", 2, true},
    {"flat_store_dwordx3 v[0:1], v[8:10]", 12, true},
    {"global_atomic_add v4, v[0:1], v8, off glc", 4, true},
};

/* Lane addresses begin at `first` and go on by `step`. */
static void check(const struct access *access, uint64_t first, uint32_t step, uint64_t exec) {
    uint64_t missing = USER_VA + 2 * PAGE, va = 0;
    uint32_t lane = 64;
    bench_reset(bench);
    sg_wave_set_s64(&bench->wave, 0, USER_VA);
    sg_wave_set_exec(&bench->wave, exec);
    for (uint32_t i = SG_LANES; i-- > 0;) {
        uint64_t at = first + (uint64_t)i * step;
        bench->wave.v[0][i] = (uint32_t)at;
        bench->wave.v[1][i] = (uint32_t)(at >> 32);
        bench->wave.v[2][i] = (uint32_t)(at - USER_VA);
        if ((exec >> i & 1) && at + access->bytes > missing) {
            lane = i;
            va = at > missing ? at : missing;
        }
    }
    assert_int_equal(bench_run(bench), lane == 64 ? SG_WAVE_ENDED : SG_WAVE_FAULTED);
    if (lane == 64)
        return;
    const struct sg_fault *fault = &bench->wave.fault;
    if (fault->lane != lane || fault->va != va || fault->pc != BENCH_CODE_VA + 4 ||
        fault->cause != SG_FAULT_MEMORY_UNMAPPED || fault->is_write != access->is_write)
        fail_msg("%s step %u: lane %u va +%llx pc +%llx cause %d write %d, not lane %u va +%llx",
                 access->text, step, fault->lane, (unsigned long long)(fault->va - USER_VA),
                 (unsigned long long)(fault->pc - BENCH_CODE_VA), fault->cause, fault->is_write,
                 lane, (unsigned long long)(va - USER_VA));
}

static void check_all(void) {
    for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++) {
        uint32_t bytes = accesses[i].bytes, aligned = bytes == 12 ? 4 : bytes;
        uint64_t end = USER_VA + 2 * PAGE;
        uint32_t words[8];
        size_t count = assemble(accesses[i].text, words, 8);
        bench_place(bench, 0, (const uint32_t[]){0xbf800000}, 1); // the access is at 4
        bench_place(bench, 4, words, count);
        bench_place(bench, 4 + count * 4, (const uint32_t[]){0xbf810000}, 1);
        check(&accesses[i], end - 40 * bytes - (40 * bytes) % aligned, bytes, ~0ull); // consecutive
        check(&accesses[i], end - 23 * 48, 48, ~0ull);                                // strided
        check(&accesses[i], end - 23 * 48, 48, 0xf0f0f0f000000000);
        check(&accesses[i], end - 8 * 16, 16, 0x00000000000000ff); // all before the page
        check(&accesses[i], end + 16, 0, 0x8000000000000000);      // one lane
    }
}

static void vanished_pages_name_the_lane(void **state) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;
    (void)state;
    sigaction(SIGSEGV, &action, &old); // cmocka has its own around each test
    mprotect(user + 2 * PAGE, PAGE, PROT_NONE);
    check_all();
    mprotect(user + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &old, NULL);
}

static void the_end_of_an_interval_names_the_lane(void **state) {
    (void)state;
    sg_vm_unmap(bench->vm, USER_VA, PAGES * PAGE);
    sg_vm_map(bench->vm, &(struct sg_vm_range){USER_VA, 2 * PAGE, user,
                                               SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR});
    check_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vanished_pages_name_the_lane),
        cmocka_unit_test(the_end_of_an_interval_names_the_lane),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
