/* SPDX-License-Identifier: MIT */
// A tool that keeps what the runtime gave it.
#include <stdbool.h>
#include <stdint.h>

__attribute__((visibility("default"))) const void *seen_table;

__attribute__((visibility("default"))) bool
OnLoad(const void *table, uint64_t version, uint64_t failed_count, const char *const *failed);

bool OnLoad(const void *table, uint64_t version, uint64_t failed_count, const char *const *failed) {
    (void)version;
    (void)failed_count;
    (void)failed;
    seen_table = table;
    return true;
}
