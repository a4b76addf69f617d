/* SPDX-License-Identifier: MIT */
#include "measure/kfd_queue.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE_BYTES      4096u
#define PACKET_BYTES    64u
#define EOP_BYTES       4096u
#define DOORBELLS_BYTES 8192u /* 1024 of 8 bytes */
/* Half-way between the lowest and the highest of 15. */
#define PRIORITY 7

/* queue_properties of amd_queue_t: pointers have 64 bits. */
#define QUEUE_IS_PTR64 (1u << 1)

static size_t whole_pages(uint64_t bytes) {
    return (size_t)(bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

struct save_sizes {
    uint32_t control_bytes;
    uint32_t save_bytes; /* with the control stack */
    uint32_t debug_bytes;
};

/* Where preempted waves go. The driver tells since Linux 6.12 ("cwsr_size"); before, libhsakmt's
 * formula for gfx9 (ROCT 5.2.3, queues.c: update_ctx_save_restore_size) is what it expects. */
static int save_sizes_of(uint32_t node, struct save_sizes *out_sizes) {
    enum { HEADER_BYTES = 40, WAVE_CONTROL_BYTES = 8, WAVE_DEBUG_BYTES = 32 };
    enum { SGPR_BYTES = 0x4000, LDS_BYTES = 0x10000, REGISTER_BYTES = 0x1000 };
    uint64_t version, simds, simds_per_cu, arrays, arrays_per_engine, save, control;
    int rc = hsp_kfd_property(node, "gfx_target_version", &version);
    rc = rc ? rc : hsp_kfd_property(node, "simd_count", &simds);
    rc = rc ? rc : hsp_kfd_property(node, "simd_per_cu", &simds_per_cu);
    rc = rc ? rc : hsp_kfd_property(node, "array_count", &arrays);
    rc = rc ? rc : hsp_kfd_property(node, "simd_arrays_per_engine", &arrays_per_engine);
    if (rc)
        return rc;
    if (version < 90000 || version >= 100000 || !simds_per_cu || !arrays_per_engine)
        return -ENOTSUP;
    uint64_t cus = simds / simds_per_cu;
    uint64_t waves = arrays / arrays_per_engine * 512;
    waves = cus * 40 < waves ? cus * 40 : waves;
    uint64_t vgpr_bytes = version >= 90008 ? 0x80000 : 0x40000; /* with accumulation registers */
    control = whole_pages(HEADER_BYTES + waves * WAVE_CONTROL_BYTES + 8);
    save = control + whole_pages(cus * (vgpr_bytes + SGPR_BYTES + LDS_BYTES + REGISTER_BYTES));
    (void)hsp_kfd_property(node, "ctl_stack_size", &control);
    (void)hsp_kfd_property(node, "cwsr_size", &save);
    *out_sizes = (struct save_sizes){.control_bytes = (uint32_t)control,
                                     .save_bytes = (uint32_t)save,
                                     .debug_bytes = (uint32_t)(waves * WAVE_DEBUG_BYTES)};
    return 0;
}

static int map_doorbell(const struct hsp_kfd *kfd, uint64_t offset, struct hsp_kfd_queue *queue) {
    uint64_t page = offset & ~(uint64_t)(DOORBELLS_BYTES - 1);
    void *doorbells =
        mmap(NULL, DOORBELLS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, kfd->fd, (off_t)page);
    if (doorbells == MAP_FAILED)
        return -errno;
    queue->doorbells = doorbells;
    queue->doorbells_bytes = DOORBELLS_BYTES;
    queue->doorbell = (volatile uint64_t *)((char *)doorbells + (offset - page));
    return 0;
}

static int create(const struct hsp_kfd *kfd, const struct save_sizes *sizes,
                  struct hsp_kfd_queue *queue) {
    struct abi_kfd_create_queue arguments = {
        .ring_base_address = (uintptr_t)queue->ring.address,
        .write_pointer_address = (uintptr_t)&queue->queue->write_dispatch_id,
        .read_pointer_address = (uintptr_t)&queue->queue->read_dispatch_id,
        .ring_size = (uint32_t)queue->ring.bytes,
        .gpu_id = kfd->gpu_id,
        .queue_type = ABI_KFD_QUEUE_COMPUTE_AQL,
        .queue_percentage = ABI_KFD_MAX_QUEUE_PERCENTAGE,
        .queue_priority = PRIORITY,
        .eop_buffer_address = (uintptr_t)queue->eop.address,
        .eop_buffer_size = EOP_BYTES,
        .ctx_save_restore_address = (uintptr_t)queue->save_area.address,
        .ctx_save_restore_size = sizes->save_bytes,
        .ctl_stack_size = sizes->control_bytes,
    };
    /* 88 bytes: what drivers before 6.13 know */
    int rc = hsp_kfd_call(kfd, ABI_KFD_CREATE_QUEUE, &arguments,
                          offsetof(struct abi_kfd_create_queue, sdma_engine_id));
    if (rc)
        return rc;
    queue->queue_id = arguments.queue_id;
    return map_doorbell(kfd, arguments.doorbell_offset, queue);
}

int hsp_kfd_queue_init(const struct hsp_kfd *kfd, uint32_t packet_count,
                       struct hsp_kfd_queue *out_queue) {
    struct hsp_kfd_queue *queue = out_queue;
    struct save_sizes sizes;
    *queue = (struct hsp_kfd_queue){.packet_count = packet_count};
    int rc = save_sizes_of(kfd->node, &sizes);
    rc = rc ? rc : hsp_kfd_alloc_host(kfd, (size_t)packet_count * PACKET_BYTES, &queue->ring);
    rc = rc ? rc : hsp_kfd_alloc_host(kfd, sizeof *queue->queue, &queue->shared);
    rc = rc ? rc : hsp_kfd_alloc(kfd, EOP_BYTES, &queue->eop);
    rc = rc ? rc
            : hsp_kfd_alloc_host(kfd, (size_t)sizes.save_bytes + sizes.debug_bytes,
                                 &queue->save_area);
    if (rc)
        return rc;
    uint16_t *headers = queue->ring.address;
    for (uint32_t i = 0; i < packet_count; i++)
        headers[i * (PACKET_BYTES / sizeof *headers)] = 1; /* INVALID */
    queue->queue = queue->shared.address;
    *queue->queue = (struct abi_queue){
        .features = 1, /* kernel dispatch */
        .base_address = (uintptr_t)queue->ring.address,
        .size = packet_count,
        .group_segment_aperture_base_hi = ABI_SHARED_APERTURE_HI,
        .private_segment_aperture_base_hi = ABI_PRIVATE_APERTURE_HI,
        .read_dispatch_id_field_base_byte_offset = offsetof(struct abi_queue, read_dispatch_id),
        .queue_properties = QUEUE_IS_PTR64,
    };
    return create(kfd, &sizes, queue);
}

void hsp_kfd_queue_fini(const struct hsp_kfd *kfd, struct hsp_kfd_queue *queue) {
    if (queue->doorbells)
        munmap(queue->doorbells, queue->doorbells_bytes);
    if (queue->queue_id || queue->doorbells) {
        struct abi_kfd_destroy_queue arguments = {.queue_id = queue->queue_id};
        (void)hsp_kfd_call(kfd, ABI_KFD_DESTROY_QUEUE, &arguments, sizeof arguments);
    }
    (void)hsp_kfd_free(kfd, &queue->save_area);
    (void)hsp_kfd_free(kfd, &queue->eop);
    (void)hsp_kfd_free(kfd, &queue->shared);
    (void)hsp_kfd_free(kfd, &queue->ring);
    *queue = (struct hsp_kfd_queue){0};
}
