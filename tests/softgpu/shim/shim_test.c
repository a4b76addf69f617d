/* SPDX-License-Identifier: MIT */
/* A program that runs with the software GPU preloaded: shim_test NAME runs one test. It talks to
 * the device nodes itself, without ROCr. */
#include "abi/kfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define KFD_IOCTL(nr, type) _IOC(_IOC_READ | _IOC_WRITE, 'K', nr, sizeof(struct type))
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* readdir_r */
#define NODES "/sys/devices/virtual/kfd/kfd/topology/nodes"
enum { MIB = 1 << 20 };

static const char *self; /* path of this program */

static int open_kfd(void) {
    const int fd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* 0 or errno. */
static int version_error(int fd) {
    struct abi_kfd_get_version args = {0};
    if (ioctl(fd, KFD_IOCTL(ABI_KFD_GET_VERSION, abi_kfd_get_version), &args))
        return errno;
    CHECK(args.major_version == ABI_KFD_MAJOR && args.minor_version == ABI_KFD_MINOR);
    return 0;
}

static uint32_t gpu_id(int kfd) {
    struct abi_kfd_device_apertures apertures;
    struct abi_kfd_get_process_apertures_new args = {
        .kfd_process_device_apertures_ptr = (uintptr_t)&apertures, .num_of_nodes = 1};
    CHECK(!ioctl(kfd, KFD_IOCTL(0x14, abi_kfd_get_process_apertures_new), &args));
    return apertures.gpu_id;
}

static int alloc_vram(int kfd, uint64_t bytes, struct abi_kfd_alloc_memory *args) {
    *args = (struct abi_kfd_alloc_memory){.va_addr = 1ull << 40,
                                          .size = bytes,
                                          .gpu_id = gpu_id(kfd),
                                          .flags = ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE};
    return ioctl(kfd, KFD_IOCTL(ABI_KFD_ALLOC_MEMORY_OF_GPU, abi_kfd_alloc_memory), args) ? errno
                                                                                          : 0;
}

static unsigned long long number_in(const char *path) {
    char text[64] = "";
    const int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && !close(fd));
    return strtoull(text, NULL, 10);
}

