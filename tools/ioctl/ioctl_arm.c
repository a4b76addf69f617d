/* SPDX-License-Identifier: MIT */
/* The arm ioctl of `hsaprobe layers`: the same kernel on a queue that this process makes by ioctls
 * of /dev/kfd. ROCr is never loaded; of libhsaprobe only what reads files and fills packets is
 * used.
 *
 *     hsaprobe-ioctl-arm FILE KERNEL HEADER KERNARG [OFFSET:BYTES...]
 *
 * HEADER is that of the dispatch packet, KERNARG the arguments in hexadecimal ("-" for none); each
 * OFFSET:BYTES is a buffer to be allocated, whose address goes there. It answers the questions of
 * tools/examples/hsaprobe_arm.h. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include <hsaprobe/dispatch.h>

#include "abi/aql.h"
#include "examples/hsaprobe_arm.h"
#include "measure/kfd_queue.h"

#define PACKETS     1024
#define BLOCKS      256 /* kernarg blocks in flight */
#define BLOCK_BYTES 4096
#define BUFFERS_MAX 64

struct arm {
    char **words; /* FILE and what follows */
    struct hsp_kfd kfd;
    struct hsp_kfd_queue queue;
    struct hsp_kfd_memory code;
    struct hsp_kfd_memory kernargs;
    struct hsp_kfd_memory signals;
    struct hsp_kfd_memory buffers[BUFFERS_MAX];
    struct abi_signal *done;
    struct hsp_dispatch dispatch;
    uint16_t header;
    unsigned char kernarg[BLOCK_BYTES];
    size_t kernarg_bytes;
    uint64_t next_block;
    uint64_t barrier_count;
    char why[256];
};

static const char *fail(struct arm *arm, const char *what, const char *why) {
    snprintf(arm->why, sizeof arm->why, "%s: %s", what, why);
    return arm->why;
}

static const char *check(struct arm *arm, int rc, const char *what) {
    return rc ? fail(arm, what, strerror(-rc)) : NULL;
}

/* The next slot, when the device is done with it. */
static union hsp_packet *reserve(struct arm *arm, uint64_t *out_index) {
    struct abi_queue *queue = arm->queue.queue;
    uint64_t index = queue->write_dispatch_id;
    while (index - __atomic_load_n(&queue->read_dispatch_id, __ATOMIC_ACQUIRE) >= PACKETS)
        ;
    __atomic_store_n(&queue->write_dispatch_id, index + 1, __ATOMIC_RELEASE);
    *out_index = index;
    return (union hsp_packet *)arm->queue.ring.address + index % PACKETS;
}

static const char *arm_launch(void *opaque) {
    struct arm *arm = opaque;
    uint64_t index;
    uint16_t unused_header;
    uint16_t setup;
    union hsp_packet *slot = reserve(arm, &index);
    char *block = (char *)arm->kernargs.address + arm->next_block++ % BLOCKS * BLOCK_BYTES;
    memcpy(block, arm->kernarg, arm->kernarg_bytes);
    arm->dispatch.kernarg = block;
    hsp_dispatch_fill(&arm->dispatch, slot, &unused_header, &setup);
    hsp_queue_publish(slot, arm->header, setup);
    *arm->queue.doorbell = index;
    return NULL;
}

static const char *arm_wait(void *opaque) {
    struct arm *arm = opaque;
    uint64_t index;
    __atomic_store_n(&arm->done->value, 1, __ATOMIC_RELAXED);
    union hsp_packet *slot = reserve(arm, &index);
    for (int i = 1; i < 16; i++)
        slot->words[i] = 0;
    slot->barrier_and.completion_signal.handle = (uintptr_t)arm->done;
    hsp_queue_publish(slot,
                      hsp_packet_header(HSA_PACKET_TYPE_BARRIER_AND, true, HSA_FENCE_SCOPE_SYSTEM,
                                        HSA_FENCE_SCOPE_SYSTEM),
                      0);
    *arm->queue.doorbell = index;
    arm->barrier_count++;
    while (__atomic_load_n(&arm->done->value, __ATOMIC_ACQUIRE) != 0)
        ;
    return NULL;
}

