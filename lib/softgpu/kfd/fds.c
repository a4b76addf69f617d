/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/fds.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOT_LIMIT = 4096, SPARE_FD_FIRST = 512, SPARE_FD_SECOND = 64, FREE = 0, TAKEN = -1 };

/* Numbers plus 1. Slots at and above `used` were never taken. */
static _Atomic int slots[SLOT_LIMIT];
static atomic_int used;

/* Past the application's close, which refuses what is kept. */
static void close_really(int fd) {
    syscall(SYS_close, fd);
}

int sg_fd_move_up(int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, SPARE_FD_FIRST);
    if (high < 0)
        high = fcntl(fd, F_DUPFD_CLOEXEC, SPARE_FD_SECOND);
    if (high < 0)
        return fd;
    close_really(fd);
    return high;
}

int sg_fd_keep(int fd) {
    for (int slot = 0; slot < SLOT_LIMIT; slot++) {
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&slots[slot], &expected, TAKEN))
            continue;
        int before = atomic_load(&used);
        while (before <= slot && !atomic_compare_exchange_weak(&used, &before, slot + 1))
            ;
        atomic_store(&slots[slot], sg_fd_move_up(fd) + 1);
        return slot;
    }
    close_really(fd);
    return -1;
}

int sg_fd_of(int slot) {
    return atomic_load(&slots[slot]) - 1;
}

void sg_fd_drop(int slot) {
    if (slot < 0)
        return;
    const int number = atomic_exchange(&slots[slot], FREE);
    if (number > 0)
        close_really(number - 1);
}

int sg_fd_next(int from) {
    const int count = atomic_load(&used);
    int found = -1;
    for (int slot = 0; slot < count; slot++) {
        const int fd = sg_fd_of(slot);
        if (fd >= 0 && fd >= from && (found < 0 || fd < found))
            found = fd;
    }
    return found;
}

bool sg_fd_vacate(int fd) {
    const int count = atomic_load(&used);
    for (int slot = 0; slot < count; slot++) {
        if (sg_fd_of(slot) != fd)
            continue;
        const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return false;
        atomic_store(&slots[slot], copy + 1);
    }
    return true;
}

void sg_fd_abandon(void) {
    const int count = atomic_load(&used);
    for (int slot = 0; slot < count; slot++)
        sg_fd_drop(slot);
}
