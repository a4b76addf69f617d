/* SPDX-License-Identifier: MIT */
// libc's functions, in front of the ones that the program would have called: the software GPU's
// where it is preloaded too, or libc's.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trace/os.h"
#include "trace/trace.h"

#define EXPORT __attribute__((visibility("default")))

#define KFD_TYPE 'K'
#define DRM_TYPE 'd'

/* Enough for CREATE_QUEUE. */
#define ARGUMENT_PARTS_MAX 3u
#define STACK_FRAMES_MAX   40
#define STACK_PART_FRAMES  (HSP_TRACE_PART_BYTES / sizeof(uint64_t))

#define NEXT(type, name)                                                                           \
    static _Atomic(__typeof__(type)) next;                                                         \
    __typeof__(type) function = atomic_load_explicit(&next, memory_order_relaxed);                 \
    if (__builtin_expect(!function, 0)) {                                                          \
        function = (__typeof__(type))dlsym(RTLD_NEXT, name);                                       \
        atomic_store_explicit(&next, function, memory_order_relaxed);                              \
    }

enum os_call {
#define OS(type, name, parameters, arguments, detail) OS_##name,
#include "trace/os.def"
    OS_ioctl,
    OS_mmap,
    OS_mmap64,
    OS_open,
    OS_open64,
    OS_openat,
    OS_mbind,
    OS_CALL_COUNT
};

static const char *const names[] = {
#define OS(type, name, parameters, arguments, detail) #name,
#include "trace/os.def"
    "ioctl", "mmap", "mmap64", "open", "open64", "openat", "mbind",
};
static uint16_t ids[OS_CALL_COUNT];
static atomic_bool is_on;

void trace_os_start(void) {
    if (!trace_has_layer(HSP_LAYER_OS))
        return;
    if (hsp_session_page->stacks) {
        void *first;
        backtrace(&first, 1); // loads the unwinder, which is no call of the program's
    }
    for (int i = 0; i < OS_CALL_COUNT; i++)
        ids[i] = hsp_writer_wants(names[i]) ? hsp_writer_name(HSP_LAYER_OS, names[i])
                                            : (uint16_t)HSP_TRACE_NO_ID;
    atomic_store(&is_on, true);
}

static bool is_active(void) {
    return atomic_load_explicit(&is_on, memory_order_relaxed) &&
           __atomic_load_n(&hsp_session_page->is_active, __ATOMIC_RELAXED);
}

// `caller` is the first frame beyond the tracer's own.
static void write_stack(struct hsp_trace_ring *ring, const void *caller) {
    void *frames[STACK_FRAMES_MAX];
    const int error = errno;
    const uint32_t was_muted = ring->is_muted;
    ring->is_muted = 1;
    const int count = backtrace(frames, STACK_FRAMES_MAX);
    ring->is_muted = was_muted;
    errno = error;
    int first = 0;
    while (first < count && frames[first] != caller)
        first++;
    for (int part = 0; first < count; part++, first += (int)STACK_PART_FRAMES) {
        const size_t left = (size_t)(count - first);
        struct hsp_trace_event *event = hsp_writer_claim(ring);
        if (!event)
            return;
        *event = (struct hsp_trace_event){.id = (uint16_t)part, .kind = HSP_TRACE_STACK};
        memcpy(event, frames + first,
               (left < STACK_PART_FRAMES ? left : STACK_PART_FRAMES) * sizeof *frames);
        hsp_writer_place(ring, event);
        hsp_writer_commit(ring);
    }
}

// NULL when the call isn't to be recorded. A thread that has nothing to do with ROCm gets no ring.
static struct hsp_trace_ring *begin(enum os_call call, bool is_device, void *caller,
                                    const void *frame) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    const bool is_inside = ring && ring->depth > 0;
    if (!is_inside && !is_device && !trace_objects_is_rocm((uint64_t)caller))
        return NULL;
    if (ids[call] == HSP_TRACE_NO_ID || !(ring = hsp_writer_ring()) || ring->is_muted)
        return NULL;
    struct hsp_trace_open *open = hsp_writer_enter(ring, (uint64_t)frame, ids[call], false);
    if (open)
        open->start_ticks = hsp_writer_clock();
    return open ? ring : NULL;
}

static void end(const struct hsp_trace_ring *ring, const void *frame, uint64_t result,
                uint64_t detail, void *caller) {
    // Looked up anew: the call may have ended the process that began it (fork).
    struct hsp_trace_ring *own = hsp_thread_ring;
    if (!ring || !own)
        return;
    const uint64_t now = hsp_writer_clock();
    if (hsp_session_page->stacks)
        write_stack(own, caller);
    hsp_writer_leave(own, (uint64_t)frame, now, result, detail, (uint64_t)caller);
}

#define FRAME  __builtin_frame_address(0)
#define CALLER __builtin_return_address(0)