/* Packets that the packet processor has taken, but for our barriers. */
static const char *arm_count(void *opaque, uint64_t *out_kernels) {
    struct arm *arm = opaque;
    uint64_t taken = __atomic_load_n(&arm->queue.queue->read_dispatch_id, __ATOMIC_ACQUIRE);
    *out_kernels = taken - arm->barrier_count;
    return NULL;
}

/* Bytes of the image in memory, from address 0. */
static size_t image_extent(const Elf64_Ehdr *elf) {
    const Elf64_Phdr *segments = (const void *)((const char *)elf + elf->e_phoff);
    size_t extent = 0;
    for (unsigned i = 0; i < elf->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > extent)
            extent = segments[i].p_vaddr + segments[i].p_memsz;
    return extent;
}

/* Value of a symbol, and whether anything has to be relocated. */
static const char *find_symbol(struct arm *arm, const Elf64_Ehdr *elf, const char *name,
                               uint64_t *out_value) {
    const char *file = (const char *)elf;
    const Elf64_Shdr *sections = (const void *)(file + elf->e_shoff);
    const char *why = "no such symbol";
    for (unsigned i = 0; i < elf->e_shnum; i++) {
        if (sections[i].sh_type == SHT_RELA && sections[i].sh_size)
            return fail(arm, name, "the code object has relocations");
        if (sections[i].sh_type != SHT_DYNSYM)
            continue;
        const Elf64_Sym *symbols = (const void *)(file + sections[i].sh_offset);
        const char *names = file + sections[sections[i].sh_link].sh_offset;
        for (size_t j = 0; j < sections[i].sh_size / sizeof *symbols; j++)
            if (strcmp(names + symbols[j].st_name, name) == 0) {
                *out_value = symbols[j].st_value;
                why = NULL;
            }
    }
    return why ? fail(arm, name, why) : NULL;
}

