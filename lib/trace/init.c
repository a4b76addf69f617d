/* SPDX-License-Identifier: MIT */
// When things begin and end.
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "trace/os.h"
#include "trace/packets.h"
#include "trace/trace.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool is_started;

static void start(void) {
    if (!hsp_writer_attach())
        return;
    trace_measure_cost();
    trace_os_start();
    atomic_store(&is_started, true);
}

bool trace_start(void) {
    pthread_once(&once, start);
    return atomic_load(&is_started);
}

bool trace_has_layer(enum hsp_trace_layer layer) {
    return hsp_session_page && (hsp_session_page->layers >> layer & 1);
}

__attribute__((constructor)) static void load(void) {
    trace_objects_update();
}

__attribute__((destructor)) static void unload(void) {
    trace_packets_collect();
    hsp_writer_end();
}

/* Every C++ library calls this in its constructors, which the dynamic linker runs after it has
 * loaded and relocated all libraries of a dlopen and before any of them can call into another: the
 * moment to rewrite symbols. */
__attribute__((visibility("default"))) int __cxa_atexit(void (*function)(void *), void *argument,
                                                        void *library);

int __cxa_atexit(void (*function)(void *), void *argument, void *library) {
    static _Atomic(int (*)(void (*)(void *), void *, void *)) next;
    int (*real)(void (*)(void *), void *, void *) = atomic_load(&next);
    if (!real) {
        real = (int (*)(void (*)(void *), void *, void *))dlsym(RTLD_NEXT, "__cxa_atexit");
        atomic_store(&next, real);
    }
    trace_objects_update();
    return real(function, argument, library);
}
