/* SPDX-License-Identifier: MIT */
/// The function that the shim's one of the same name stands before, for those that are no system
/// call.
#ifndef SG_SHIM_NEXT_H
#define SG_SHIM_NEXT_H

#include <dlfcn.h>
#include <stdatomic.h>

/// Declares `function` of that pointer type: libc's function of that name, looked up once per
/// caller.
#define NEXT(type, name)                                                                           \
    static _Atomic(type) next;                                                                     \
    type function = atomic_load(&next);                                                            \
    if (!function) {                                                                               \
        function = (type)dlsym(RTLD_NEXT, name);                                                   \
        atomic_store(&next, function);                                                             \
    }

#endif
