/* SPDX-License-Identifier: MIT */
#include "softgpu/mem/access.h"
#include "softgpu/mem/tlb.h"
#include "softgpu/mem/vm.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t host_bytes[1 << 20];

static struct sg_vm_range range_at(uint64_t va, uint64_t bytes) {
    /* Host address derived from the GPU address, so that a lookup can be checked by itself. */
    return (struct sg_vm_range){.va = va,
                                .bytes = bytes,
                                .host = host_bytes + va % sizeof host_bytes,
                                .flags = SG_VM_READ | SG_VM_WRITE};
}

static int map(struct sg_vm *vm, uint64_t va, uint64_t bytes) {
    struct sg_vm_range range = range_at(va, bytes);
    return sg_vm_map(vm, &range);
}

static void finds_first_and_last_byte_and_nothing_outside(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_vm_range found;
    assert_false(sg_vm_find(vm, 0x1000, &found));
    assert_int_equal(map(vm, 0x1000, 0x2000), 0);
    assert_false(sg_vm_find(vm, 0xfff, &found));
    assert_true(sg_vm_find(vm, 0x1000, &found));
    assert_int_equal(found.va, 0x1000);
    assert_int_equal(found.bytes, 0x2000);
    assert_ptr_equal(found.host, host_bytes + 0x1000);
    assert_true(sg_vm_find(vm, 0x2fff, &found));
    assert_false(sg_vm_find(vm, 0x3000, &found));
    sg_vm_destroy(vm);
}

static void note_host(void *context, const void *host) {
    *(const void **)context = host;
}

static void doorbells_take_stores_alone(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_vm_range page = range_at(0x2000, 0x2000);
    const uint64_t value = 5;
    const void *rung = NULL;
    struct sg_tlb tlb;
    struct sg_access_fault fault;
    page.flags = SG_VM_READ | SG_VM_DOORBELL;
    assert_int_equal(sg_vm_map(vm, &page), 0);
    assert_int_equal(map(vm, 0x1000, 0x1000), 0);
    sg_tlb_init(&tlb, vm);
    assert_true(sg_access_write(&tlb, 0x2010, &value, sizeof value, &fault)); /* nobody to tell */
    sg_vm_on_doorbell(vm, note_host, &rung);
    assert_true(sg_access_write(&tlb, 0x2018, &value, sizeof value, &fault));
    assert_ptr_equal(rung, &host_bytes[0x2018]);
    assert_int_equal(host_bytes[0x2018], 5);
    assert_true(sg_access_write(&tlb, 0x1018, &value, sizeof value, &fault));
    assert_ptr_equal(rung, &host_bytes[0x2018]);
    /* What atomics use. */
    assert_null(sg_access_pointer(&tlb, 0x2018, 8, SG_VM_READ | SG_VM_WRITE, &fault));
    assert_int_equal(fault.cause, SG_ACCESS_READ_ONLY);
    sg_vm_destroy(vm);
}

static void refuses_empty_wrapping_and_overlapping(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    assert_int_equal(map(vm, 0x1000, 0), -EINVAL);
    assert_int_equal(map(vm, UINT64_MAX - 0xfff, 0x2000), -EINVAL);
    assert_int_equal(map(vm, UINT64_MAX - 0xfff, 0x1000), 0);
    assert_int_equal(map(vm, 0x10000, 0x1000), 0);
    assert_int_equal(map(vm, 0x10000, 0x1000), -EEXIST);
    assert_int_equal(map(vm, 0xffff, 2), -EEXIST);
    assert_int_equal(map(vm, 0x10fff, 1), -EEXIST);
    assert_int_equal(map(vm, 0x10400, 8), -EEXIST);
    assert_int_equal(map(vm, 0xf000, 0x3000), -EEXIST);
    assert_int_equal(map(vm, 0xf000, 0x1000), 0);
    assert_int_equal(map(vm, 0x11000, 0x1000), 0);
    sg_vm_destroy(vm);
}

static void unmaps_only_what_was_mapped_and_changes_the_generation(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_vm_range found;
    map(vm, 0x1000, 0x2000);
    uint64_t generation = sg_vm_generation(vm);
    assert_int_equal(sg_vm_unmap(vm, 0x1000, 0x1000), -ENOENT);
    assert_int_equal(sg_vm_unmap(vm, 0x2000, 0x1000), -ENOENT);
    assert_int_equal(sg_vm_generation(vm), generation);
    assert_int_equal(sg_vm_unmap(vm, 0x1000, 0x2000), 0);
    assert_int_not_equal(sg_vm_generation(vm), generation);
    assert_false(sg_vm_find(vm, 0x1000, &found));
    assert_int_equal(sg_vm_unmap(vm, 0x1000, 0x2000), -ENOENT);
    sg_vm_destroy(vm);
}

