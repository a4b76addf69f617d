/* SPDX-License-Identifier: MIT */
/* Sums, and predictions against them. */
#include <stdlib.h>
#include <string.h>

#include "map/map.h"
#include "record/event.h"

static int compare(const void *a, const void *b) {
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

struct hsp_map_sum hsp_map_sum_of(const struct hsp_map_counts *counts, uint32_t op,
                                  enum hsp_map_source source, bool background, uint32_t kind_set,
                                  bool emulation) {
    uint32_t runs[HSP_MAP_RUNS_MAX] = {0};
    for (size_t i = 0; i < counts->count; i++) {
        const struct hsp_map_entry *entry = &counts->entries[i];
        if (entry->op != op || entry->source != source || entry->background != background ||
            entry->layer != HSP_LAYER_OS || !(kind_set >> entry->kind & 1) ||
            (entry->caller == HSP_MAP_BY_EMULATION) != emulation)
            continue;
        for (size_t run = 0; run < HSP_MAP_RUNS_MAX; run++)
            runs[run] += entry->counts[run];
    }
    struct hsp_map_sum sum = {.cold = runs[0]};
    size_t steady = op < 64 && counts->run_counts[op] ? counts->run_counts[op] - 1 : 0;
    if (steady) {
        qsort(runs + 1, steady, sizeof *runs, compare);
        sum.least = runs[1];
        sum.most = runs[steady];
        sum.steady = runs[1 + steady / 2];
    }
    return sum;
}

static struct hsp_map_check judge(uint32_t op, const char *what, const char *phase,
                                  struct hsp_map_range expected, uint32_t observed) {
    size_t count;
    bool holds = (int)observed >= expected.low && (int)observed <= expected.high;
    enum hsp_map_verdict otherwise =
        *hsp_map_ops(&count)[op].reason ? HSP_MAP_CORRECTED : HSP_MAP_UNEXPLAINED;
    return (struct hsp_map_check){.op = op,
                                  .what = what,
                                  .phase = phase,
                                  .expected = expected,
                                  .observed = observed,
                                  .verdict = holds ? HSP_MAP_CONFIRMED : otherwise};
}

size_t hsp_map_check_all(const struct hsp_map_counts *counts, struct hsp_map_check *out_checks,
                         size_t capacity) {
    size_t op_count, written = 0;
    const struct hsp_map_op *ops = hsp_map_ops(&op_count);
    for (uint32_t op = 0; op < op_count; op++) {
        if (!counts->run_counts[op])
            continue;
        struct hsp_map_sum driver =
            hsp_map_sum_of(counts, op, HSP_MAP_ASKED, false, 1u << HSP_MAP_KFD, false);
        struct hsp_map_sum memory =
            hsp_map_sum_of(counts, op, HSP_MAP_ASKED, false, hsp_map_memory_kinds(), false);
        const struct {
            const char *what, *phase;
            struct hsp_map_range expected;
            uint32_t observed;
            bool there;
        } cells[] = {
            {"driver", "cold", ops[op].driver_cold, driver.cold, true},
            {"driver", "steady", ops[op].driver_steady, driver.steady, counts->run_counts[op] > 1},
            {"memory", "cold", ops[op].memory_cold, memory.cold, true},
            {"memory", "steady", ops[op].memory_steady, memory.steady, counts->run_counts[op] > 1},
        };
        for (size_t i = 0; i < sizeof cells / sizeof *cells && written < capacity; i++)
            if (cells[i].there && cells[i].expected.low >= 0)
                out_checks[written++] =
                    judge(op, cells[i].what, cells[i].phase, cells[i].expected, cells[i].observed);
    }
    return written;
}
