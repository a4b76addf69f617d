/* SPDX-License-Identifier: MIT */
/// Virtual memory management as newer ROCr does it: memory of the driver without an address, passed
/// as a dmabuf to libdrm_amdgpu, parts of it mapped where the caller wants them and somewhere else
/// later; objects of libdrm's own, and pages of the application through it.
#include "abi/kfd.h"

#include "e2e.h"

#include <errno.h>
#include <fcntl.h>
#include <libdrm/amdgpu.h>
#include <libdrm/amdgpu_drm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HALF = 2 << 20, BYTES = 2 * HALF, COUNT = HALF / (int)sizeof(float) };
enum { ACCESS = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE };

static struct e2e e2e;
static hsa_queue_t *queue;
static struct e2e_kernel saxpy;
static amdgpu_device_handle device;

static void add(const float *x, float *y) {
    e2e_saxpy(&e2e, queue, &saxpy, 1, x, y, COUNT);
}

static float *reserve(void) {
    void *address =
        mmap(NULL, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(address != MAP_FAILED, "mmap");
    return address;
}

static void va(amdgpu_bo_handle bo, uint64_t offset, uint64_t bytes, const void *address,
               uint32_t operation, int expected) {
    const int result =
        amdgpu_bo_va_op_raw(device, bo, offset, bytes, (uintptr_t)address, ACCESS, operation);
    CHECK(result == expected, "operation %u: %d", operation, result);
}

static int kfd_dmabuf(void) {
    struct abi_kfd_device_apertures apertures[8];
    struct abi_kfd_get_process_apertures_new nodes = {
        .kfd_process_device_apertures_ptr = (uintptr_t)apertures, .num_of_nodes = 8};
    const int kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
#define KFD(nr, args) ioctl(kfd, _IOC(_IOC_READ | _IOC_WRITE, 'K', nr, sizeof *(args)), args)
    CHECK(!KFD(ABI_KFD_GET_PROCESS_APERTURES_NEW, &nodes), "apertures");
    struct abi_kfd_alloc_memory alloc = {.size = BYTES,
                                         .gpu_id = apertures[0].gpu_id,
                                         .flags = ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE};
    CHECK(!KFD(ABI_KFD_ALLOC_MEMORY_OF_GPU, &alloc), "alloc");
    struct abi_kfd_export_dmabuf export = {.handle = alloc.handle, .flags = O_CLOEXEC};
    CHECK(!KFD(ABI_KFD_EXPORT_DMABUF, &export), "export");
    struct abi_kfd_free_memory free_args = {.handle = alloc.handle};
    CHECK(!KFD(ABI_KFD_FREE_MEMORY_OF_GPU, &free_args), "free");
    close(kfd);
    return (int)export.dmabuf_fd;
}

static void parts_go_where_they_are_mapped(void) {
    struct amdgpu_bo_import_result imported;
    struct amdgpu_bo_import_result again;
    struct amdgpu_bo_info info;
    void *host;
    const int fd = kfd_dmabuf();
    CHECK(!amdgpu_bo_import(device, amdgpu_bo_handle_type_dma_buf_fd, (uint32_t)fd, &imported),
          "import");
    CHECK(!amdgpu_bo_import(device, amdgpu_bo_handle_type_dma_buf_fd, (uint32_t)fd, &again),
          "again");
    CHECK(imported.buf_handle == again.buf_handle && imported.alloc_size == BYTES, "one object");
    close(fd);
    CHECK(!amdgpu_bo_query_info(imported.buf_handle, &info) && info.alloc_size == BYTES &&
              info.preferred_heap == AMDGPU_GEM_DOMAIN_VRAM,
          "info");
    CHECK(!amdgpu_bo_cpu_map(imported.buf_handle, &host), "cpu_map");
    float *halves = host;
    float *first = reserve();
    float *second = reserve();
    for (int i = 0; i < 2 * COUNT; ++i)
        halves[i] = i < COUNT ? 1 : 10;
    /* Swapped: the object's second half comes first. */
    va(imported.buf_handle, HALF, HALF, first, AMDGPU_VA_OP_MAP, 0);
    va(imported.buf_handle, 0, HALF, first + COUNT, AMDGPU_VA_OP_MAP, 0);
    add(first, first + COUNT);
    CHECK(halves[0] == 11 && halves[2 * COUNT - 1] == 10, "swapped: %g", (double)halves[0]);
    va(imported.buf_handle, 0, HALF, second, AMDGPU_VA_OP_MAP, 0); /* twice at the same time */
    add(second, first);
    CHECK(halves[COUNT] == 21, "the same half by another address: %g", (double)halves[COUNT]);
    va(imported.buf_handle, 0, HALF, second, AMDGPU_VA_OP_MAP, -EINVAL);
    va(imported.buf_handle, HALF, BYTES, second + COUNT, AMDGPU_VA_OP_MAP, -EINVAL);
    va(imported.buf_handle, 0, HALF, first + COUNT, AMDGPU_VA_OP_UNMAP, 0);
    va(imported.buf_handle, 0, HALF, first + COUNT, AMDGPU_VA_OP_UNMAP, -ENOENT);
    CHECK(!amdgpu_bo_cpu_unmap(imported.buf_handle), "cpu_unmap");
    CHECK(!amdgpu_bo_free(imported.buf_handle) && !amdgpu_bo_free(again.buf_handle), "free");
}

static void objects_of_libdrm(void) {
    struct amdgpu_bo_alloc_request request = {
        .alloc_size = HALF, .phys_alignment = 4096, .preferred_heap = AMDGPU_GEM_DOMAIN_GTT};
    amdgpu_bo_handle own;
    amdgpu_bo_handle pages;
    void *host;
    uint32_t fd;
    CHECK(!amdgpu_bo_alloc(device, &request, &own), "alloc");
    CHECK(!amdgpu_bo_cpu_map(own, &host), "cpu_map");
    float *values = host;
    float *user = mmap(NULL, HALF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < COUNT; ++i)
        values[i] = user[i] = 3;
    CHECK(!amdgpu_create_bo_from_user_mem(device, user, HALF, &pages), "user memory");
    float *where = reserve();
    va(own, 0, HALF, where, AMDGPU_VA_OP_MAP, 0);
    va(pages, 0, HALF, where + COUNT, AMDGPU_VA_OP_MAP, 0);
    add(where, where + COUNT);
    CHECK(user[COUNT - 1] == 6, "the application's pages: %g", (double)user[COUNT - 1]);
    CHECK(!amdgpu_bo_export(own, amdgpu_bo_handle_type_dma_buf_fd, &fd), "export");
    CHECK(amdgpu_bo_export(pages, amdgpu_bo_handle_type_dma_buf_fd, &fd) == -EPERM, "user export");
    size_t bytes;
    void *mapped;
    HSA(hsa_amd_interop_map_buffer(1, &e2e.gpu, (int)fd, 0, &bytes, &mapped, NULL, NULL));
    add(where + COUNT, mapped);
    CHECK(values[0] == 9, "by way of ROCr: %g", (double)values[0]);
    CHECK(!amdgpu_bo_free(own) && !amdgpu_bo_free(pages), "free");
    add(mapped, mapped);
    HSA(hsa_amd_interop_unmap_buffer(mapped));
    close((int)fd);
}

int main(void) {
    uint32_t major;
    uint32_t minor;
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    e2e_kernel(&e2e, "saxpy", &saxpy);
    const int drm = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
    CHECK(drm >= 0 && !amdgpu_device_initialize(drm, &major, &minor, &device), "libdrm");
    parts_go_where_they_are_mapped();
    objects_of_libdrm();
    amdgpu_device_deinitialize(device);
    close(drm);
    e2e_close();
    return 0;
}
