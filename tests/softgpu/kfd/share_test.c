/* SPDX-License-Identifier: MIT */
/* Objects with several holders, without a second process: IPC handles and dmabufs. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VA = 0x20000000, OTHER_VA = 0x30000000, MIB = 1 << 20 };
#define VRAM (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_WRITABLE)
#define GTT  (ABI_KFD_MEM_GTT | ABI_KFD_MEM_WRITABLE | ABI_KFD_MEM_COHERENT)

/* An object at VA whose bytes are all `byte`. */
static uint64_t make(struct harness *harness, uint32_t flags, uint8_t byte) {
    struct abi_kfd_alloc_memory args;
    assert_int_equal(harness_alloc(harness, VA, MIB, flags, &args), 0);
    assert_int_equal(harness_map(harness, args.handle), 0);
    memset(sg_vm_host(harness->vm, VA, MIB, SG_VM_WRITE, NULL), byte, MIB);
    return args.handle;
}

static void drop(struct harness *harness, uint64_t handle) {
    assert_int_equal(harness_unmap(harness, handle), 0);
    assert_int_equal(harness_free(harness, handle), 0);
}

static uint64_t pages(const struct harness *harness) {
    struct stat status;
    assert_int_equal(fstat(harness->bo_fd, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static int dmabuf_of(struct harness *harness, uint64_t handle, uint32_t flags) {
    struct abi_kfd_export_dmabuf args = {.handle = handle, .flags = flags};
    assert_int_equal(IOCTL(harness, ABI_KFD_EXPORT_DMABUF, &args), 0);
    return (int)args.dmabuf_fd;
}

static int import_dmabuf(struct harness *harness, int fd, uint64_t va, uint64_t *out_handle) {
    struct abi_kfd_import_dmabuf args = {
        .va_addr = va, .gpu_id = SG_GPU_ID, .dmabuf_fd = (uint32_t)fd};
    const int error = IOCTL(harness, ABI_KFD_IMPORT_DMABUF, &args);
    *out_handle = args.handle;
    return error;
}

static void a_dmabuf_tells_what_it_is(void **state) {
    struct harness *harness = *state;
    const struct {
        uint32_t flags;
        uint32_t domain;
    } rows[] = {{VRAM, ABI_KFD_MEM_VRAM},
                {VRAM | ABI_KFD_MEM_PUBLIC, ABI_KFD_MEM_VRAM | ABI_KFD_MEM_PUBLIC},
                {GTT, ABI_KFD_MEM_GTT}};
    for (size_t i = 0; i < 3; i++) {
        char metadata[8];
        const uint64_t handle = make(harness, rows[i].flags, 1);
        const int fd = dmabuf_of(harness, handle, i ? O_CLOEXEC : 0);
        struct abi_kfd_get_dmabuf_info info = {.metadata_ptr = (uintptr_t)metadata,
                                               .metadata_size = sizeof metadata,
                                               .dmabuf_fd = (uint32_t)fd};
        assert_int_equal(fcntl(fd, F_GETFD), i ? FD_CLOEXEC : 0);
        assert_int_equal(IOCTL(harness, ABI_KFD_GET_DMABUF_INFO, &info), 0);
        assert_int_equal(info.size, MIB);
        assert_int_equal(info.gpu_id, SG_GPU_ID);
        assert_int_equal(info.flags, rows[i].domain);
        assert_int_equal(info.metadata_size, 0);
        close(fd);
        drop(harness, handle);
    }
}

static void an_imported_dmabuf_is_the_same_memory(void **state) {
    struct harness *harness = *state;
    uint64_t offset;
    uint64_t bytes;
    uint64_t import;
    const uint64_t handle = make(harness, VRAM, 3);
    const int fd = dmabuf_of(harness, handle, 0);
    assert_int_equal(import_dmabuf(harness, fd, OTHER_VA, &import), 0);
    assert_int_not_equal(import, handle);
    assert_int_equal(harness_map(harness, import), 0);
    uint8_t *device = sg_vm_host(harness->vm, OTHER_VA, MIB, SG_VM_WRITE | SG_VM_EXEC, NULL);
    assert_non_null(device);
    assert_int_equal(device[MIB - 1], 3);
    device[5] = 77;
    assert_int_equal(*(uint8_t *)sg_vm_host(harness->vm, VA + 5, 1, SG_VM_READ, NULL), 77);
    assert_true(sg_dmabuf_find(fd, &offset, &bytes));
    assert_int_equal(bytes, MIB);
    uint8_t *host = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    assert_int_equal(host[5], 77);
    munmap(host, MIB);
    assert_false(sg_dmabuf_find(harness->bo_fd, &offset, &bytes));
    drop(harness, import);
    drop(harness, handle);
    close(fd);
}

static void pages_live_as_long_as_anybody_holds_them(void **state) {
    struct harness *harness = *state;
    uint64_t import;
    uint64_t again;
    const uint64_t handle = make(harness, VRAM, 3);
    const int fd = dmabuf_of(harness, handle, 0);
    assert_int_equal(import_dmabuf(harness, fd, OTHER_VA, &import), 0);
    assert_int_equal(harness_map(harness, import), 0);
    drop(harness, handle);
    assert_int_equal(*(uint8_t *)sg_vm_host(harness->vm, OTHER_VA, MIB, SG_VM_READ, NULL), 3);
    drop(harness, import);
    assert_true(pages(harness) >= MIB);
    /* Only the descriptor is left; an object can be made of it again. */
    assert_int_equal(import_dmabuf(harness, fd, OTHER_VA, &again), 0);
    close(fd);
    assert_int_equal(harness_map(harness, again), 0);
    assert_int_equal(*(uint8_t *)sg_vm_host(harness->vm, OTHER_VA, MIB, SG_VM_READ, NULL), 3);
    drop(harness, again);
    assert_true(pages(harness) < MIB);
}

static void a_closed_dmabuf_leaves_nothing(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    const uint64_t handle = make(harness, VRAM, 3);
    const int fd = dmabuf_of(harness, handle, 0);
    drop(harness, handle);
    assert_true(pages(harness) >= MIB);
    close(fd);
    assert_int_equal(harness_alloc(harness, VA, PAGE, VRAM, &args), 0);
    assert_true(pages(harness) < MIB);
}

static void what_is_no_dmabuf_is_refused(void **state) {
    struct harness *harness = *state;
    uint64_t handle;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int memory = memfd_create("other", MFD_CLOEXEC);
    const struct {
        int fd;
        int error;
    } rows[] = {{-1, -EBADF}, {null, -EINVAL}, {memory, -EINVAL}, {harness->bo_fd, -EINVAL}};
    for (size_t i = 0; i < 4; i++) {
        struct abi_kfd_get_dmabuf_info info = {.dmabuf_fd = (uint32_t)rows[i].fd};
        assert_int_equal(IOCTL(harness, ABI_KFD_GET_DMABUF_INFO, &info), rows[i].error);
        assert_int_equal(import_dmabuf(harness, rows[i].fd, VA, &handle), rows[i].error);
    }
    struct abi_kfd_export_dmabuf bad = {.handle = (uint64_t)SG_GPU_ID << 32 | 99};
    assert_int_equal(IOCTL(harness, ABI_KFD_EXPORT_DMABUF, &bad), -EINVAL);
    close(null);
    close(memory);
}

static void pages_of_the_application_are_not_shared(void **state) {
    struct harness *harness = *state;
    char *user = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct abi_kfd_alloc_memory args = {.va_addr = VA,
                                        .size = PAGE,
                                        .gpu_id = SG_GPU_ID,
                                        .flags = ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_WRITABLE,
                                        .mmap_offset = (uintptr_t)user};
    assert_int_equal(IOCTL(harness, ABI_KFD_ALLOC_MEMORY_OF_GPU, &args), 0);
    struct abi_kfd_export_dmabuf dmabuf = {.handle = args.handle};
    struct abi_kfd_ipc_export_handle ipc = {.handle = args.handle, .gpu_id = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_EXPORT_DMABUF, &dmabuf), -EPERM);
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &ipc), -EPERM);
    munmap(user, PAGE);
}