#define OS(type, name, parameters, arguments, detail)                                              \
    EXPORT type name parameters;                                                                   \
    type name parameters {                                                                         \
        NEXT(type(*) parameters, #name)                                                            \
        if (!is_active())                                                                          \
            return function arguments;                                                             \
        const struct hsp_trace_ring *ring_ = begin(OS_##name, false, CALLER, FRAME);               \
        type result_ = function arguments;                                                         \
        end(ring_, FRAME, (uint64_t)result_, detail, CALLER);                                      \
        return result_;                                                                            \
    }
#include "trace/os.def"

// KD... commands of consoles have the same letter and no direction.
static bool is_device_command(unsigned long command) {
    return _IOC_DIR(command) != _IOC_NONE &&
           (_IOC_TYPE(command) == KFD_TYPE || _IOC_TYPE(command) == DRM_TYPE);
}

static void write_arguments(struct hsp_trace_ring *ring, unsigned long command,
                            const char *argument) {
    const size_t bytes = _IOC_SIZE(command);
    for (size_t part = 0; part < ARGUMENT_PARTS_MAX && part * HSP_TRACE_PART_BYTES < bytes;
         part++) {
        const size_t left = bytes - part * HSP_TRACE_PART_BYTES;
        struct hsp_trace_event *event = hsp_writer_claim(ring);
        if (!event)
            return;
        *event = (struct hsp_trace_event){
            .value = bytes, .id = (uint16_t)part, .kind = HSP_TRACE_ARGUMENTS};
        memcpy(event, argument + part * HSP_TRACE_PART_BYTES,
               left < HSP_TRACE_PART_BYTES ? left : HSP_TRACE_PART_BYTES);
        hsp_writer_place(ring, event);
        hsp_writer_commit(ring);
    }
}

EXPORT int ioctl(int fd, unsigned long command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    NEXT(int (*)(int, unsigned long, ...), "ioctl")
    const bool is_device = is_device_command(command);
    // A program may use the driver without any of ROCm's libraries.
    if (is_device)
        trace_start();
    if (!is_active())
        return function(fd, command, argument);
    const struct hsp_trace_ring *ring = begin(OS_ioctl, is_device, CALLER, FRAME);
    const int result = function(fd, command, argument);
    if (ring && is_device && argument && hsp_thread_ring)
        write_arguments(hsp_thread_ring, command, argument);
    end(ring, FRAME, (uint64_t)(int64_t)result, command, CALLER);
    return result;
}

#define MAP(name)                                                                                  \
    EXPORT void *name(void *address, size_t bytes, int protection, int flags, int fd, off_t at);   \
    void *name(void *address, size_t bytes, int protection, int flags, int fd, off_t at) {         \
        NEXT(void *(*)(void *, size_t, int, int, int, off_t), #name)                               \
        if (!is_active())                                                                          \
            return function(address, bytes, protection, flags, fd, at);                            \
        const struct hsp_trace_ring *ring = begin(OS_##name, false, CALLER, FRAME);                \
        void *result = function(address, bytes, protection, flags, fd, at);                        \
        end(ring, FRAME, (uint64_t)result, bytes, CALLER);                                         \
        return result;                                                                             \
    }
MAP(mmap)
MAP(mmap64)

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    EXPORT int name(const char *path, int flags, ...);                                             \
    int name(const char *path, int flags, ...) {                                                   \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        const mode_t mode = mode_of(flags, arguments);                                             \
        va_end(arguments);                                                                         \
        NEXT(int (*)(const char *, int, ...), #name)                                               \
        if (!is_active())                                                                          \
            return function(path, flags, mode);                                                    \
        const struct hsp_trace_ring *ring = begin(OS_##name, false, CALLER, FRAME);                \
        const int result = function(path, flags, mode);                                            \
        end(ring, FRAME, (uint64_t)(int64_t)result, (uint64_t)flags, CALLER);                      \
        return result;                                                                             \
    }
OPEN(open)
OPEN(open64)

EXPORT int openat(int directory_fd, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    NEXT(int (*)(int, const char *, int, ...), "openat")
    if (!is_active())
        return function(directory_fd, path, flags, mode);
    const struct hsp_trace_ring *ring = begin(OS_openat, false, CALLER, FRAME);
    const int result = function(directory_fd, path, flags, mode);
    end(ring, FRAME, (uint64_t)(int64_t)result, (uint64_t)flags, CALLER);
    return result;
}

// libnuma's, which may be loaded where only its own users see it; there it is this system call.
EXPORT long mbind(void *address, unsigned long bytes, int mode, const unsigned long *nodes,
                  unsigned long count, unsigned flags);

long mbind(void *address, unsigned long bytes, int mode, const unsigned long *nodes,
           unsigned long count, unsigned flags) {
    const struct hsp_trace_ring *ring = is_active() ? begin(OS_mbind, false, CALLER, FRAME) : NULL;
    const long result = syscall(SYS_mbind, address, bytes, (long)mode, nodes, count, (long)flags);
    end(ring, FRAME, (uint64_t)result, bytes, CALLER);
    return result;
}