static int wait_for(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Each kind of path by each kind of call. */
static void paths(void) {
    static const struct {
        const char *path;
        mode_t mode;
    } rows[] = {
        {"/dev/kfd", S_IFCHR},
        {"/dev/dri", S_IFDIR},
        {"/dev/dri/renderD128", S_IFCHR},
        {"/proc/modules", S_IFREG},
        {"/sys/class/kfd/kfd/topology/generation_id", S_IFREG},
        {"/sys/class/kfd/kfd", S_IFLNK},
        {NODES, S_IFDIR},
        {NODES "/1/properties", S_IFREG},
        {"//sys/devices/./virtual/kfd/kfd/dev/../topology/nodes/1/", S_IFDIR},
        {"/sys/module/amdgpu/initstate", S_IFREG},
        {"/sys/dev/char/226:128/device/vendor", S_IFREG},
        {"/sys/dev/char/226:128/device/subsystem", S_IFLNK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stat file;
        struct stat64 file64;
        struct statx filex;
        const char *path = rows[i].path;
        CHECK(!lstat(path, &file) && (file.st_mode & S_IFMT) == rows[i].mode);
        CHECK(!lstat64(path, &file64) && file64.st_mode == file.st_mode);
        CHECK(!fstatat(AT_FDCWD, path, &file, AT_SYMLINK_NOFOLLOW));
        CHECK((file.st_mode & S_IFMT) == rows[i].mode);
        CHECK(!statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &filex));
        CHECK((filex.stx_mode & S_IFMT) == rows[i].mode);
        CHECK(!access(path, R_OK) && !faccessat(AT_FDCWD, path, F_OK, 0));
        CHECK(rows[i].mode == S_IFLNK || (access(path, W_OK) == 0) == (rows[i].mode == S_IFCHR));
        char text[64];
        CHECK((readlink(path, text, sizeof text) > 0) == (rows[i].mode == S_IFLNK));
        if (rows[i].mode == S_IFCHR || rows[i].mode == S_IFLNK)
            continue;
        const int fd = open(path, O_RDONLY);
        CHECK(fd >= 0 && !fstat(fd, &file) && (file.st_mode & S_IFMT) == rows[i].mode);
        CHECK(rows[i].mode == S_IFDIR || read(fd, text, sizeof text) > 0);
        CHECK(!close(fd));
        CHECK(open(path, O_RDWR) < 0 && (errno == EACCES || errno == EISDIR));
    }
}

static void missing_paths(void) {
    struct stat file;
    CHECK(stat("/dev/dri/renderD129", &file) && errno == ENOENT);
    CHECK(open(NODES "/2/properties", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(!fopen(NODES "/1/nothing", "r") && errno == ENOENT);
    CHECK(!opendir(NODES "/7") && errno == ENOENT);
    CHECK(!opendir(NODES "/1/properties") && errno == ENOTDIR);
    CHECK(access("/sys/class/kfd/none", F_OK) && errno == ENOENT);
    CHECK(open("/sys/class/kfd/new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
    CHECK(open("/dev/kfdx", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(!access("/dev/null", R_OK) && !access("/proc/self/maps", R_OK));
}

static void device_nodes(void) {
    struct stat by_path;
    struct stat by_fd;
    const int kfd = open_kfd();
    const int drm = open("/dev/dri/renderD128", O_RDWR);
    CHECK(drm >= 0 && !version_error(kfd));
    CHECK(!stat("/dev/dri/renderD128", &by_path) && !fstat(drm, &by_fd));
    CHECK(S_ISCHR(by_fd.st_mode) && by_fd.st_rdev == by_path.st_rdev);
    CHECK(major(by_fd.st_rdev) == 226 && minor(by_fd.st_rdev) == 128);
    CHECK(!stat("/dev/kfd", &by_path) && !fstat(kfd, &by_fd));
    CHECK(S_ISCHR(by_fd.st_mode) && by_fd.st_rdev == by_path.st_rdev);
    CHECK(fcntl(kfd, F_GETFD) == FD_CLOEXEC && fcntl(drm, F_GETFD) == 0);
    CHECK(version_error(drm) == EINVAL); /* a render node knows no KFD call */
    CHECK(version_error(0) == ENOTTY || version_error(0) == EBADF);
}

static void directories(void) {
    char names[256] = "";
    DIR *directory = opendir(NODES);
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        CHECK(entry->d_type == DT_DIR);
        strcat(strcat(names, entry->d_name), " ");
    }
    CHECK(!strcmp(names, ". .. 0 1 "));
    rewinddir(directory);
    CHECK(!strcmp(readdir(directory)->d_name, "."));
    const long position = telldir(directory);
    CHECK(!strcmp(readdir(directory)->d_name, ".."));
    seekdir(directory, position);
    CHECK(!strcmp(readdir(directory)->d_name, ".."));

    /* The old call into a buffer of the caller's. */
    struct dirent buffer;
    struct dirent *result;
    int (*old_readdir)(DIR *, struct dirent *, struct dirent **) = readdir_r;
    CHECK(!old_readdir(directory, &buffer, &result) && result == &buffer);
    CHECK(!strcmp(buffer.d_name, "0") && !old_readdir(directory, &buffer, &result) && result);
    CHECK(!old_readdir(directory, &buffer, &result) && !result);

    struct stat file;
    const int inner = openat(dirfd(directory), "1/mem_banks", O_RDONLY | O_DIRECTORY);
    CHECK(inner >= 0 && !fstatat(inner, "0/properties", &file, 0) && S_ISREG(file.st_mode));
    CHECK(!fstatat(inner, "../properties", &file, 0) && fstatat(inner, "9", &file, 0));
    DIR *second = fdopendir(inner);
    CHECK(second && !strcmp(readdir(second)->d_name, "."));
    CHECK(!closedir(second) && fcntl(inner, F_GETFD) < 0);
    CHECK(!closedir(directory));

    /* The system's own directories still work, also beside ours. */
    directory = opendir(NODES);
    second = opendir("/");
    CHECK(readdir(second) && !closedir(second) && !closedir(directory));
}

static void realpaths(void) {
    char out[PATH_MAX];
    CHECK(realpath("/sys/class/kfd/kfd/topology", out));
    CHECK(!strcmp(out, "/sys/devices/virtual/kfd/kfd/topology"));
    char *allocated = realpath("/sys/dev/char/226:128/device", NULL);
    CHECK(allocated && strstr(allocated, "0000:03:00.0"));
    free(allocated);
    CHECK(!realpath("/sys/class/kfd/x", out) && errno == ENOENT);
    CHECK(realpath("/proc/..", out) && !strcmp(out, "/"));
}

/* Sends a file descriptor through a socket. */
static void send_fd(int socket_fd, int fd) {
    char byte = 0;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    CHECK(sendmsg(socket_fd, &message, 0) == 1);
}

static int receive_fd(int socket_fd) {
    char byte;
    int fd;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    CHECK(recvmsg(socket_fd, &message, 0) == 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void duplicates(void) {
    int sockets[2];
    const int kfd = open_kfd();
    CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
    send_fd(sockets[0], kfd);
    const int copies[] = {dup(kfd), dup2(kfd, 200), dup3(kfd, 201, O_CLOEXEC),
                          fcntl(kfd, F_DUPFD_CLOEXEC, 20), receive_fd(sockets[1])};
    CHECK(!close(kfd));
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
        CHECK(copies[i] >= 0 && !version_error(copies[i]));
    CHECK(version_error(kfd) == EBADF);
}

static void fork_gives_a_device_of_its_own(void) {
    const int kfd = open_kfd();
    struct abi_kfd_alloc_memory memory;
    CHECK(!alloc_vram(kfd, MIB, &memory));
    const pid_t child = fork();
    if (!child) {
        CHECK(version_error(kfd) == EBADF); /* amdkfd's answer: another process opened it */
        const int own = open_kfd();
        CHECK(!version_error(own) && version_error(kfd) == EBADF);
        struct abi_kfd_free_memory args = {.handle = memory.handle};
        CHECK(ioctl(own, KFD_IOCTL(ABI_KFD_FREE_MEMORY_OF_GPU, abi_kfd_free_memory), &args));
        CHECK(!alloc_vram(own, MIB, &memory));
        _exit(0);
    }
    CHECK(wait_for(child) == 0);
    struct abi_kfd_free_memory args = {.handle = memory.handle};
    CHECK(!ioctl(kfd, KFD_IOCTL(ABI_KFD_FREE_MEMORY_OF_GPU, abi_kfd_free_memory), &args));
}

/* Run by exec_and_pass: argv[2] is an inherited file descriptor, a device node of the parent. */
static void foreign(int fd) {
    struct stat file;
    CHECK(!fstat(fd, &file) && S_ISCHR(file.st_mode));
    CHECK(version_error(fd) == EBADF);
    const int own = open_kfd();
    CHECK(!version_error(own) && version_error(fd) == EBADF);
}

static void exec_and_pass(void) {
    char number[16];
    const int kfd = open("/dev/kfd", O_RDWR); /* without O_CLOEXEC */
    snprintf(number, sizeof number, "%d", kfd);
    const pid_t child = fork();
    if (!child) {
        execl(self, self, "foreign", number, (char *)NULL);
        _exit(127);
    }
    CHECK(wait_for(child) == 0);
    CHECK(!version_error(kfd));
}

/* What monitors read: the size of VRAM, and how much of it this process uses now. */
static void used_memory_is_shown(void) {
    static const char used[] = "/sys/class/drm/card0/device/mem_info_vram_used";
    CHECK(number_in("/sys/class/drm/card0/device/mem_info_vram_total") == 16ull << 30);
    CHECK(number_in(used) == 0);
    const int kfd = open_kfd();
    const unsigned long long before = number_in(used);
    struct abi_kfd_alloc_memory memory;
    CHECK(!alloc_vram(kfd, 4 * MIB, &memory));
    CHECK(number_in(used) == before + 4 * MIB);
    struct abi_kfd_free_memory args = {.handle = memory.handle};
    CHECK(!ioctl(kfd, KFD_IOCTL(ABI_KFD_FREE_MEMORY_OF_GPU, abi_kfd_free_memory), &args));
    CHECK(number_in(used) == before);
    CHECK(open(used, O_WRONLY) < 0 && errno == EACCES);
}

static void the_devices_own_descriptors_survive(void) {
    const int kfd = open_kfd();
    struct abi_kfd_alloc_memory memory;
    for (int fd = 3; fd < 1024; fd++) {
        if (fd != kfd)
            close(fd);
    }
    CHECK(!version_error(open_kfd()) && !alloc_vram(kfd, MIB, &memory));
    for (int fd = 3; fd < 1024; fd++) {
        if (fd != kfd)
            CHECK(dup2(2, fd) == fd);
    }
    CHECK(!close_range(100, 1023, 0));
    CHECK(!alloc_vram(kfd, MIB, &memory));
    closefrom(3);
    CHECK(version_error(kfd) == EBADF);
    const int again = open_kfd();
    const int drm = open("/dev/dri/renderD128", O_RDWR);
    CHECK(drm >= 0 && !alloc_vram(again, MIB, &memory));
    CHECK(mmap(NULL, MIB, PROT_READ, MAP_SHARED, drm, (off_t)memory.mmap_offset) != MAP_FAILED);
}

static void mappings(void) {
    const int kfd = open_kfd();
    const int drm = open("/dev/dri/renderD128", O_RDWR);
    struct abi_kfd_alloc_memory memory;
    CHECK(!alloc_vram(kfd, MIB, &memory));
    char *shared =
        mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, drm, (off_t)memory.mmap_offset);
    CHECK(shared != MAP_FAILED);
    strcpy(shared, "written");
    char *again = mmap64(NULL, 4096, PROT_READ, MAP_SHARED, drm, (off_t)memory.mmap_offset);
    CHECK(again != MAP_FAILED && !strcmp(again, "written"));
    void *hidden = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE, drm, (off_t)memory.mmap_offset);
    CHECK(hidden != MAP_FAILED && !munmap(hidden, MIB));
    CHECK(mmap(NULL, MIB, PROT_READ, MAP_SHARED, drm, MIB) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, kfd, 0) == MAP_FAILED && errno == EINVAL);
    const uint64_t doorbells = ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU((uint64_t)gpu_id(kfd));
    void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, kfd, (off_t)doorbells);
    CHECK(page != MAP_FAILED && !munmap(page, 8192));
    char *ordinary = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(self, O_RDONLY), 0);
    CHECK(ordinary != MAP_FAILED && !memcmp(ordinary, "\177ELF", 4));
}

static void few_descriptors(void) {
    const struct rlimit limit = {12, 12};
    CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
    const int kfd = open_kfd();
    CHECK(!version_error(kfd));
    while (dup(kfd) >= 0)
        ;
    CHECK(open("/dev/kfd", O_RDWR) < 0 && errno == EMFILE);
    CHECK(!opendir(NODES) && errno == EMFILE);
    struct abi_kfd_alloc_memory memory;
    CHECK(!alloc_vram(kfd, MIB, &memory)); /* takes none */
}

static void little_address_space(void) {
    const struct rlimit limit = {8ull << 30, 8ull << 30};
    CHECK(!setrlimit(RLIMIT_AS, &limit));
    struct abi_kfd_alloc_memory memory;
    const int kfd = open_kfd();
    CHECK(!alloc_vram(kfd, 1ull << 30, &memory));
    int error = 0;
    for (int i = 0; i < 8 && !error; i++)
        error = alloc_vram(kfd, 2ull << 30, &memory);
    CHECK(error == ENOMEM);
    CHECK(!alloc_vram(kfd, MIB, &memory)); /* and goes on with less */
}

static void small_files(void) {
    const struct rlimit limit = {MIB, MIB};
    CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
    struct abi_kfd_alloc_memory memory;
    CHECK(alloc_vram(open_kfd(), 4 * MIB, &memory) == ENOMEM); /* and no SIGXFSZ */
}

static void another_user(void) {
    if (getuid() == 0)
        CHECK(!setgid(65534) && !setuid(65534));
    CHECK(!access("/dev/kfd", R_OK | W_OK) && !version_error(open_kfd()));
    FILE *file = fopen(NODES "/1/gpu_id", "r");
    unsigned id;
    CHECK(file && fscanf(file, "%u", &id) == 1 && id);
}

static int count_entries(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* TMPDIR is a folder of this test's own. */
static void nothing_is_left_behind(void) {
    const char *folders[] = {getenv("TMPDIR"), "/dev/shm", "/run"};
    int before[3];
    CHECK(folders[0]);
    for (int i = 0; i < 3; i++)
        before[i] = count_entries(folders[i]);
    const pid_t child = fork();
    if (!child) {
        struct abi_kfd_alloc_memory memory;
        CHECK(!alloc_vram(open_kfd(), MIB, &memory) && opendir(NODES) &&
              fopen(NODES "/1/properties", "r"));
        kill(getpid(), SIGKILL);
    }
    CHECK(wait_for(child) == 128 + SIGKILL);
    for (int i = 0; i < 3; i++)
        CHECK(count_entries(folders[i]) == before[i]);
}

static int count_threads(void) {
    return count_entries("/proc/self/task") - 2;
}

/* A preloaded object that is not used costs nothing. */
static void unused_is_free(void) {
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        CHECK(!strstr(line, "memfd:"));
    fclose(maps);
    CHECK(count_threads() == 1);
    CHECK(fcntl(512, F_GETFD) < 0 && fcntl(513, F_GETFD) < 0);
    struct sigaction action;
    CHECK(!sigaction(SIGQUIT, NULL, &action) && action.sa_handler == SIG_DFL);
}

/* HSAPROBE_SOFT_VRAM has a bad value. */
static void a_bad_option_refuses_the_device(void) {
    CHECK(open("/dev/kfd", O_RDWR) < 0 && errno == ENOENT);
    CHECK(open("/dev/kfd", O_RDWR) < 0 && errno == ENOENT); /* as without a driver */
    CHECK(!fopen(NODES "/1/properties", "r"));
    CHECK(!access("/dev/null", R_OK));
}

static void a_child_program_sees_the_module(void) {
    char line[256];
    bool found = false;
    FILE *output = popen("cat /proc/modules /sys/module/amdgpu/initstate", "r");
    CHECK(output);
    while (fgets(line, sizeof line, output))
        found |= !strncmp(line, "amdgpu ", 7);
    CHECK(!strcmp(line, "live\n"));
    CHECK(found && pclose(output) == 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define TEST(name)                                                                                 \
    { #name, name }
    TEST(paths),
    TEST(missing_paths),
    TEST(device_nodes),
    TEST(directories),
    TEST(realpaths),
    TEST(duplicates),
    TEST(fork_gives_a_device_of_its_own),
    TEST(used_memory_is_shown),
    TEST(exec_and_pass),
    TEST(the_devices_own_descriptors_survive),
    TEST(mappings),
    TEST(few_descriptors),
    TEST(little_address_space),
    TEST(small_files),
    TEST(another_user),
    TEST(nothing_is_left_behind),
    TEST(unused_is_free),
    TEST(a_bad_option_refuses_the_device),
    TEST(a_child_program_sees_the_module),
};

int main(int argc, char **argv) {
    self = argv[0];
    if (argc == 3 && !strcmp(argv[1], "foreign")) {
        foreign(atoi(argv[2]));
        return 0;
    }
    for (size_t i = 0; argc == 2 && i < sizeof tests / sizeof tests[0]; i++) {
        if (!strcmp(argv[1], tests[i].name)) {
            tests[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: %s TEST\n", argv[0]);
    return 2;
}
