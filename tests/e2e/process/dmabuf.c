/* SPDX-License-Identifier: MIT */
/// A buffer as a file descriptor: made by the driver's own ioctls as a newer thunk does, mapped
/// into the GPU by hsa_amd_interop_map_buffer, into the host by mmap, and passed to another process
/// that does the same and keeps it when the first has let go.
#include "abi/kfd.h"

#include "e2e.h"
#include "peer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = 4 << 20, COUNT = BYTES / (int)sizeof(float) };

static struct e2e e2e;
static hsa_queue_t *queue;
static struct e2e_kernel saxpy;

static void open_gpu(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    e2e_kernel(&e2e, "saxpy", &saxpy);
}

static void add(const float *x, float *y) {
    e2e_saxpy(&e2e, queue, &saxpy, 1, x, y, COUNT);
}

static int kfd_ioctl(int kfd, uint32_t nr, void *args, size_t bytes) {
    return ioctl(kfd, _IOC(_IOC_READ | _IOC_WRITE, ABI_KFD_IOC_TYPE, nr, bytes), args);
}
#define KFD(kfd, nr, args) CHECK(kfd_ioctl(kfd, nr, args, sizeof *(args)) == 0, #nr)

static uint32_t gpu_id(int kfd) {
    struct abi_kfd_device_apertures apertures[8];
    struct abi_kfd_get_process_apertures_new args = {
        .kfd_process_device_apertures_ptr = (uintptr_t)apertures, .num_of_nodes = 8};
    KFD(kfd, ABI_KFD_GET_PROCESS_APERTURES_NEW, &args);
    CHECK(args.num_of_nodes >= 1, "no GPU");
    return apertures[0].gpu_id;
}

static float *map_to_gpu(int fd) {
    size_t bytes;
    void *memory = NULL;
    HSA(hsa_amd_interop_map_buffer(1, &e2e.gpu, fd, 0, &bytes, &memory, NULL, NULL));
    CHECK(bytes == BYTES, "%zu bytes", bytes);
    return memory;
}

static volatile float *map_to_host(int fd) {
    struct stat status;
    CHECK(lseek(fd, 0, SEEK_END) == BYTES, "the size by lseek");
    CHECK(fstat(fd, &status) == 0 && status.st_size == BYTES, "the size by fstat");
    void *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED, "mmap");
    CHECK(mmap(NULL, 2 * BYTES, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, "mapped too much");
    return memory;
}

static int receiver(void) {
    const struct peer parent = peer_parent();
    open_gpu();
    const int fd = peer_receive_fd(&parent);
    volatile float *host = map_to_host(fd);
    CHECK(host[COUNT - 1] == 6, "what the other process left: %g", (double)host[COUNT - 1]);
    float *gpu = map_to_gpu(fd);
    close(fd);
    add(gpu, gpu);
    CHECK(host[COUNT - 1] == 12, "what this GPU left: %g", (double)host[COUNT - 1]);
    peer_meet(&parent);
    peer_meet(&parent); // the other process has let go of everything
    add(gpu, gpu);
    CHECK(host[0] == 24, "afterwards: %g", (double)host[0]);
    HSA(hsa_amd_interop_unmap_buffer(gpu));
    CHECK(host[0] == 24, "the host's mapping alone: %g", (double)host[0]);
    e2e_close();
    return 0;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return receiver();
    struct peer child;
    peer_start("receiver", &child);
    open_gpu();
    const int kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
    CHECK(kfd >= 0, "/dev/kfd");
    struct abi_kfd_alloc_memory alloc = {
        .size = BYTES, .gpu_id = gpu_id(kfd), .flags = ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE};
    KFD(kfd, ABI_KFD_ALLOC_MEMORY_OF_GPU, &alloc);
    struct abi_kfd_export_dmabuf export = {.handle = alloc.handle, .flags = O_CLOEXEC};
    KFD(kfd, ABI_KFD_EXPORT_DMABUF, &export);
    const int fd = (int)export.dmabuf_fd;

    volatile float *host = map_to_host(fd);
    float *gpu = map_to_gpu(fd);
    float *second = map_to_gpu(fd);
    for (int i = 0; i < COUNT; ++i)
        host[i] = 3;
    add(second, gpu);
    CHECK(host[0] == 6 && host[COUNT - 1] == 6, "what the GPU left: %g", (double)host[0]);
    peer_send_fd(&child, fd);
    peer_meet(&child);
    CHECK(host[0] == 12, "what the other process's GPU left: %g", (double)host[0]);

    HSA(hsa_amd_interop_unmap_buffer(second));
    HSA(hsa_amd_interop_unmap_buffer(gpu));
    munmap((void *)(uintptr_t)host, BYTES);
    close(fd);
    KFD(kfd, ABI_KFD_FREE_MEMORY_OF_GPU, &(struct abi_kfd_free_memory){alloc.handle});
    peer_meet(&child);
    peer_finish(&child);

    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    size_t bytes;
    void *memory;
    CHECK(hsa_amd_interop_map_buffer(1, &e2e.gpu, null, 0, &bytes, &memory, NULL, NULL) !=
              HSA_STATUS_SUCCESS,
          "mapped /dev/null");
    close(null);
    e2e_close();
    return 0;
}
