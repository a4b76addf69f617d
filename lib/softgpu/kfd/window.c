/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/window.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WINDOW_BYTES = 16 << 20, SMALL_BYTES = 1 << 20 };

struct sg_window {
    struct sg_window *next;
    uint64_t offset;
    uint8_t *host;
    uint32_t objects;
};

void *sg_file_map(int fd, uint64_t offset, uint64_t bytes) {
    /* By system call: the shim's mmap would ask the driver about this very mapping. */
    void *host = (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_NORESERVE, fd, offset);
    if (host == MAP_FAILED)
        return NULL;
    /* A child has no use for it, and a core file has the application's mapping. */
    madvise(host, bytes, MADV_DONTFORK);
    madvise(host, bytes, MADV_DONTDUMP);
    return host;
}

/* Offsets grow, so the newest window is mostly the right one, and it is the list's first. */
static struct sg_window *window_at(struct sg_window **list, int fd, uint64_t offset) {
    for (struct sg_window *window = *list; window; window = window->next) {
        if (window->offset == offset)
            return window;
    }
    struct sg_window *window = malloc(sizeof *window);
    uint8_t *host = window ? sg_file_map(fd, offset, WINDOW_BYTES) : NULL;
    if (!host) {
        free(window);
        return NULL;
    }
    *window = (struct sg_window){.next = *list, .offset = offset, .host = host};
    *list = window;
    return window;
}

uint8_t *sg_window_map(struct sg_window **list, int fd, uint64_t offset, uint64_t bytes) {
    const uint64_t in_window = offset % WINDOW_BYTES;
    struct sg_window *window = NULL;
    if (bytes < SMALL_BYTES && bytes <= WINDOW_BYTES - in_window)
        window = window_at(list, fd, offset - in_window);
    if (!window)
        return sg_file_map(fd, offset, bytes);
    window->objects++;
    return window->host + in_window;
}

void sg_window_unmap(struct sg_window **list, uint8_t *host, uint64_t bytes) {
    for (struct sg_window **at = list; *at; at = &(*at)->next) {
        struct sg_window *window = *at;
        if ((uintptr_t)host - (uintptr_t)window->host >= WINDOW_BYTES)
            continue;
        if (--window->objects)
            return;
        *at = window->next;
        munmap(window->host, WINDOW_BYTES);
        free(window);
        return;
    }
    munmap(host, bytes);
}