/* The image was checked when it was opened. */
static const char *load_image(struct arm *arm, const struct hsp_image *image,
                              const struct hsp_kernel *kernel, struct hsp_kernel_code *out_code) {
    const Elf64_Ehdr *elf = image->bytes;
    const Elf64_Phdr *segments = (const void *)((const char *)elf + elf->e_phoff);
    uint64_t descriptor = 0;
    const char *why = find_symbol(arm, elf, kernel->symbol, &descriptor);
    if (!why)
        why = check(arm, hsp_kfd_alloc_host(&arm->kfd, image_extent(elf), &arm->code), "code");
    if (why)
        return why;
    for (unsigned i = 0; i < elf->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            memcpy((char *)arm->code.address + segments[i].p_vaddr,
                   (const char *)elf + segments[i].p_offset, segments[i].p_filesz);
    *out_code = (struct hsp_kernel_code){.kernel_object = (uintptr_t)arm->code.address + descriptor,
                                         .kernarg_bytes = kernel->kernarg_bytes,
                                         .group_bytes = kernel->group_bytes,
                                         .private_bytes = kernel->private_bytes};
    return kernel->private_bytes ? fail(arm, kernel->name, "the kernel needs scratch") : NULL;
}

static const char *load_kernel(struct arm *arm, const struct hsaprobe_arm_case *launch) {
    struct hsp_code_object *object;
    const struct hsp_kernel *kernel;
    struct hsp_kernel_code code;
    if (hsp_code_object_open_file(arm->words[0], &object))
        return fail(arm, arm->words[0], hsp_last_error());
    const char *why = hsp_code_object_find_kernel(object, NULL, arm->words[1], &kernel)
                          ? fail(arm, arm->words[1], hsp_last_error())
                          : NULL;
    if (!why)
        why = load_image(arm, hsp_code_object_image(object, kernel->image_index), kernel, &code);
    hsp_code_object_close(object);
    struct hsp_geometry geometry = {.dimension_count = 3};
    memcpy(geometry.grid, launch->grid, sizeof geometry.grid);
    memcpy(geometry.workgroup, launch->workgroup, sizeof geometry.workgroup);
    if (!why)
        hsp_dispatch_init(&arm->dispatch, &code, &geometry, NULL);
    return why;
}

/* HEADER KERNARG [OFFSET:BYTES...] */
static const char *read_words(struct arm *arm) {
    char **words = arm->words + 2;
    arm->header = (uint16_t)strtoul(words[0], NULL, 0);
    const char *hex = *words[1] == '-' ? "" : words[1];
    for (; hex[0] && hex[1] && arm->kernarg_bytes < sizeof arm->kernarg; hex += 2) {
        const char digits[] = {hex[0], hex[1], 0};
        arm->kernarg[arm->kernarg_bytes++] = (unsigned char)strtoul(digits, NULL, 16);
    }
    for (size_t i = 0; words[2 + i]; i++) {
        char *end;
        size_t offset = strtoul(words[2 + i], &end, 10);
        size_t bytes = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
        if (i == BUFFERS_MAX || !bytes || offset + sizeof(void *) > arm->kernarg_bytes)
            return fail(arm, words[2 + i], "no buffer");
        const char *why =
            check(arm, hsp_kfd_alloc_host(&arm->kfd, bytes, &arm->buffers[i]), "buffer");
        if (why)
            return why;
        memcpy(arm->kernarg + offset, &arm->buffers[i].address, sizeof(void *));
    }
    return NULL;
}

static const char *arm_open(void *opaque, const struct hsaprobe_arm_case *launch) {
    struct arm *arm = opaque;
    uint32_t node;
    const char *why = check(arm, hsp_kfd_first_gpu(&node), "GPU");
    if (!why)
        why = check(arm, hsp_kfd_open(node, &arm->kfd), "/dev/kfd");
    if (!why)
        why = check(arm, hsp_kfd_acquire(&arm->kfd), "address space");
    if (!why)
        why = check(arm, hsp_kfd_queue_init(&arm->kfd, PACKETS, &arm->queue), "queue");
    if (!why)
        why =
            check(arm, hsp_kfd_alloc_host(&arm->kfd, (size_t)BLOCKS * BLOCK_BYTES, &arm->kernargs),
                  "kernarg");
    if (!why)
        why = check(arm, hsp_kfd_alloc_host(&arm->kfd, sizeof *arm->done, &arm->signals), "signal");
    if (why)
        return why;
    arm->done = arm->signals.address;
    arm->done->kind = ABI_SIGNAL_USER;
    why = load_kernel(arm, launch);
    return why ? why : read_words(arm);
}

static void arm_close(void *opaque) {
    struct arm *arm = opaque;
    hsp_kfd_queue_fini(&arm->kfd, &arm->queue);
    for (size_t i = 0; i < BUFFERS_MAX; i++)
        (void)hsp_kfd_free(&arm->kfd, &arm->buffers[i]);
    (void)hsp_kfd_free(&arm->kfd, &arm->signals);
    (void)hsp_kfd_free(&arm->kfd, &arm->kernargs);
    (void)hsp_kfd_free(&arm->kfd, &arm->code);
    hsp_kfd_close(&arm->kfd);
}

int main(int argc, char **argv) {
    static struct arm arm;
    if (argc < 5) {
        fprintf(stderr, "hsaprobe-ioctl-arm: started by hsaprobe layers --arm ioctl\n");
        return 2;
    }
    arm.words = argv + 1;
    const struct hsaprobe_arm answers = {.open = arm_open,
                                         .launch = arm_launch,
                                         .wait = arm_wait,
                                         .count = arm_count,
                                         .close = arm_close,
                                         .state = &arm};
    return hsaprobe_arm_main(&answers);
}
