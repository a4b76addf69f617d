/* SPDX-License-Identifier: MIT */
// Another tool in HSA_TOOLS_LIB: counts hsa_signal_load_relaxed and says so at the end.
#include <hsa/hsa.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hsa/api_table.h"

static hsa_signal_value_t (*next)(hsa_signal_t signal);
static unsigned long count;

static hsa_signal_value_t count_load(hsa_signal_t signal) {
    count++;
    return next(signal);
}

__attribute__((visibility("default"))) bool OnLoad(const struct hsp_api_table *table,
                                                   uint64_t version, uint64_t failed_count,
                                                   const char *const *failed);
__attribute__((visibility("default"))) void OnUnload(void);

bool OnLoad(const struct hsp_api_table *table, uint64_t version, uint64_t failed_count,
            const char *const *failed) {
    (void)version, (void)failed_count, (void)failed;
    void **slot = hsp_api_table_slot(table, "hsa_signal_load_relaxed");
    next = (hsa_signal_value_t(*)(hsa_signal_t)) * slot;
    *slot = (void *)count_load;
    return true;
}

void OnUnload(void) {
    fprintf(stderr, "other tool: %lu loads\n", count);
}
