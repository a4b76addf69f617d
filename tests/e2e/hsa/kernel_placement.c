/* SPDX-License-Identifier: MIT */
/// CU masks and priorities: a masked queue's kernels run on the units of the mask and on no other,
/// as many work-groups at once as those hold; of two queues that compete, the one of higher
/// priority gets done first. HSA_CU_MASK limits every queue.
#include "e2e.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>

enum { UNITS_MAX = 256, GROUP = 1024 };

static struct e2e e2e;
static struct e2e_kernel where_am_i, progress;

struct where {
    uint32_t *rows, *arrived;
    uint32_t wanted;
    uint32_t *peak;
};

/// The unit that HW_ID names, numbered as the mask's bits are: over the 8 shader engines first.
static uint32_t unit_of(uint32_t hw_id) {
    const uint32_t unit = hw_id >> 8 & 0xf, array = hw_id >> 12 & 1, engine = hw_id >> 13 & 7;
    CHECK(array == 0, "shader array %u", array);
    return unit * 8 + engine;
}

/// Runs `groups` work-groups of `items`, of which `wanted` must be there at the same time; counts
/// in out_units how many ran on each unit. Returns the most that were there at once.
static uint32_t run(hsa_queue_t *queue, uint32_t groups, uint16_t items, uint32_t wanted,
                    uint32_t out_units[UNITS_MAX]) {
    struct where *args = e2e_alloc(&e2e, e2e.kernarg, sizeof *args);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, (groups + 8) * sizeof *memory);
    const hsa_signal_t done = e2e_signal(1);
    *args = (struct where){memory + 8, memory, wanted, memory + 2};
    e2e_dispatch(queue, &where_am_i, groups * items, items, args, done);
    e2e_wait(done);
    memset(out_units, 0, UNITS_MAX * sizeof *out_units);
    for (uint32_t i = 0; i < groups; ++i) {
        out_units[unit_of(memory[8 + i])]++;
    }
    const uint32_t peak = memory[3];
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(memory));
    HSA(hsa_amd_memory_pool_free(args));
    return peak;
}

static void unmasked_queue_uses_every_unit(uint32_t units) {
    uint32_t on[UNITS_MAX];
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    CHECK(run(queue, units, 64, units, on) == units, "not all at once");
    for (uint32_t unit = 0; unit < units; ++unit) {
        CHECK(on[unit] == 1, "unit %u had %u work-groups", unit, on[unit]);
    }
    HSA(hsa_queue_destroy(queue));
}

static void mask_limits_units_and_concurrency(void) {
    static const struct {
        uint32_t mask[4];
    } rows[] = {
        {{1, 0, 0, 0}},          {{0x80000000, 0, 0, 0}}, {{0xff, 0, 0, 0}},
        {{0x01010101, 0, 0, 0}}, {{0, 0, 0, 0x80}},       {{0x10f0, 0x3, 0x40000000, 1}},
    };
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; ++row) {
        uint32_t mask[4], on[UNITS_MAX], allowed = 0;
        HSA(hsa_amd_queue_cu_set_mask(queue, 128, rows[row].mask));
        HSA(hsa_amd_queue_cu_get_mask(queue, 128, mask));
        CHECK(memcmp(mask, rows[row].mask, sizeof mask) == 0, "row %zu: mask reads back %x %x", row,
              mask[0], mask[1]);
        for (int i = 0; i < 4; ++i) {
            allowed += (uint32_t)__builtin_popcount(mask[i]);
        }
        // Two work-groups of 16 waves fill a unit. As many as fit must be there at once, and more
        // never are.
        const uint32_t fit = 2 * allowed;
        const uint32_t peak = run(queue, fit + 6, GROUP, fit, on);
        CHECK(peak == fit, "row %zu: %u at once, %u fit", row, peak, fit);
        for (uint32_t unit = 0; unit < UNITS_MAX; ++unit) {
            const bool is_allowed = unit < 128 && (mask[unit / 32] >> unit % 32 & 1);
            CHECK(is_allowed ? on[unit] >= 2 : on[unit] == 0, "row %zu: unit %u had %u", row, unit,
                  on[unit]);
        }
    }
    HSA(hsa_queue_destroy(queue));
}

