/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"
#include "softgpu/kfd/internal.h"
#include "softgpu/kfd/svm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Like mmap_min_addr and TASK_SIZE: below and above, no mapping can be. */
#define USER_FIRST 0x10000ull
#define USER_END   0x7ffffffff000ull

bool sg_access_ok(uint64_t user, uint64_t bytes) {
    return user >= USER_FIRST && user < USER_END && bytes <= USER_END - user;
}

int sg_copy_in(void *to, uint64_t user, uint64_t bytes) {
    if (!sg_access_ok(user, bytes))
        return -EFAULT;
    memcpy(to, (const void *)(uintptr_t)user, bytes);
    return 0;
}

int sg_copy_out(uint64_t user, const void *from, uint64_t bytes) {
    if (!sg_access_ok(user, bytes))
        return -EFAULT;
    memcpy((void *)(uintptr_t)user, from, bytes);
    return 0;
}

/* For each row: a call with the argument's own type, and a printer of that argument. */
#define SG_IOCTL(nr, name, type, handler, ...)                                                     \
    static int call_##handler(struct sg_kfd *kfd, void *args) {                                    \
        return sg_ioctl_##handler(kfd, args);                                                      \
    }                                                                                              \
    static void print_##handler(char *line, size_t room, const void *args) {                       \
        const struct type *a = args;                                                               \
        (void)a;                                                                                   \
        snprintf(line, room, __VA_ARGS__);                                                         \
    }
#include "softgpu/kfd/ioctl.def"
#undef SG_IOCTL

struct row {
    const char *name;
    uint32_t bytes;
    int (*call)(struct sg_kfd *kfd, void *args);
    void (*print)(char *line, size_t room, const void *args);
};

static const struct row rows[ABI_KFD_NR_LIMIT] = {
#define SG_IOCTL(nr, name_, type, handler, ...)                                                    \
    [nr] = {.name = #name_,                                                                        \
            .bytes = sizeof(struct type),                                                          \
            .call = call_##handler,                                                                \
            .print = print_##handler},
#include "softgpu/kfd/ioctl.def"
#undef SG_IOCTL
};

#define SG_IOCTL(nr, name, ...) static_assert(ABI_KFD_##name == (nr), #name);
#include "softgpu/kfd/ioctl.def"
#undef SG_IOCTL

/* The largest argument is GET_PROCESS_APERTURES with 400 bytes. A longer struct of a newer caller
 * is cut: amdkfd copies all of it, but its handlers read only what they know. */
enum { ARGUMENT_BYTES = 512 };

static int dispatch(struct sg_kfd *kfd, const struct row *row, unsigned long cmd, uint64_t user) {
    _Alignas(16) uint8_t args[ARGUMENT_BYTES];
    const uint32_t given = _IOC_SIZE(cmd) < row->bytes ? _IOC_SIZE(cmd) : row->bytes;

    memset(args, 0, row->bytes);
    if (_IOC_DIR(cmd) & _IOC_WRITE) {
        const int error = sg_copy_in(args, user, given);
        if (error)
            return error;
    }
    const int result = row->call(kfd, args);
    if (sg_trace_on(SG_TRACE_IOCTL)) {
        char line[256];
        row->print(line, sizeof line, args);
        sg_trace_line("ioctl %s %s = %d", row->name, line, result);
    }
    if ((_IOC_DIR(cmd) & _IOC_READ) && sg_copy_out(user, args, given))
        return -EFAULT;
    return result;
}

int sg_kfd_ioctl(struct sg_kfd *kfd, unsigned long cmd, void *arg) {
    const uint32_t nr = _IOC_NR(cmd);

    if (nr == ABI_KFD_SVM)
        return sg_svm_ioctl(kfd, cmd, (uint64_t)(uintptr_t)arg);
    if (nr >= ABI_KFD_NR_LIMIT || !rows[nr].call) {
        if (sg_trace_on(SG_TRACE_IOCTL))
            sg_trace_line("ioctl %#x (unknown) = %d", nr, -EINVAL);
        return -EINVAL;
    }
    return dispatch(kfd, &rows[nr], cmd, (uint64_t)(uintptr_t)arg);
}
