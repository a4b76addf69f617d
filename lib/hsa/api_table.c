/* SPDX-License-Identifier: MIT */
#include "hsa/api_table.h"

#include <string.h>

#define SLOT_BYTES     sizeof(void *)
#define LAYOUT_B_SLOTS 51u
#define LAYOUT_C_SLOTS 55u

static const char *const core_names[] = {
#define CORE(name) #name,
#include "hsa/core_slots.def"
};

static const struct amd_row {
    const char *name;
    enum hsp_amd_layout since;
} amd_rows[] = {
#define AMD(name, since) {#name, HSP_AMD_LAYOUT_##since},
#include "hsa/amd_slots.def"
};

static size_t slot_count(const struct hsp_function_table *table) {
    const uint32_t bytes = table->version.minor_id;
    return bytes <= sizeof(table->version) ? 0 : (bytes - sizeof(table->version)) / SLOT_BYTES;
}

enum hsp_amd_layout hsp_amd_layout_of(const struct hsp_function_table *amd_ext) {
    const size_t count = slot_count(amd_ext);
    if (count >= LAYOUT_C_SLOTS)
        return HSP_AMD_LAYOUT_C;
    return count >= LAYOUT_B_SLOTS ? HSP_AMD_LAYOUT_B : HSP_AMD_LAYOUT_A;
}

static void **slot_at(struct hsp_function_table *table, size_t index) {
    return index < slot_count(table) && table->slots[index] ? &table->slots[index] : NULL;
}

static void **amd_slot(struct hsp_function_table *table, const char *name) {
    const enum hsp_amd_layout layout = hsp_amd_layout_of(table);
    size_t index = 0;
    for (size_t row = 0; row < sizeof(amd_rows) / sizeof(amd_rows[0]); row++) {
        if (amd_rows[row].since > layout)
            continue;
        if (strcmp(amd_rows[row].name, name) == 0)
            return slot_at(table, index);
        index++;
    }
    return NULL;
}

void **hsp_api_table_slot(const struct hsp_api_table *table, const char *name) {
    for (size_t i = 0; i < sizeof(core_names) / sizeof(core_names[0]); i++)
        if (strcmp(core_names[i], name) == 0)
            return slot_at(table->core, i);
    return amd_slot(table->amd_ext, name);
}