static void mask_is_checked_and_removed(uint32_t units) {
    uint32_t on[UNITS_MAX];
    const uint32_t one[4] = {1, 0, 0, 0};
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    CHECK(hsa_amd_queue_cu_set_mask(queue, 31, one) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    CHECK(hsa_amd_queue_cu_set_mask(queue, 32, NULL) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    HSA(hsa_amd_queue_cu_set_mask(queue, 32, one));
    run(queue, 4, 64, 4, on);
    CHECK(on[0] == 4);
    HSA(hsa_amd_queue_cu_set_mask(queue, 0, NULL));
    CHECK(run(queue, units, 64, units, on) == units && on[units - 1] == 1,
          "the mask is still there");
    HSA(hsa_queue_destroy(queue));
}

/// HSA_CU_MASK of the environment: the child's queues may use units 2 to 5 only.
static int child_with_global_mask(void) {
    uint32_t on[UNITS_MAX], mask[4] = {0};
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    const uint32_t wish[4] = {0x18, 0, 0, 0}; // 3 and 4
    CHECK(run(queue, 20, GROUP, 8, on) == 8, "not the concurrency of four units");
    for (uint32_t unit = 0; unit < UNITS_MAX; ++unit) {
        CHECK((unit >= 2 && unit <= 5) == (on[unit] != 0), "unit %u had %u", unit, on[unit]);
    }
    HSA(hsa_amd_queue_cu_set_mask(queue, 128, wish));
    run(queue, 8, GROUP, 4, on);
    CHECK(on[3] + on[4] == 8, "%u and %u", on[3], on[4]);
    const uint32_t too_much[4] = {0x3, 0, 0, 0}; // 0 and 1: not given
    CHECK((int)hsa_amd_queue_cu_set_mask(queue, 128, too_much) == (int)HSA_STATUS_CU_MASK_REDUCED);
    HSA(hsa_amd_queue_cu_get_mask(queue, 128, mask));
    CHECK((mask[0] & 0x3) == 0, "mask %x", mask[0]);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}

static void global_mask(void) {
    struct e2e_child child;
    setenv("HSA_CU_MASK", "0:2-5", 1);
    e2e_child("global_mask", E2E_WAIT_SECONDS, NULL, NULL, &child);
    unsetenv("HSA_CU_MASK");
    CHECK(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0, "status 0x%x: %s",
          child.status, child.output);
}

struct work {
    uint32_t *done;
    uint32_t rounds;
    uint32_t *sink;
    const uint32_t *other;
    uint32_t *seen;
};

enum { ITEMS = 256, FEW = 192, MANY = 4096 };

/// Rounds for which FEW work-groups take some slices of time, however many run at once.
static uint32_t rounds_for_slices(void) {
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0, "affinity");
    return 200 + 100 * (uint32_t)CPU_COUNT(&set);
}

/// Two launches, of which one would run for long. Returns how many work-groups of that came to
/// their end while FEW of the other did, as the device saw it.
static uint32_t others_progress(hsa_amd_queue_priority_t low, hsa_amd_queue_priority_t high) {
    hsa_queue_t *queues[2] = {e2e_queue(&e2e, 64), e2e_queue(&e2e, 64)};
    uint32_t *done = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t *sink = e2e_alloc(&e2e, e2e.host, MANY * 4);
    uint32_t *seen = e2e_alloc(&e2e, e2e.host, MANY * 4);
    struct work *args = e2e_alloc(&e2e, e2e.kernarg, 2 * sizeof *args);
    const hsa_signal_t signal = e2e_signal(1);
    HSA(hsa_amd_queue_set_priority(queues[0], low));
    HSA(hsa_amd_queue_set_priority(queues[1], high));
    const uint32_t rounds = rounds_for_slices();
    args[0] = (struct work){done, rounds, sink, done, sink};
    args[1] = (struct work){done + 64, rounds, sink, done, seen};
    e2e_dispatch(queues[0], &progress, MANY * ITEMS, ITEMS, &args[0], (hsa_signal_t){0});
    while (__atomic_load_n(done, __ATOMIC_ACQUIRE) == 0) {
    }
    e2e_dispatch(queues[1], &progress, FEW * ITEMS, ITEMS, &args[1], signal);
    e2e_wait(signal);
    HSA(hsa_queue_destroy(queues[0])); // in the middle of its launch
    HSA(hsa_queue_destroy(queues[1]));
    uint32_t first = UINT32_MAX, last = 0;
    for (int i = 0; i < FEW; ++i) {
        first = seen[i] < first ? seen[i] : first;
        last = seen[i] > last ? seen[i] : last;
    }
    HSA(hsa_signal_destroy(signal));
    HSA(hsa_amd_memory_pool_free(args));
    HSA(hsa_amd_memory_pool_free(done));
    HSA(hsa_amd_memory_pool_free(sink));
    HSA(hsa_amd_memory_pool_free(seen));
    return last - first;
}

static void priority_decides_who_gets_the_units(hsa_amd_queue_priority_t low,
                                                hsa_amd_queue_priority_t high) {
    const uint32_t others = others_progress(low, high);
    CHECK(others < FEW / 2, "%u work-groups of the queue of low priority beside %d", others, FEW);
}

/// A kernel of high priority that waits for one of low priority must not keep it from running.
static void priority_does_not_starve(void) {
    struct e2e_kernel wait_flag;
    e2e_kernel(&e2e, "wait_flag", &wait_flag);
    enum { GROUPS = 64 };
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 65536);
    struct work *work = e2e_alloc(&e2e, e2e.kernarg, 4096);
    struct {
        uint32_t *flag;
        uint32_t wanted;
        uint32_t *seen;
    } *wait = (void *)(work + 1);
    hsa_queue_t *high = e2e_queue(&e2e, 64), *low = e2e_queue(&e2e, 64);
    const hsa_signal_t high_done = e2e_signal(1), low_done = e2e_signal(1);
    HSA(hsa_amd_queue_set_priority(high, HSA_AMD_QUEUE_PRIORITY_HIGH));
    HSA(hsa_amd_queue_set_priority(low, HSA_AMD_QUEUE_PRIORITY_LOW));
    *work = (struct work){memory, 200, memory + 1024, memory, memory + 2048};
    wait->flag = memory;
    wait->wanted = GROUPS;
    wait->seen = memory + 1;
    e2e_dispatch(high, &wait_flag, 1, 1, wait, high_done);
    e2e_dispatch(low, &progress, GROUPS * ITEMS, ITEMS, work, low_done);
    e2e_wait(high_done);
    e2e_wait(low_done);
    CHECK(memory[1] == GROUPS);
    HSA(hsa_signal_destroy(high_done));
    HSA(hsa_signal_destroy(low_done));
    HSA(hsa_queue_destroy(high));
    HSA(hsa_queue_destroy(low));
}

int main(int argc, char **argv) {
    uint32_t units;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "where_am_i", &where_am_i);
    e2e_kernel(&e2e, "progress", &progress);
    if (argc > 1 && strcmp(argv[1], "global_mask") == 0) {
        return child_with_global_mask();
    }
    HSA(hsa_agent_get_info(e2e.gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT,
                           &units));
    unmasked_queue_uses_every_unit(units);
    mask_limits_units_and_concurrency();
    mask_is_checked_and_removed(units);
    global_mask();
    priority_decides_who_gets_the_units(HSA_AMD_QUEUE_PRIORITY_LOW, HSA_AMD_QUEUE_PRIORITY_NORMAL);
    priority_decides_who_gets_the_units(HSA_AMD_QUEUE_PRIORITY_NORMAL, HSA_AMD_QUEUE_PRIORITY_HIGH);
    priority_does_not_starve();
    e2e_close();
    return 0;
}
