/* SPDX-License-Identifier: MIT */
// A libhsa-runtime64 that hands every call on to the real one, but lets the n-th fail, and keeps
// account of what was made and not yet given back. Only the library's own calls come this way.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsa/hsa_ext_finalize.h>
#include <hsa/hsa_ext_image.h>
#include <hsa/hsa_ven_amd_loader.h>

#include "failing_hsa.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT struct failing_hsa failing_hsa;

static void *real(const char *name) {
    static void *library;
    if (!library)
        library = dlopen("libhsa-runtime64.so.1", RTLD_NOW | RTLD_LOCAL);
    return library ? dlsym(library, name) : NULL;
}

// What a successful call changes in the account; giving back counts also where it fails.
static int balance_of(const char *name) {
    static const char *const made[] = {"_create", "pool_allocate", "memory_lock", "_attach"};
    static const char *const gone[] = {"_destroy", "pool_free", "memory_unlock", "_detach"};
    if (strstr(name, "ipc_") && strstr(name, "_create")) // makes a name only
        return 0;
    for (int i = 0; i < 4; i++) {
        if (strstr(name, made[i]))
            return 1;
        if (strstr(name, gone[i]))
            return -1;
    }
    return 0;
}

static bool fails_now(const char *name) {
    if (failing_hsa.left == 0 || --failing_hsa.left > 0)
        return false;
    failing_hsa.failed = name;
    return true;
}

static hsa_status_t note(const char *name, hsa_status_t status) {
    const int change = balance_of(name);
    if (change < 0 || status == HSA_STATUS_SUCCESS)
        failing_hsa.balance += change;
    return status;
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#define FORWARD_EXTENSION(...)
#define FORWARD_LATER(...)
#define FORWARD_REQUIRED(...) __VA_ARGS__
#define FORWARD_OPTIONAL(...) __VA_ARGS__
#define TARGET(type, name, parameters)                                                             \
    static type(*target_) parameters;                                                              \
    if (!target_) {                                                                                \
        void *address_ = real(#name);                                                              \
        memcpy(&target_, &address_, sizeof(target_));                                              \
    }
#define HSA_STATUS(group, need, name, parameters, arguments)                                       \
    FORWARD_##need(EXPORT hsa_status_t name parameters {                                           \
        TARGET(hsa_status_t, name, parameters)                                                     \
        if (fails_now(#name))                                                                      \
            return note(#name, HSA_STATUS_ERROR_OUT_OF_RESOURCES);                                 \
        return note(#name, target_ arguments);                                                     \
    })
#define HSA_VALUE(group, need, type, name, parameters, arguments)                                  \
    FORWARD_##need(EXPORT type name parameters {                                                   \
        TARGET(type, name, parameters)                                                             \
        return target_ arguments;                                                                  \
    })
#define HSA_VOID(group, need, name, parameters, arguments)                                         \
    FORWARD_##need(EXPORT void name parameters {                                                   \
        TARGET(void, name, parameters)                                                             \
        target_ arguments;                                                                         \
    })
#include "hsa/hsa_api.def"
