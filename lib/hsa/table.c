/* SPDX-License-Identifier: MIT */
#include "hsa/hsa_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "record/record.h"

struct hsp_hsa_table hsp_hsa;

static struct hsp_hsa_table direct; // the functions themselves
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_loaded;
static bool is_timed;
static atomic_bool are_extensions_loaded;
static char library_path[PATH_MAX];
static uint16_t missing_ids[HSP_HSA_ID_COUNT];
static atomic_uint missing_count; // grows behind what it counts: read without the lock

enum need { REQUIRED, OPTIONAL, LATER, EXTENSION };

static const char *const names[] = {
#define HSA_STATUS(group, need, name, parameters, arguments)      #name,
#define HSA_VALUE(group, need, type, name, parameters, arguments) #name,
#define HSA_VOID(group, need, name, parameters, arguments)        #name,
#include "hsa/hsa_api.def"
};

const char *hsp_hsa_name(uint32_t id) {
    return id < HSP_HSA_ID_COUNT ? names[id] : NULL;
}

// Stand-ins for OPTIONAL functions that the library hasn't got.
static void end_missing(const char *name) {
    fprintf(stderr, "hsaprobe: cannot call %s: %s hasn't got it\n", name, library_path);
    abort();
}

// Parameters of stand-ins are unused by nature.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define HSA_STATUS(group, need, name, parameters, arguments)                                       \
    static hsa_status_t missing_##name parameters {                                                \
        return HSP_HSA_STATUS_MISSING;                                                             \
    }
#define HSA_VALUE(group, need, type, name, parameters, arguments)                                  \
    static type missing_##name parameters {                                                        \
        end_missing(#name);                                                                        \
        return 0;                                                                                  \
    }
#define HSA_VOID(group, need, name, parameters, arguments)                                         \
    static void missing_##name parameters {                                                        \
        end_missing(#name);                                                                        \
    }
#include "hsa/hsa_api.def"
#pragma GCC diagnostic pop

// The timed wrappers. Names of locals end in _ to stay clear of HSA's parameter names.
#define HSA_STATUS(group, need, name, parameters, arguments)                                       \
    static hsa_status_t timed_##name parameters {                                                  \
        const uint64_t start_ = hsp_clock_read();                                                  \
        const hsa_status_t result_ = direct.name arguments;                                        \
        hsp_record_call(HSP_HSA_ID_##name, start_, hsp_clock_read(), (int64_t)result_);            \
        return result_;                                                                            \
    }
#define HSA_VALUE(group, need, type, name, parameters, arguments)                                  \
    static type timed_##name parameters {                                                          \
        const uint64_t start_ = hsp_clock_read();                                                  \
        const type result_ = direct.name arguments;                                                \
        hsp_record_call(HSP_HSA_ID_##name, start_, hsp_clock_read(), (int64_t)result_);            \
        return result_;                                                                            \
    }
#define HSA_VOID(group, need, name, parameters, arguments)                                         \
    static void timed_##name parameters {                                                          \
        const uint64_t start_ = hsp_clock_read();                                                  \
        direct.name arguments;                                                                     \
        hsp_record_call(HSP_HSA_ID_##name, start_, hsp_clock_read(), 0);                           \
    }
#include "hsa/hsa_api.def"

static const struct hsp_hsa_table timed = {
#define HSA_STATUS(group, need, name, parameters, arguments)      .name = timed_##name,
#define HSA_VALUE(group, need, type, name, parameters, arguments) .name = timed_##name,
#define HSA_VOID(group, need, name, parameters, arguments)        .name = timed_##name,
#include "hsa/hsa_api.def"
};

static void publish(const struct hsp_hsa_table *source) {
#define HSA_STATUS(group, need, name, parameters, arguments)                                       \
    __atomic_store_n(&hsp_hsa.name, source->name, __ATOMIC_RELEASE);
#define HSA_VALUE(group, need, type, name, parameters, arguments)                                  \
    __atomic_store_n(&hsp_hsa.name, source->name, __ATOMIC_RELEASE);
#define HSA_VOID(group, need, name, parameters, arguments)                                         \
    __atomic_store_n(&hsp_hsa.name, source->name, __ATOMIC_RELEASE);
#include "hsa/hsa_api.def"
}

void hsp_hsa_set_timed(bool timed_wanted) {
    hsp_clock_calibrate();
    hsp_record_set_call_names(names, HSP_HSA_ID_COUNT);
    pthread_mutex_lock(&table_lock);
    is_timed = timed_wanted;
    if (atomic_load(&is_loaded))
        publish(is_timed ? &timed : &direct);
    pthread_mutex_unlock(&table_lock);
}

static void add_missing(enum hsp_hsa_id id) {
    const uint32_t count = missing_count;
    missing_ids[count] = (uint16_t)id;
    missing_count = count + 1;
}

