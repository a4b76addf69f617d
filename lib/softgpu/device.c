/* SPDX-License-Identifier: MIT */
#include "softgpu/device.h"

#include "abi/drm.h"
#include "abi/softgpu.h"
#include "softgpu/common/options.h"
#include "softgpu/cp/cp.h"
#include "softgpu/kfd/doorbell.h"
#include "softgpu/kfd/fds.h"
#include "softgpu/kfd/kfd.h"
#include "softgpu/shim/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What one GPU consists of, besides what the driver knows of it. */
struct gpu {
    struct sg_vm *vm;
    struct sg_cu *cu;
    struct sg_cp *cp;
    struct sg_doorbell *doorbell;
};

struct device {
    pid_t pid;
    int fds[SG_DEVICE_FILES]; /* -1: none */
    struct stat files[SG_DEVICE_FILES];
    struct sg_options options;
    struct sg_kfd *kfd;
    struct sg_cp_news news;
    struct gpu gpus[SG_GPU_LIMIT];
};

/* Never freed: a queue's thread or a signal handler may look at it until the process ends. */
static _Atomic(struct device *) current;
static pthread_mutex_t create_lock = PTHREAD_MUTEX_INITIALIZER;

/* The device of this very process: a fork's child has the parent's until it opens its own. */
static struct device *own(void) {
    struct device *device = atomic_load(&current);
    return device && device->pid == getpid() ? device : NULL;
}

struct sg_kfd *sg_device_kfd(void) {
    const struct device *device = own();
    return device ? device->kfd : NULL;
}

struct sg_kfd *sg_device_any_kfd(void) {
    const struct device *device = atomic_load(&current);
    return device ? device->kfd : NULL;
}

bool sg_device_exists(void) {
    return atomic_load_explicit(&current, memory_order_relaxed);
}

enum sg_device_file sg_device_identify(const struct stat *file, struct sg_kfd **out_kfd) {
    const struct device *device = own();
    *out_kfd = device ? device->kfd : NULL;
    for (int i = 0; device && i < SG_DEVICE_FILES; i++) {
        if (device->fds[i] >= 0 && device->files[i].st_dev == file->st_dev &&
            device->files[i].st_ino == file->st_ino)
            return (enum sg_device_file)i;
    }
    return SG_DEVICE_NONE;
}

bool sg_device_owns_fd(int fd) {
    if (!sg_device_exists())
        return false;
    const struct device *device = own();
    for (int i = 0; device && i < SG_DEVICE_FILES; i++) {
        if (device->fds[i] == fd)
            return fd >= 0;
    }
    return device && fd >= 0 && sg_fd_next(fd) == fd;
}

int sg_device_next_fd(unsigned fd) {
    const struct device *device = own();
    int found = device ? sg_fd_next((int)fd) : -1;
    for (int i = 0; device && i < SG_DEVICE_FILES; i++) {
        const int mine = device->fds[i];
        if (mine >= 0 && (unsigned)mine >= fd && (found < 0 || mine < found))
            found = mine;
    }
    return found;
}

bool sg_device_vacate_fd(int fd) {
    struct device *device = own();
    for (int i = 0; device && i < SG_DEVICE_FILES; i++) {
        if (device->fds[i] != fd)
            continue;
        const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return false;
        device->fds[i] = copy;
        /* The driver maps buffer objects through its copy of the number. */
        if (i >= SG_DEVICE_RENDER)
            sg_kfd_set_bo_fd(sg_kfd_gpu(device->kfd, (uint32_t)(i - SG_DEVICE_RENDER)), copy);
    }
    return !device || sg_fd_vacate(fd);
}

static void dump(int signal_number) {
    (void)signal_number;
    const int saved_errno = errno;
    const struct device *device = own();
    if (device)
        sg_kfd_dump(device->kfd, STDERR_FILENO);
    errno = saved_errno;
}

/* SIGQUIT shows where a hung kernel stands and lets the program go on; a handler or SIG_IGN of the
 * program's own stays. */