static void host_spans_adjacent_ranges_only_where_the_host_is_contiguous(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    uint64_t fault_va = 0;
    map(vm, 0x1000, 0x1000);
    map(vm, 0x2000, 0x1000);
    assert_ptr_equal(sg_vm_host(vm, 0x1800, 0x1800, SG_VM_WRITE, NULL), host_bytes + 0x1800);
    assert_null(sg_vm_host(vm, 0x1800, 0x1801, SG_VM_READ, &fault_va));
    assert_int_equal(fault_va, 0x3000);
    struct sg_vm_range other = {0x3000, 0x1000, host_bytes + 0x8000, SG_VM_READ};
    sg_vm_map(vm, &other);
    assert_null(sg_vm_host(vm, 0x2fff, 2, SG_VM_READ, &fault_va));
    assert_int_equal(fault_va, 0x3000);
    assert_ptr_equal(sg_vm_host(vm, 0x3004, 4, SG_VM_READ, NULL), host_bytes + 0x8004);
    assert_null(sg_vm_host(vm, 0x3004, 4, SG_VM_READ | SG_VM_WRITE, &fault_va));
    assert_int_equal(fault_va, 0x3004);
    assert_null(sg_vm_host(vm, 0x500, 4, SG_VM_READ, &fault_va));
    assert_int_equal(fault_va, 0x500);
    sg_vm_destroy(vm);
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Slots of 64 KiB, each mapped or not, against a plain array. */
static void random_storm_equals_a_plain_table(void **state) {
    (void)state;
    enum { slots = 3000, steps = 60000 };
    static bool mapped[slots];
    struct sg_vm *vm = sg_vm_create();
    uint32_t seed = 1;
    for (int step = 0; step < steps; step++) {
        /* Grows first, shrinks in the end: leaves split and merge. */
        uint32_t slot = next_random(&seed) % slots;
        bool grow = next_random(&seed) % steps > (uint32_t)step;
        uint64_t va = 0x7f0000000000u + (uint64_t)slot * 0x10000;
        if (grow) {
            assert_int_equal(map(vm, va, 0x8000 + slot), mapped[slot] ? -EEXIST : 0);
            mapped[slot] = true;
        } else {
            assert_int_equal(sg_vm_unmap(vm, va, 0x8000 + slot), mapped[slot] ? 0 : -ENOENT);
            mapped[slot] = false;
        }
        uint32_t probe = next_random(&seed) % slots;
        uint64_t probe_va = 0x7f0000000000u + (uint64_t)probe * 0x10000;
        struct sg_vm_range found;
        assert_int_equal(sg_vm_find(vm, probe_va + 0x7fff + probe, &found), mapped[probe]);
        assert_true(!mapped[probe] || found.va == probe_va);
        assert_false(sg_vm_find(vm, probe_va + 0x8000 + probe, &found));
    }
    for (int slot = 0; slot < slots; slot++) {
        struct sg_vm_range found;
        uint64_t va = 0x7f0000000000u + (uint64_t)slot * 0x10000;
        assert_int_equal(sg_vm_find(vm, va, &found), mapped[slot]);
    }
    sg_vm_destroy(vm);
}

static void tlb_drops_removed_translations_at_sync(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_tlb tlb;
    sg_tlb_init(&tlb, vm);
    assert_null(sg_tlb_find(&tlb, 0x1000));
    map(vm, 0x1000, 0x1000);
    const struct sg_tlb_entry *entry = sg_tlb_find(&tlb, 0x1ffc);
    assert_non_null(entry);
    assert_ptr_equal(sg_tlb_host(entry, 0x1ffc), host_bytes + 0x1ffc);
    assert_null(sg_tlb_find(&tlb, 0x2000));
    sg_vm_unmap(vm, 0x1000, 0x1000);
    sg_tlb_sync(&tlb);
    assert_null(sg_tlb_find(&tlb, 0x1ffc));
    sg_vm_destroy(vm);
}

static void tlb_holds_more_ranges_than_entries_by_replacing(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_tlb tlb;
    sg_tlb_init(&tlb, vm);
    for (uint64_t i = 0; i < 3 * SG_TLB_ENTRIES; i++)
        map(vm, i << 16, 0x1000);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 3 * SG_TLB_ENTRIES; i++) {
            const struct sg_tlb_entry *entry = sg_tlb_find(&tlb, (i << 16) + 5);
            assert_non_null(entry);
            assert_int_equal(entry->va, i << 16);
        }
    }
    sg_vm_destroy(vm);
}