// Looks one function up; false when a required one is missing.
static bool look_up(void *library, enum need need, enum hsp_hsa_id id, void *stand_in, void *slot) {
    void *address = need == EXTENSION ? NULL : dlsym(library, names[id]);
    if (!address) {
        if (need == REQUIRED)
            return false;
        if (need != EXTENSION)
            add_missing(id);
        address = stand_in;
    }
    memcpy(slot, &address, sizeof(address));
    return true;
}

static hsp_status fill_direct(void *library, const char *path) {
    missing_count = 0;
#define LOOK_UP(need, name)                                                                        \
    if (!look_up(library, need, HSP_HSA_ID_##name, (void *)missing_##name, &direct.name))          \
        return hsp_fail(HSP_ERROR_NO_RUNTIME, "%s has no function " #name, path);
#define HSA_STATUS(group, need, name, parameters, arguments)      LOOK_UP(need, name)
#define HSA_VALUE(group, need, type, name, parameters, arguments) LOOK_UP(need, name)
#define HSA_VOID(group, need, name, parameters, arguments)        LOOK_UP(need, name)
#include "hsa/hsa_api.def"
#undef LOOK_UP
    return HSP_OK;
}

// Tries the candidates in turn; the text of the last attempt names every one that failed.
static void *open_library(char *tried, size_t tried_bytes) {
    const char *chosen = getenv("HSAPROBE_LIBHSA");
    const char *const usual[] = {"libhsa-runtime64.so.1", "/opt/rocm/lib/libhsa-runtime64.so.1"};
    const char *const *candidates = chosen ? &chosen : usual;
    const size_t count = chosen ? 1 : sizeof(usual) / sizeof(usual[0]);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        void *library = dlopen(candidates[i], RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
        const char *reason = dlerror();
        const int length = snprintf(tried + used, tried_bytes - used, "%s%s", used ? "; " : "",
                                    reason ? reason : candidates[i]);
        if (length > 0)
            used += (size_t)length;
        if (used >= tried_bytes)
            break;
    }
    return NULL;
}

static hsp_status load_locked(void) {
    char tried[HSP_ERROR_TEXT_BYTES / 2] = "";
    void *library = open_library(tried, sizeof(tried));
    if (!library)
        return hsp_hint(hsp_fail(HSP_ERROR_NO_RUNTIME, "no HSA runtime: %s", tried),
                        "install libhsa-runtime64-1 (Debian) or ROCm, or set HSAPROBE_LIBHSA to "
                        "the library's path");
    struct link_map *map = NULL;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map)
        snprintf(library_path, sizeof(library_path), "%s", map->l_name);
    const hsp_status status = fill_direct(library, library_path);
    if (status != HSP_OK) {
        dlclose(library);
        library_path[0] = '\0';
        return status;
    }
    for (uint32_t i = 0; i < missing_count; i++)
        hsp_log(HSP_LOG_DEBUG, "%s has no function %s", library_path, names[missing_ids[i]]);
    publish(is_timed ? &timed : &direct);
    atomic_store(&is_loaded, true);
    return HSP_OK;
}

hsp_status hsp_hsa_load(void) {
    hsp_record_set_call_names(names, HSP_HSA_ID_COUNT);
    pthread_mutex_lock(&table_lock);
    const hsp_status status = atomic_load(&is_loaded) ? HSP_OK : load_locked();
    pthread_mutex_unlock(&table_lock);
    return status;
}

void hsp_hsa_load_extensions(void) {
    if (are_extensions_loaded)
        return;
    hsa_ven_amd_loader_1_03_pfn_t loader = {0};
    direct.hsa_system_get_major_extension_table(HSA_EXTENSION_AMD_LOADER, 1, sizeof(loader),
                                                &loader);
    pthread_mutex_lock(&table_lock);
#define ADD_REQUIRED(name)
#define ADD_OPTIONAL(name)
#define ADD_LATER(name)
#define ADD_EXTENSION(name)                                                                        \
    if (loader.name)                                                                               \
        direct.name = loader.name;                                                                 \
    else                                                                                           \
        add_missing(HSP_HSA_ID_##name);
#define HSA_STATUS(group, need, name, parameters, arguments)      ADD_##need(name)
#define HSA_VALUE(group, need, type, name, parameters, arguments) ADD_##need(name)
#define HSA_VOID(group, need, name, parameters, arguments)        ADD_##need(name)
#include "hsa/hsa_api.def"
    publish(is_timed ? &timed : &direct);
    are_extensions_loaded = true;
    pthread_mutex_unlock(&table_lock);
}

bool hsp_hsa_loaded(void) {
    return atomic_load(&is_loaded);
}

const char *hsp_hsa_library_path(void) {
    return library_path;
}

const char *hsp_hsa_missing(uint32_t index) {
    return index < missing_count ? names[missing_ids[index]] : NULL;
}
