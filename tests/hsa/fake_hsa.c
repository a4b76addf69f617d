/* SPDX-License-Identifier: MIT */
// A libhsa-runtime64 that does nothing, as a release would export it: compiled once for each layout
// of the API table. Every function takes FAKE_HSA_DELAY_NS of processor time and succeeds with
// nothing written; hsa_init loads tools as ROCr does and hands them the table.
//
// FAKE_LAYOUT: A, B or C. FAKE_AMD_SLOTS: slots of AMD's table. FAKE_HAS_REQUIRED, _OPTIONAL,
// _LATER: which rows of hsa_api.def are exported (1) or not (0).
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hsa/hsa.h>

#include "fake_hsa.h"
#include "hsa/api_table.h"

uint64_t fake_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fake_spend(void) {
    const char *text = getenv("FAKE_HSA_DELAY_NS");
    const uint64_t delay_ns = text ? strtoull(text, NULL, 10) : 0;
    for (const uint64_t start = fake_now_ns(); delay_ns && fake_now_ns() - start < delay_ns;)
        ;
}

// Slots that have no exported name.
static void intercept_create(void) {}
static void intercept_register(void) {}
static void runtime_queue_create_register(void) {}

static struct {
    struct hsp_table_version version;
    void *slots[256];
} core_table, amd_table, empty_table;
static struct hsp_api_table root_table;

static void *function_of(const char *name) {
    if (strcmp(name, "hsa_amd_queue_intercept_create") == 0)
        return (void *)intercept_create;
    if (strcmp(name, "hsa_amd_queue_intercept_register") == 0)
        return (void *)intercept_register;
    if (strcmp(name, "hsa_amd_runtime_queue_create_register") == 0)
        return (void *)runtime_queue_create_register;
    Dl_info self;
    dladdr((void *)function_of, &self);
    return dlsym(dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD), name);
}

static void fill_tables(void) {
    uint32_t slot = 0;
#define CORE(name) core_table.slots[slot++] = function_of(#name);
#include "hsa/core_slots.def"
    core_table.version.minor_id = 16 + 8 * slot;
    slot = 0;
    enum { A, B, C };
#define AMD(name, since)                                                                           \
    if (since <= FAKE_LAYOUT && slot < FAKE_AMD_SLOTS)                                             \
        amd_table.slots[slot++] = function_of(#name);
#include "hsa/amd_slots.def"
    amd_table.version.minor_id = 16 + 8 * FAKE_AMD_SLOTS;
    empty_table.version.minor_id = 16;
    root_table.version.minor_id = sizeof(root_table);
    root_table.core = (struct hsp_function_table *)(void *)&core_table;
    root_table.amd_ext = (struct hsp_function_table *)(void *)&amd_table;
    root_table.finalizer_ext = root_table.image_ext =
        (struct hsp_function_table *)(void *)&empty_table;
}

// The list as ROCr splits it, without escapes: the fakes' tools have none in their paths.
static void load_tools(void) {
    const char *list = getenv("HSA_TOOLS_LIB");
    char *copy = strdup(list ? list : "");
    char *rest = copy;
    for (char *path = strtok_r(copy, "\" ", &rest); path; path = strtok_r(NULL, "\" ", &rest)) {
        void *tool = dlopen(path, RTLD_LAZY);
        void *symbol = tool ? dlsym(tool, "OnLoad") : NULL;
        bool (*on_load)(struct hsp_api_table *, uint64_t, uint64_t, const char *const *);
        memcpy(&on_load, &symbol, sizeof(on_load));
        if (on_load)
            on_load(&root_table, 1, 0, NULL);
    }
    free(copy);
}

FAKE_EXPORT hsa_status_t hsa_init(void) {
    fake_spend();
    fill_tables();
    load_tools();
    return HSA_STATUS_SUCCESS;
}

FAKE_EXPORT hsa_status_t hsa_system_get_info(hsa_system_info_t attribute, void *value) {
    fake_spend();
    if (attribute != HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY && attribute != HSA_SYSTEM_INFO_TIMESTAMP)
        return HSA_STATUS_ERROR_INVALID_ARGUMENT;
    *(uint64_t *)value = attribute == HSA_SYSTEM_INFO_TIMESTAMP ? fake_now_ns() : 1000000000u;
    return HSA_STATUS_SUCCESS;
}