static void install_dump(void) {
    struct sigaction action;
    if (sigaction(SIGQUIT, NULL, &action) || action.sa_handler != SIG_DFL)
        return;
    action = (struct sigaction){.sa_handler = dump, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGQUIT, &action, NULL);
}

static void reset_in_child(void) {
    pthread_mutex_init(&create_lock, NULL);
    /* The parent's GPU memory must not live as long as this child. */
    struct device *device = atomic_load(&current);
    if (device && device->pid != getpid())
        sg_fd_abandon();
    for (int i = 0; device && device->pid != getpid() && i < SG_DEVICE_FILES; i++) {
        if (device->fds[i] >= 0)
            close(device->fds[i]);
        device->fds[i] = -1;
    }
}

/* The files that are there: those of the GPUs that were asked for. */
static int file_count(const struct device *device) {
    return SG_DEVICE_RENDER + (int)device->options.gpu_count;
}

static int open_files(struct device *device) {
    for (int i = 0; i < file_count(device); i++) {
        char name[64] = SG_MEMFD_PREFIX "/dev/kfd";
        if (i >= SG_DEVICE_RENDER)
            snprintf(name, sizeof name, SG_MEMFD_PREFIX "/dev/dri/renderD%d",
                     ABI_DRM_RENDER_MINOR + i - SG_DEVICE_RENDER);
        const int fd = memfd_create(name, MFD_CLOEXEC);
        if (fd < 0)
            return -errno;
        device->fds[i] = sg_fd_move_up(fd);
        if (fstat(device->fds[i], &device->files[i]))
            return -errno;
    }
    return ftruncate(device->fds[SG_DEVICE_KFD],
                     SG_KFD_GPU_BYTES * (off_t)device->options.gpu_count)
               ? -errno
               : 0;
}

/* A kernel of any GPU rang. */
static void ring_doorbell(void *context, const void *host) {
    const struct device *device = context;
    for (uint32_t i = 0; i < device->options.gpu_count; i++) {
        const uintptr_t page = (uintptr_t)sg_kfd_doorbell_page(sg_kfd_gpu(device->kfd, i));
        const uintptr_t offset = (uintptr_t)host - page;
        if (offset < SG_KFD_DOORBELL_BYTES)
            sg_doorbell_ring(device->gpus[i].doorbell, (uint32_t)(offset / sizeof(uint64_t)));
    }
}

static int build_driver(struct device *device) {
    struct sg_kfd_config config = {
        .page_fd = device->fds[SG_DEVICE_KFD],
        .vram_bytes = device->options.vram_bytes,
        .ram_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
        .cu_count = device->options.cu_count,
        .gpu_count = device->options.gpu_count,
    };
    for (uint32_t i = 0; i < config.gpu_count; i++) {
        config.gpus[i].vm = device->gpus[i].vm = sg_vm_create();
        config.gpus[i].bo_fd = device->fds[SG_DEVICE_RENDER + i];
        if (!config.gpus[i].vm)
            return -ENOMEM;
    }
    device->kfd = sg_kfd_create(&config);
    return device->kfd ? 0 : -ENOMEM;
}