static int import_ipc(struct harness *harness, const uint32_t share[4],
                      struct abi_kfd_ipc_import_handle *out_args) {
    *out_args = (struct abi_kfd_ipc_import_handle){.va_addr = OTHER_VA, .gpu_id = SG_GPU_ID};
    memcpy(out_args->share_handle, share, sizeof out_args->share_handle);
    return IOCTL(harness, ABI_KFD_IPC_IMPORT_HANDLE, out_args);
}

static void an_ipc_handle_names_one_object_until_it_is_freed(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_ipc_import_handle import;
    int fd;
    uint64_t offset;
    const uint64_t handle = make(harness, GTT, 8);
    struct abi_kfd_ipc_export_handle first = {
        .handle = handle, .gpu_id = SG_GPU_ID, .flags = 0x1234};
    struct abi_kfd_ipc_export_handle second = first;
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &first), 0);
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &second), 0);
    assert_memory_equal(first.share_handle, second.share_handle, sizeof first.share_handle);
    assert_int_equal(import_ipc(harness, first.share_handle, &import), 0);
    assert_int_equal(import.flags, 0x1234);
    assert_int_equal(
        sg_kfd_drm_mmap(sg_kfd_gpu(harness->kfd, 0), import.mmap_offset, MIB, &fd, &offset), 0);
    const uint8_t *host = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    assert_int_equal(host[MIB - 1], 8);
    munmap((void *)(uintptr_t)host, MIB);
    /* Who imported it may pass it on. */
    struct abi_kfd_ipc_export_handle third = {.handle = import.handle, .gpu_id = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &third), 0);
    assert_memory_equal(first.share_handle, third.share_handle, sizeof first.share_handle);
    drop(harness, handle);
    struct abi_kfd_ipc_import_handle late;
    assert_int_equal(import_ipc(harness, first.share_handle, &late), -EINVAL);
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &third), -EINVAL);
    assert_int_equal(harness_free(harness, import.handle), 0);
    assert_true(pages(harness) < MIB);
}

