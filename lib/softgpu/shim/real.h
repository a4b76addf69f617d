/* SPDX-License-Identifier: MIT */
/// The system's own calls, for a library that defines functions of the same names.
///
/// By system call, so that nothing has to be looked up before the dynamic linker is done, and so
/// that another library's wrappers (a tracer's) don't see what the software GPU does for itself.
/// All set errno and return -1 on failure as their namesakes do.
#ifndef SG_SHIM_REAL_H
#define SG_SHIM_REAL_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHIM_EXPORT __attribute__((visibility("default")))

static inline int real_openat(int directory_fd, const char *path, int flags, mode_t mode) {
    return (int)syscall(SYS_openat, directory_fd, path, flags, mode);
}

static inline int real_close(int fd) {
    return (int)syscall(SYS_close, fd);
}

static inline int real_fstatat(int directory_fd, const char *path, struct stat *file, int flags) {
    return (int)syscall(SYS_newfstatat, directory_fd, path, file, flags);
}

static inline int real_fstat(int fd, struct stat *file) {
    return (int)syscall(SYS_fstat, fd, file);
}

static inline int real_access(const char *path, int mode) {
    return (int)syscall(SYS_access, path, mode);
}

static inline ssize_t real_readlinkat(int directory_fd, const char *path, char *out, size_t room) {
    return syscall(SYS_readlinkat, directory_fd, path, out, room);
}

static inline int real_ioctl(int fd, unsigned long cmd, void *arg) {
    return (int)syscall(SYS_ioctl, fd, cmd, arg);
}

static inline void *real_mmap(void *address, size_t bytes, int prot, int flags, int fd,
                              int64_t offset) {
    return (void *)syscall(SYS_mmap, address, bytes, prot, flags, fd, offset);
}

#endif