static int build_gpu(struct device *device, uint32_t index) {
    struct gpu *gpu = &device->gpus[index];
    struct sg_gpu *driver = sg_kfd_gpu(device->kfd, index);
    const struct sg_cu_config cu_config = {
        .vm = gpu->vm,
        .sink = {.context = driver, .interrupt = sg_kfd_wave_interrupt},
        .cu_count = device->options.cu_count,
        .worker_count = device->options.worker_count,
    };
    gpu->cu = sg_cu_create(&cu_config);
    if (!gpu->cu)
        return -ENOMEM;
    const struct sg_doorbell_config doorbell_config = {
        .mode = device->options.doorbell,
        .page = sg_kfd_doorbell_page(driver),
        .bytes = SG_KFD_DOORBELL_BYTES,
    };
    gpu->doorbell = sg_doorbell_create(&doorbell_config);
    if (!gpu->doorbell)
        return errno == ENOMEM ? -ENOMEM : -ENODEV;
    sg_vm_on_doorbell(gpu->vm, ring_doorbell, device);
    const struct sg_cp_config cp_config = {
        .vm = gpu->vm,
        .cu = gpu->cu,
        .sink = {.context = driver,
                 .event = sg_kfd_raise_event,
                 .memory_fault = sg_kfd_memory_fault,
                 .report = sg_kfd_report},
        .news = &device->news,
        .gpu_id = sg_gpu_id(index),
        .watch = sg_doorbell_watch(gpu->doorbell),
    };
    gpu->cp = sg_cp_create(&cp_config);
    if (!gpu->cp)
        return -ENOMEM;
    sg_kfd_attach(device->kfd, index, gpu->cp, gpu->cu, gpu->doorbell);
    return 0;
}

static int build(struct device *device) {
    int error = build_driver(device);
    if (!error)
        sg_signal_install();
    for (uint32_t i = 0; i < device->options.gpu_count && !error; i++)
        error = build_gpu(device, i);
    return error;
}

static void destroy(struct device *device) {
    if (!device)
        return;
    sg_kfd_destroy(device->kfd);
    for (int i = 0; i < SG_GPU_LIMIT; i++) {
        struct gpu *gpu = &device->gpus[i];
        sg_cp_destroy(gpu->cp);
        sg_doorbell_destroy(gpu->doorbell);
        sg_cu_destroy(gpu->cu);
        sg_vm_destroy(gpu->vm);
    }
    for (int i = 0; i < SG_DEVICE_FILES; i++) {
        if (device->fds[i] >= 0)
            close(device->fds[i]);
    }
    free(device);
}

static int create(struct device **out_device) {
    struct device *device = calloc(1, sizeof *device);
    if (!device)
        return -ENOMEM;
    for (int i = 0; i < SG_DEVICE_FILES; i++)
        device->fds[i] = -1;
    device->pid = getpid();
    int error = -ENODEV;
    if (!sg_options_read(&device->options))
        goto fail;
    sg_trace_mask = device->options.trace;
    sg_delay_ns = device->options.delay_ns;
    error = open_files(device);
    if (!error)
        error = build(device);
    if (error)
        goto fail;
    install_dump();
    *out_device = device;
    return 0;

fail:
    destroy(device);
    return error;
}

static const char *doorbell_mode(void) {
    const struct device *device = own();
    struct sg_options options;
    if (device)
        return sg_doorbell_mode_name(device->options.doorbell);
    return sg_doorbell_mode_name(sg_options_read(&options) ? options.doorbell : SG_DOORBELL_AUTO);
}

static int options_are_valid(void) {
    struct sg_options options;
    return own() || sg_options_read(&options);
}

extern const struct abi_softgpu hsaprobe_softgpu;
__attribute__((visibility("default"))) const struct abi_softgpu hsaprobe_softgpu = {
    .version = ABI_SOFTGPU_VERSION,
    .size = sizeof(struct abi_softgpu),
    .doorbell_mode = doorbell_mode,
    .caller_ns = sg_doorbell_caller_ns,
    .variant = sg_cu_variant,
    .options_are_valid = options_are_valid,
};

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, reset_in_child);
}

int sg_device_open(enum sg_device_file which, int flags) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int result = 0;
    /* Before the lock is first taken: a child must not find it taken for ever. */
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&create_lock);
    struct device *device = own();
    if (!device) {
        result = create(&device);
        if (!result)
            atomic_store(&current, device);
    }
    if (!result && (int)which >= file_count(device))
        result = -ENODEV;
    if (!result) {
        result = fcntl(device->fds[which], flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
        result = result < 0 ? -errno : result;
    }
    pthread_mutex_unlock(&create_lock);
    return result;
}
