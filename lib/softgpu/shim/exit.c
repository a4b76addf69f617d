/* SPDX-License-Identifier: MIT */
/* What the end of a process needs: LLVM 15's OpenMP plugin for AMD GPUs, as Debian 12 has it, frees
 * its list of agents in a destructor, and __tgt_unregister_lib, which runs later, still reads it.
 * So no program of that version can return from main, on any AMD GPU, and what it had printed into
 * a pipe is lost. Here that plugin's destructors don't run: the process is over anyway. */
#include "softgpu/shim/next.h"
#include "softgpu/shim/real.h"

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef int (*cxa_atexit_function)(void (*destroy)(void *), void *argument, void *object);

int __cxa_atexit(void (*destroy)(void *), void *argument, void *object);

/* By its own name: the file may be found under another. */
static bool has_soname(const struct link_map *map, const char *name) {
    const char *strings = NULL;
    ptrdiff_t soname = -1;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_STRTAB)
            strings = (const char *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_SONAME)
            soname = (ptrdiff_t)entry->d_un.d_val;
    }
    return strings && soname >= 0 && strcmp(strings + soname, name) == 0;
}

/* LLVM registers thousands of destructors: dladdr would search its symbols for each, 0.5 s in all.
 */
static const struct link_map *map_of(void *address) {
#if __GLIBC_PREREQ(2, 35)
    struct dl_find_object found;
    return _dl_find_object(address, &found) == 0 ? found.dlfo_link_map : NULL;
#else
    Dl_info info;
    struct link_map *map = NULL;
    return dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
#endif
}

static bool is_of_broken_plugin(void (*destroy)(void *)) {
    void *address;
    memcpy(&address, &destroy, sizeof address);
    const struct link_map *map = map_of(address);
    return map && has_soname(map, "libomptarget.rtl.amdgpu.so.15");
}

SHIM_EXPORT int __cxa_atexit(void (*destroy)(void *), void *argument, void *object) {
    NEXT(cxa_atexit_function, "__cxa_atexit")
    return is_of_broken_plugin(destroy) ? 0 : function(destroy, argument, object);
}
