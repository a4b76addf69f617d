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

/* How a lane's bytes lie: in one piece, or as private memory: the dwords of the lanes beside each
 * other. */
enum kind { LINEAR, PRIVATE, TEXEL };

struct access {
    const char *text;
    uint32_t bytes;
    bool is_write;
    enum kind kind;
};

/* v[0:1]: the address; v2: the offset from USER_VA, or in private memory; v[12:13] and v[14:15]:
 * the coordinates of a texel, and as floats. s[0:1] and flat_scratch: USER_VA. s[8:11]: all of it
 * as a buffer, s[12:15]: as private memory, s[36:39]: as a buffer of dwords; s[16:23]: as an image
 * with a page per row; s[24:27]: a sampler of unnormalised coordinates. */
static const struct access accesses[] = {
    {"global_load_dword v4, v[0:1], off", 4, false, LINEAR},
    {"global_load_dwordx4 v[4:7], v[0:1], off", 16, false, LINEAR},
    {"global_load_dwordx4 v[0:3], v[0:1], off", 16, false, LINEAR},
    {"global_load_ubyte v4, v[0:1], off", 1, false, LINEAR},
    {"global_load_dword v4, v2, s[0:1]", 4, false, LINEAR},
    {"flat_load_dwordx2 v[4:5], v[0:1]", 8, false, LINEAR},
    {"global_store_dword v[0:1], v8, off", 4, true, LINEAR},
    {"global_store_short v2, v8, s[0:1]", 2, true, LINEAR},
    {"flat_store_dwordx3 v[0:1], v[8:10]", 12, true, LINEAR},
    {"global_atomic_add v4, v[0:1], v8, off glc", 4, true, LINEAR},
    {"buffer_load_dword v4, v2, s[8:11], 0 offen", 4, false, LINEAR},
    {"buffer_load_dwordx4 v[2:5], v2, s[8:11], 0 offen", 16, false, LINEAR},
    {"buffer_store_short v8, v2, s[8:11], 0 offen", 2, true, LINEAR},
    {"buffer_atomic_add_x2 v[8:9], v2, s[8:11], 0 offen", 8, true, LINEAR},
    {"buffer_load_format_x v4, v2, s[36:39], 0 offen", 4, false, LINEAR},
    {"buffer_store_format_x v8, v2, s[36:39], 0 offen", 4, true, LINEAR},
    {"tbuffer_load_format_xyzw v[4:7], v2, s[8:11], 0 "
     "format:[BUF_DATA_FORMAT_32_32_32_32,BUF_NUM_FORMAT_UINT] offen",
     16, false, LINEAR},
    {"buffer_load_dword v4, v2, s[12:15], 0 offen", 4, false, PRIVATE},
    {"buffer_load_dwordx4 v[4:7], v2, s[12:15], 0 offen", 16, false, PRIVATE},
    {"buffer_store_dwordx2 v[8:9], v2, s[12:15], 0 offen", 8, true, PRIVATE},
    {"buffer_store_byte v8, v2, s[12:15], 0 offen", 1, true, PRIVATE},
    {"scratch_load_dword v4, v2, off", 4, false, PRIVATE},
    {"scratch_load_dwordx3 v[4:6], v2, off", 12, false, PRIVATE},
    {"scratch_store_dwordx4 v2, v[8:11], off", 16, true, PRIVATE},
    {"image_load v4, v[12:13], s[16:23] dmask:0x1 unorm", 4, false, TEXEL},
    {"image_store v8, v[12:13], s[16:23] dmask:0x1 unorm", 4, true, TEXEL},
    {"image_atomic_umax v8, v[12:13], s[16:23] dmask:0x1 unorm glc", 4, true, TEXEL},
    {"image_sample v4, v[14:15], s[16:23], s[24:27] dmask:0x1", 4, false, TEXEL},
};

static void take_descriptors(struct sg_wave *w) {
    const uint32_t low = (uint32_t)USER_VA, high = (uint32_t)(USER_VA >> 32);
    enum { SELECT_XYZW = 4 | 5 << 3 | 6 << 6 | 7 << 9, UINT_32 = 4 << 20 | 4 << 26 };
    const uint32_t buffer[] = {low, high, PAGES * PAGE, 0x00027000};
    const uint32_t lanes[] = {low, high | 1u << 31, PAGES * PAGE, 3u << 21 | 1u << 23};
    const uint32_t dwords[] = {low, high, PAGES * PAGE, SELECT_XYZW | 4 << 12 | 4 << 15};
    const uint32_t image[] = {(uint32_t)(USER_VA >> 8), (uint32_t)(USER_VA >> 40) | UINT_32,
                              (PAGE / 4 - 1) | (PAGES - 1) << 14, SELECT_XYZW | 9u << 28,
                              (PAGE / 4 - 1) << 13};
    enum { UNNORMALISED = 1 << 15 };
    sg_wave_set_s64(w, 0, USER_VA);
    sg_wave_set_s64(w, SG_FLAT_SCRATCH, USER_VA);
    memcpy(&w->s[8], buffer, sizeof buffer);
    memcpy(&w->s[12], lanes, sizeof lanes);
    memcpy(&w->s[16], image, sizeof image);
    memset(&w->s[21], 0, 7 * sizeof *w->s);
    w->s[24] = UNNORMALISED;
    memcpy(&w->s[36], dwords, sizeof dwords);
}

