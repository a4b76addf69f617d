/* SPDX-License-Identifier: MIT */
/* Doorbells by userfaultfd's write protection: the kernel stops the writer and tells a thread. */
#include "softgpu/common/thread.h"
#include "softgpu/kfd/doorbell_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of newer kernel headers than Debian 12 may have (5.11 and 5.19). */
#ifndef UFFD_USER_MODE_ONLY
#    define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#    define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif

enum {
    LINGER_NS = 60 * 1000,
    LINGER_MAX_NS = 5 * 1000 * 1000,
    AGAIN_NS = 1000 * 1000, /* a fault so soon after the last: the writer was too late */
    STACK_BYTES = 64 << 10,
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/// A store is stopped: opens the page, which lets it go on, and watches until a queue's thread
/// does or nothing comes. A writer that was not scheduled before the page closed faults again; each
/// time the page stays open longer.
static void serve(struct sg_doorbell *doorbell, uint64_t linger_ns) {
    const uint64_t begin = now_ns();
    bool is_needed = true;
    doorbell_watch_enter(doorbell);
    doorbell_lock(doorbell);
    doorbell_open_locked(doorbell);
    doorbell_unlock(doorbell);
    while (is_needed && now_ns() - begin < linger_ns) {
        doorbell_watch_scan(doorbell);
        sched_yield();
        doorbell_lock(doorbell);
        is_needed = linger_ns > LINGER_NS || doorbell->watchers == 1;
        doorbell_unlock(doorbell);
    }
    doorbell_watch_leave(doorbell, true);
}

static void *uffd_thread(void *argument) {
    struct sg_doorbell *doorbell = argument;
    struct pollfd fds[] = {{.fd = doorbell->uffd, .events = POLLIN},
                           {.fd = doorbell->uffd_stop, .events = POLLIN}};
    uint64_t linger_ns = LINGER_NS;
    uint64_t served_ns = 0;
    pthread_setname_np(pthread_self(), "sg-doorbell");
    for (;;) {
        struct uffd_msg message;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents != 0)
            return NULL;
        while (read(doorbell->uffd, &message, sizeof message) == (ssize_t)sizeof message) {
            const uint64_t address = message.arg.pagefault.address;
            if (message.event != UFFD_EVENT_PAGEFAULT)
                continue;
            if (now_ns() - served_ns > AGAIN_NS)
                linger_ns = LINGER_NS;
            else if (linger_ns < LINGER_MAX_NS)
                linger_ns *= 2;
            serve(doorbell, linger_ns);
            served_ns = now_ns();
            /* It may have been closed between the fault and now, and opened by nobody since. */
            const struct uffdio_range range = {.start = address & ~UINT64_C(4095), .len = 4096};
            ioctl(doorbell->uffd, UFFDIO_WAKE, &range);
        }
    }
}

static int open_uffd(void) {
    const int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API,
                             .features =
                                 UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM};
    if (fd < 0)
        return -errno;
    if (ioctl(fd, UFFDIO_API, &api) == 0)
        return fd;
    const int error = errno;
    close(fd);
    return -error;
}

int doorbell_uffd_start(struct sg_doorbell *doorbell) {
    doorbell->uffd = open_uffd();
    if (doorbell->uffd < 0) {
        fprintf(
            stderr,
            "hsaprobe: doorbells by userfaultfd: %s\n"
            "hint: it needs Linux 5.19, write protection of shared memory and permission, which "
            "containers refuse; use HSAPROBE_SOFT_DOORBELL=spin\n",
            strerror(-doorbell->uffd));
        return -ENOTSUP;
    }
    int error = -ENOMEM;
    doorbell->uffd_stop = eventfd(0, EFD_CLOEXEC);
    if (doorbell->uffd_stop < 0)
        goto fail;
    error = -sg_thread_start(&doorbell->uffd_thread, STACK_BYTES, uffd_thread, doorbell);
    if (!error)
        return 0;
    close(doorbell->uffd_stop);
fail:
    close(doorbell->uffd);
    return error;
}

void doorbell_uffd_stop(struct sg_doorbell *doorbell) {
    const uint64_t one = 1;
    while (write(doorbell->uffd_stop, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(doorbell->uffd_thread, NULL);
    close(doorbell->uffd_stop);
    close(doorbell->uffd);
}

int doorbell_uffd_register(struct sg_doorbell *doorbell, void *address) {
    struct uffdio_register arguments = {
        .range = {.start = (uintptr_t)address, .len = doorbell->config.bytes},
        .mode = UFFDIO_REGISTER_MODE_WP};
    /* Only pages that are there can be protected on the older of the kernels that have this. */
    for (size_t offset = 0; offset < doorbell->config.bytes; offset += 4096)
        (void)*((volatile uint8_t *)address + offset);
    return ioctl(doorbell->uffd, UFFDIO_REGISTER, &arguments) == 0 ? 0 : -errno;
}

int doorbell_uffd_protect(struct sg_doorbell *doorbell, void *address, bool is_open) {
    struct uffdio_writeprotect arguments = {
        .range = {.start = (uintptr_t)address, .len = doorbell->config.bytes},
        .mode = is_open ? 0 : UFFDIO_WRITEPROTECT_MODE_WP};
    return ioctl(doorbell->uffd, UFFDIO_WRITEPROTECT, &arguments) == 0 ? 0 : -errno;
}