struct storm {
    struct sg_vm *vm;
    atomic_bool stop;
    atomic_uint found;
};

enum { fixed_va = 0x100000, churn_va = 0x200000, churn_ranges = 200 };

static void *reader_main(void *argument) {
    struct storm *storm = argument;
    uint32_t seed = (uint32_t)(uintptr_t)&seed;
    while (!atomic_load(&storm->stop)) {
        struct sg_vm_range found;
        if (!sg_vm_find(storm->vm, fixed_va, &found) || found.va != fixed_va)
            return "lost the range that stays";
        uint64_t va = churn_va + (uint64_t)(next_random(&seed) % churn_ranges) * 0x1000;
        if (sg_vm_find(storm->vm, va, &found)) {
            atomic_fetch_add(&storm->found, 1);
            if (found.va != va || found.host != host_bytes + va % sizeof host_bytes)
                return "wrong range";
        }
    }
    return NULL;
}

static void readers_beside_writers_see_whole_snapshots(void **state) {
    (void)state;
    enum { readers = 3, rounds = 60 };
    struct storm storm = {.vm = sg_vm_create()};
    pthread_t threads[readers];
    map(storm.vm, fixed_va, 0x1000);
    for (int i = 0; i < readers; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &storm), 0);
    for (int round = 0; round < rounds || atomic_load(&storm.found) == 0; round++) {
        for (uint64_t i = 0; i < churn_ranges; i++)
            map(storm.vm, churn_va + i * 0x1000, 0x1000);
        for (uint64_t i = 0; i < churn_ranges; i++)
            sg_vm_unmap(storm.vm, churn_va + i * 0x1000, 0x1000);
    }
    atomic_store(&storm.stop, true);
    for (int i = 0; i < readers; i++) {
        void *complaint = NULL;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    sg_vm_destroy(storm.vm);
}

static void gaps_are_the_hosts_where_pages_are_pageable(void **state) {
    (void)state;
    struct sg_vm *vm = sg_vm_create();
    struct sg_vm_range range;
    assert_false(sg_vm_find(vm, 0x200000, &range));
    sg_vm_set_pageable(vm, true);
    assert_true(sg_vm_find(vm, 0x200000, &range));
    assert_int_equal(range.va, 0x10000);
    assert_int_equal(range.va + range.bytes, 0x7ffffffff000);
    assert_ptr_equal(range.host, (void *)range.va);
    assert_int_equal(range.flags, SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR);
    assert_false(sg_vm_find(vm, 0x800000000000, &range));
    assert_false(sg_vm_find(vm, 0xffff, &range));
    /* Enough intervals for several leaves, with a page between each two. */
    const uint64_t before = sg_vm_generation(vm);
    for (uint64_t i = 0; i < 300; i++)
        map(vm, 0x1000000 + i * 0x2000, 0x1000);
    assert_int_not_equal(sg_vm_generation(vm), before); /* cached gaps are too large now */
    for (uint64_t i = 0; i < 299; i++) {
        assert_true(sg_vm_find(vm, 0x1001800 + i * 0x2000, &range));
        assert_int_equal(range.va, 0x1001000 + i * 0x2000);
        assert_int_equal(range.bytes, 0x1000);
        assert_int_equal(range.flags, SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR);
    }
    assert_true(sg_vm_find(vm, 0x900000, &range));
    assert_int_equal(range.va + range.bytes, 0x1000000);
    assert_true(sg_vm_find_host(vm, (void *)0x900010, &range));
    assert_int_equal(range.va, 0x10000);
    sg_vm_set_pageable(vm, false);
    assert_false(sg_vm_find(vm, 0x900000, &range));
    sg_vm_destroy(vm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_the_hosts_where_pages_are_pageable),
        cmocka_unit_test(finds_first_and_last_byte_and_nothing_outside),
        cmocka_unit_test(refuses_empty_wrapping_and_overlapping),
        cmocka_unit_test(doorbells_take_stores_alone),
        cmocka_unit_test(unmaps_only_what_was_mapped_and_changes_the_generation),
        cmocka_unit_test(host_spans_adjacent_ranges_only_where_the_host_is_contiguous),
        cmocka_unit_test(random_storm_equals_a_plain_table),
        cmocka_unit_test(tlb_drops_removed_translations_at_sync),
        cmocka_unit_test(tlb_holds_more_ranges_than_entries_by_replacing),
        cmocka_unit_test(readers_beside_writers_see_whole_snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