static void set_float(uint32_t *to, uint32_t value) {
    float f = (float)value;
    memcpy(to, &f, sizeof f);
}

static uint64_t byte_of(const struct access *access, uint32_t lane, uint64_t at, uint32_t byte) {
    if (access->kind != PRIVATE)
        return at + byte;
    uint64_t offset = at - USER_VA + byte;
    return USER_VA + 4 * lane + (offset & ~3ull) * 64 + (offset & 3);
}

/* Lane addresses begin at `first` and go on by `step`. */
static void check(const struct access *access, uint64_t first, uint32_t step, uint64_t exec) {
    uint64_t missing = USER_VA + 2 * PAGE, va = 0;
    uint32_t lane = 64;
    struct sg_wave *w = &bench->wave;
    bench_reset(bench);
    take_descriptors(w);
    sg_wave_set_exec(w, exec);
    for (uint32_t i = SG_LANES; i-- > 0;) {
        uint64_t at = first + (uint64_t)i * step;
        uint32_t offset = (uint32_t)(at - USER_VA);
        w->v[0][i] = (uint32_t)at;
        w->v[1][i] = (uint32_t)(at >> 32);
        w->v[2][i] = offset;
        w->v[12][i] = offset % PAGE / 4;
        w->v[13][i] = offset / PAGE;
        set_float(&w->v[14][i], offset % PAGE / 4);
        set_float(&w->v[15][i], offset / PAGE);
        for (uint32_t byte = access->bytes; exec >> i & 1 && byte-- > 0;)
            if (byte_of(access, i, at, byte) >= missing) {
                lane = i;
                va = byte_of(access, i, at, byte);
            }
    }
    assert_int_equal(bench_run(bench), lane == 64 ? SG_WAVE_ENDED : SG_WAVE_FAULTED);
    if (lane == 64)
        return;
    const struct sg_fault *fault = &w->fault;
    if (fault->lane != lane || fault->va != va || fault->pc != BENCH_CODE_VA + 4 ||
        fault->cause != SG_FAULT_MEMORY_UNMAPPED || fault->is_write != access->is_write)
        fail_msg("%s step %u: lane %u va +%llx pc +%llx cause %d write %d, not lane %u va +%llx",
                 access->text, step, fault->lane, (unsigned long long)(fault->va - USER_VA),
                 (unsigned long long)(fault->pc - BENCH_CODE_VA), fault->cause, fault->is_write,
                 lane, (unsigned long long)(va - USER_VA));
}

static void check_linear(const struct access *access) {
    uint32_t bytes = access->bytes, aligned = bytes == 12 ? 4 : bytes;
    uint64_t end = USER_VA + 2 * PAGE;
    check(access, end - 40 * bytes - (40 * bytes) % aligned, bytes, ~0ull); // consecutive
    check(access, end - 23 * 48, 48, ~0ull);                                // strided
    check(access, end - 23 * 48, 48, 0xf0f0f0f000000000);
    check(access, end - 8 * 16, 16, 0x00000000000000ff); // all before the page
    check(access, end + 16, 0, 0x8000000000000000);      // one lane
}

/* Two pages are 128 bytes of each lane's. */
static void check_private(const struct access *access) {
    uint32_t step = access->bytes < 4 ? 1 : 4;
    check(access, USER_VA + 112, 0, ~0ull);
    check(access, USER_VA + 124, 0, 0xffffff0000000000);
    check(access, USER_VA + 128, 0, ~0ull);
    check(access, USER_VA + 100, step, 0x000000000000ffff);
    check(access, USER_VA + 40, step, 0x000000000000000f); // all before the page
}

static void check_all(void) {
    for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++) {
        uint32_t words[8];
        size_t count = assemble(accesses[i].text, words, 8);
        bench_place(bench, 0, (const uint32_t[]){0xbf800000}, 1); // the access is at 4
        bench_place(bench, 4, words, count);
        bench_place(bench, 4 + count * 4, (const uint32_t[]){0xbf810000}, 1);
        if (accesses[i].kind == PRIVATE)
            check_private(&accesses[i]);
        else
            check_linear(&accesses[i]);
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