static void wrong_ipc_handles_are_refused(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_ipc_import_handle import;
    const uint64_t handle = make(harness, VRAM, 8);
    struct abi_kfd_ipc_export_handle args = {.handle = handle, .gpu_id = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &args), 0);
    for (int word = 0; word < 4; word++) {
        args.share_handle[word] ^= 0x10;
        assert_int_equal(import_ipc(harness, args.share_handle, &import), -EINVAL);
        args.share_handle[word] ^= 0x10;
    }
    assert_int_equal(import_ipc(harness, (uint32_t[4]){0}, &import), -EINVAL);
    args.gpu_id++;
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &args), -EINVAL);
    args.gpu_id--;
    args.handle++;
    assert_int_equal(IOCTL(harness, ABI_KFD_IPC_EXPORT_HANDLE, &args), -EINVAL);
}

static void an_import_counts_against_no_limit(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory args;
    struct abi_kfd_available_memory available = {.gpu_id = SG_GPU_ID};
    uint64_t import;
    assert_int_equal(harness_alloc(harness, VA, HARNESS_VRAM, VRAM, &args), 0);
    const int fd = dmabuf_of(harness, args.handle, 0);
    assert_int_equal(import_dmabuf(harness, fd, OTHER_VA, &import), 0);
    assert_int_equal(harness_free(harness, import), 0);
    assert_int_equal(harness_free(harness, args.handle), 0);
    assert_int_equal(IOCTL(harness, ABI_KFD_AVAILABLE_MEMORY, &available), 0);
    assert_int_equal(available.available, HARNESS_VRAM);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_dmabuf_tells_what_it_is),
        TEST(an_imported_dmabuf_is_the_same_memory),
        TEST(pages_live_as_long_as_anybody_holds_them),
        TEST(a_closed_dmabuf_leaves_nothing),
        TEST(what_is_no_dmabuf_is_refused),
        TEST(pages_of_the_application_are_not_shared),
        TEST(an_ipc_handle_names_one_object_until_it_is_freed),
        TEST(wrong_ipc_handles_are_refused),
        TEST(an_import_counts_against_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
