/* SPDX-License-Identifier: MIT */
#include "measure/kfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOPOLOGY   "/sys/devices/virtual/kfd/kfd/topology/nodes/%" PRIu32 "/%s"
#define NODES_MAX  64
#define PAGE_BYTES 4096u

/* One line of a node's file that begins with `name`, or the whole of it where that is NULL. */
static int read_number(uint32_t node, const char *file, const char *name, uint64_t *out_value) {
    char path[128];
    char line[128];
    snprintf(path, sizeof path, TOPOLOGY, node, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return -errno;
    size_t length = name ? strlen(name) : 0;
    int rc = -ENOENT;
    while (rc && fgets(line, sizeof line, stream))
        if (!name || (strncmp(line, name, length) == 0 && line[length] == ' ')) {
            *out_value = strtoull(line + length, NULL, 10);
            rc = 0;
        }
    fclose(stream);
    return rc;
}

int hsp_kfd_property(uint32_t node, const char *name, uint64_t *out_value) {
    return read_number(node, "properties", name, out_value);
}

int hsp_kfd_first_gpu(uint32_t *out_node) {
    for (uint32_t node = 0; node < NODES_MAX; node++) {
        uint64_t gpu_id;
        int rc = read_number(node, "gpu_id", NULL, &gpu_id);
        if (rc)
            break;
        if (gpu_id) {
            *out_node = node;
            return 0;
        }
    }
    return -ENODEV;
}

int hsp_kfd_open(uint32_t node, struct hsp_kfd *out_kfd) {
    uint64_t gpu_id;
    int rc = read_number(node, "gpu_id", NULL, &gpu_id);
    if (rc)
        return rc;
    int fd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *out_kfd =
        (struct hsp_kfd){.fd = fd, .render_fd = -1, .node = node, .gpu_id = (uint32_t)gpu_id};
    return 0;
}

int hsp_kfd_acquire(struct hsp_kfd *kfd) {
    uint64_t minor = 0;
    char path[64];
    int rc = hsp_kfd_property(kfd->node, "drm_render_minor", &minor);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "/dev/dri/renderD%" PRIu64, minor);
    kfd->render_fd = open(path, O_RDWR | O_CLOEXEC);
    if (kfd->render_fd < 0)
        return -errno;
    struct abi_kfd_acquire_vm acquire = {.drm_fd = (uint32_t)kfd->render_fd, .gpu_id = kfd->gpu_id};
    return hsp_kfd_call(kfd, ABI_KFD_ACQUIRE_VM, &acquire, sizeof acquire);
}

void hsp_kfd_close(struct hsp_kfd *kfd) {
    if (kfd->fd > 0)
        close(kfd->fd);
    if (kfd->fd > 0 && kfd->render_fd >= 0)
        close(kfd->render_fd);
    *kfd = (struct hsp_kfd){0};
}

int hsp_kfd_call(const struct hsp_kfd *kfd, enum abi_kfd_nr number, void *argument, size_t bytes) {
    unsigned long request = _IOC(_IOC_READ | _IOC_WRITE, ABI_KFD_IOC_TYPE, number, bytes);
    int rc;
    do
        rc = ioctl(kfd->fd, request, argument);
    while (rc < 0 && (errno == EINTR || errno == EAGAIN));
    return rc < 0 ? -errno : 0;
}

static int map(const struct hsp_kfd *kfd, uint64_t handle, enum abi_kfd_nr number) {
    uint32_t gpu_id = kfd->gpu_id;
    struct abi_kfd_map_memory arguments = {
        .handle = handle, .device_ids_array_ptr = (uintptr_t)&gpu_id, .n_devices = 1};
    return hsp_kfd_call(kfd, number, &arguments, sizeof arguments);
}

/* `host` is the user pointer, or NULL. */
static int create(const struct hsp_kfd *kfd, void *address, size_t bytes, void *host,
                  uint32_t flags, struct hsp_kfd_memory *memory) {
    struct abi_kfd_alloc_memory alloc = {.va_addr = (uintptr_t)address,
                                         .size = bytes,
                                         .mmap_offset = (uintptr_t)host,
                                         .gpu_id = kfd->gpu_id,
                                         .flags =
                                             flags | ABI_KFD_MEM_WRITABLE | ABI_KFD_MEM_EXECUTABLE};
    int rc = hsp_kfd_call(kfd, ABI_KFD_ALLOC_MEMORY_OF_GPU, &alloc, sizeof alloc);
    if (rc)
        return rc;
    rc = map(kfd, alloc.handle, ABI_KFD_MAP_MEMORY_TO_GPU);
    if (rc) {
        struct abi_kfd_free_memory free_memory = {.handle = alloc.handle};
        hsp_kfd_call(kfd, ABI_KFD_FREE_MEMORY_OF_GPU, &free_memory, sizeof free_memory);
        return rc;
    }
    *memory = (struct hsp_kfd_memory){.address = address, .bytes = bytes, .handle = alloc.handle};
    return 0;
}

static size_t whole_pages(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static int create_reserved(const struct hsp_kfd *kfd, size_t bytes, int protection, uint32_t flags,
                           struct hsp_kfd_memory *out_memory) {
    size_t whole = whole_pages(bytes);
    void *reserved = mmap(NULL, whole, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED)
        return -errno;
    void *host = flags & ABI_KFD_MEM_USERPTR ? reserved : NULL;
    int rc = create(kfd, reserved, whole, host, flags, out_memory);
    if (rc)
        munmap(reserved, whole);
    else
        out_memory->reserved = reserved;
    return rc;
}

int hsp_kfd_alloc(const struct hsp_kfd *kfd, size_t bytes, struct hsp_kfd_memory *out_memory) {
    return create_reserved(kfd, bytes, PROT_NONE, ABI_KFD_MEM_VRAM, out_memory);
}

int hsp_kfd_alloc_host(const struct hsp_kfd *kfd, size_t bytes, struct hsp_kfd_memory *out_memory) {
    return create_reserved(kfd, bytes, PROT_READ | PROT_WRITE,
                           ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_COHERENT, out_memory);
}

int hsp_kfd_register(const struct hsp_kfd *kfd, void *host, size_t bytes,
                     struct hsp_kfd_memory *out_memory) {
    return create(kfd, host, whole_pages(bytes), host, ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_COHERENT,
                  out_memory);
}

int hsp_kfd_free(const struct hsp_kfd *kfd, struct hsp_kfd_memory *memory) {
    if (!memory->address)
        return 0;
    struct abi_kfd_free_memory free_memory = {.handle = memory->handle};
    int rc = map(kfd, memory->handle, ABI_KFD_UNMAP_MEMORY_FROM_GPU);
    if (!rc)
        rc = hsp_kfd_call(kfd, ABI_KFD_FREE_MEMORY_OF_GPU, &free_memory, sizeof free_memory);
    if (memory->reserved && munmap(memory->reserved, memory->bytes) && !rc)
        rc = -errno;
    *memory = (struct hsp_kfd_memory){0};
    return rc;
}
