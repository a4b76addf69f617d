/* SPDX-License-Identifier: MIT */
/// Every malformed packet stops its queue and tells the queue's callback once, with the status that
/// the runtime makes of what the hardware reports; the queue can be destroyed, and others go on.
#include "e2e.h"

#include <hsa/amd_hsa_kernel_code.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HUGE_BYTES = 1 << 30 };

struct report {
    _Atomic unsigned calls;
    _Atomic unsigned status;
};

static void on_error(hsa_status_t status, hsa_queue_t *queue, void *data) {
    struct report *report = data;
    (void)queue;
    report->status = (unsigned)status;
    report->calls++;
}

/// What a case may change about a dispatch that is good.
struct context {
    const struct e2e *e2e;
    struct e2e_kernel empty;
    char *descriptors; ///< 4 KiB that the GPU may read: three descriptors, all of them bad
};

typedef hsa_kernel_dispatch_packet_t packet_t;

static void no_dimension(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 0;
}
static void only_reserved_dimension_bits(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 4;
}
static void grid_of_zero(packet_t *packet, const struct context *context) {
    (void)context;
    packet->grid_size_x = 0;
}
static void grid_of_zero_in_y(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 2;
    packet->grid_size_y = 0;
}
static void group_of_zero(packet_t *packet, const struct context *context) {
    (void)context;
    packet->workgroup_size_x = 0;
}
static void group_of_zero_in_z(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 3;
    packet->workgroup_size_z = 0;
}
static void group_too_wide(packet_t *packet, const struct context *context) {
    (void)context;
    packet->workgroup_size_x = 1025;
    packet->grid_size_x = 2050;
}
static void group_too_large(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 3;
    packet->workgroup_size_x = 64;
    packet->workgroup_size_y = 17;
    packet->workgroup_size_z = 1;
    packet->grid_size_y = 17;
}
static void group_product_beyond_32_bits(packet_t *packet, const struct context *context) {
    (void)context;
    packet->setup = 3;
    packet->workgroup_size_x = packet->workgroup_size_y = packet->workgroup_size_z = 4096;
    packet->grid_size_x = packet->grid_size_y = packet->grid_size_z = 4096;
}
static void no_kernel(packet_t *packet, const struct context *context) {
    (void)context;
    packet->kernel_object = 0;
}
static void unaligned_kernel(packet_t *packet, const struct context *context) {
    (void)context;
    packet->kernel_object += 4;
}
static void zeros_for_a_kernel(packet_t *packet, const struct context *context) {
    // All zero: its entry is itself, which is no multiple of 256.
    packet->kernel_object = (uint64_t)(uintptr_t)context->descriptors + 64;
}
static void entry_that_is_unmapped(packet_t *packet, const struct context *context) {
    packet->kernel_object = (uint64_t)(uintptr_t)context->descriptors + 256;
}
static void too_much_group_memory(packet_t *packet, const struct context *context) {
    (void)context;
    packet->group_segment_size = 64 * 1024 + 1;
}
static void all_group_memory(packet_t *packet, const struct context *context) {
    (void)context;
    packet->group_segment_size = UINT32_MAX;
}
static void too_much_private_memory(packet_t *packet, const struct context *context) {
    (void)context;
    packet->private_segment_size = HUGE_BYTES;
}
static void reserved_type(packet_t *packet, const struct context *context) {
    (void)context;
    packet->header = (uint16_t)((packet->header & ~0xff) | 6);
}
static void agent_dispatch(packet_t *packet, const struct context *context) {
    (void)context;
    packet->header = HSA_PACKET_TYPE_AGENT_DISPATCH;
}
static void vendor_format(packet_t *packet, const struct context *context) {
    (void)context;
    packet->header = HSA_PACKET_TYPE_VENDOR_SPECIFIC;
    packet->setup = 77;
}

static const struct row {
    const char *name;
    void (*spoil)(packet_t *packet, const struct context *context);
    unsigned status;
} rows[] = {
#define ROW(name, status)                                                                          \
    { #name, name, (unsigned)(status) }
    ROW(no_dimension, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(only_reserved_dimension_bits, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(grid_of_zero, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(grid_of_zero_in_y, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(group_of_zero, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(group_of_zero_in_z, HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
    ROW(group_too_wide, HSA_STATUS_ERROR_INVALID_ARGUMENT),
    ROW(group_too_large, HSA_STATUS_ERROR_INVALID_ARGUMENT),
    ROW(group_product_beyond_32_bits, HSA_STATUS_ERROR_INVALID_ARGUMENT),
    ROW(no_kernel, HSA_STATUS_ERROR_INVALID_CODE_OBJECT),
    ROW(unaligned_kernel, HSA_STATUS_ERROR_INVALID_CODE_OBJECT),
    ROW(zeros_for_a_kernel, HSA_STATUS_ERROR_INVALID_CODE_OBJECT),
    ROW(entry_that_is_unmapped, HSA_STATUS_ERROR_INVALID_CODE_OBJECT),
    ROW(too_much_group_memory, HSA_STATUS_ERROR_INVALID_ALLOCATION),
    ROW(all_group_memory, HSA_STATUS_ERROR_INVALID_ALLOCATION),
    ROW(too_much_private_memory, HSA_STATUS_ERROR_OUT_OF_RESOURCES),
    ROW(reserved_type, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT),
    ROW(agent_dispatch, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT),
    ROW(vendor_format, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT),
#undef ROW
};

static void wait_for_report(const struct report *report, const char *name) {
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (report->calls == 0 && e2e_seconds() < end) {
        usleep(100);
    }
    CHECK(report->calls == 1, "%s: the callback was called %u times", name, report->calls);
}

static void packet_is_refused(const struct context *context, const struct row *row,
                              hsa_queue_t *other) {
    struct report report = {0};
    hsa_queue_t *queue = NULL;
    HSA(hsa_queue_create(context->e2e->gpu, 64, HSA_QUEUE_TYPE_MULTI, on_error, &report, UINT32_MAX,
                         UINT32_MAX, &queue));
    const hsa_signal_t before = e2e_signal(1), at = e2e_signal(1), behind = e2e_signal(1);
    e2e_dispatch(queue, &context->empty, 64, 64, NULL, before);
    hsa_kernel_dispatch_packet_t packet = e2e_packet(&context->empty, 64, 64, NULL, at);
    row->spoil(&packet, context);
    e2e_submit(queue, &packet);
    e2e_dispatch(queue, &context->empty, 64, 64, NULL, behind);
    wait_for_report(&report, row->name);
    CHECK(report.status == row->status, "%s: status 0x%x instead of 0x%x", row->name, report.status,
          row->status);
    e2e_wait(before);
    // Others go on, this queue doesn't.
    const hsa_signal_t elsewhere = e2e_signal(1);
    e2e_dispatch(other, &context->empty, 64, 64, NULL, elsewhere);
    e2e_wait(elsewhere);
    CHECK(hsa_signal_load_scacquire(at) == 1, "%s completed", row->name);
    CHECK(hsa_signal_load_scacquire(behind) == 1, "what is behind %s completed", row->name);
    CHECK(report.calls == 1, "%s: %u calls", row->name, report.calls);
    HSA(hsa_queue_destroy(queue));
    const hsa_signal_t signals[] = {before, at, behind, elsewhere};
    for (int i = 0; i < 4; ++i) {
        HSA(hsa_signal_destroy(signals[i]));
    }
}

/// Without a callback the runtime itself ends the process and says why.
static void nobody_listens(void) {
    struct e2e_child child;
    e2e_child("nobody_listens", E2E_WAIT_SECONDS, NULL, NULL, &child);
    CHECK(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT, "status 0x%x: %s",
          child.status, child.output);
    CHECK(strstr(child.output, "HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS"), "%s", child.output);
}

static int spoil_without_callback(const struct e2e *e2e) {
    struct e2e_kernel empty;
    e2e_kernel(e2e, "empty", &empty);
    hsa_queue_t *queue = e2e_queue(e2e, 64);
    const hsa_signal_t never = e2e_signal(1);
    hsa_kernel_dispatch_packet_t packet = e2e_packet(&empty, 64, 64, NULL, never);
    packet.setup = 0;
    e2e_submit(queue, &packet);
    e2e_wait(never);
    return 0;
}

int main(int argc, char **argv) {
    struct e2e e2e;
    e2e_open(&e2e);
    if (argc > 1 && strcmp(argv[1], "nobody_listens") == 0) {
        return spoil_without_callback(&e2e);
    }
    struct context context = {.e2e = &e2e};
    e2e_kernel(&e2e, "empty", &context.empty);
    context.descriptors = e2e_alloc(&e2e, e2e.host, 4096);
    amd_kernel_code_t *bad = (amd_kernel_code_t *)(void *)(context.descriptors + 256);
    bad->kernel_code_entry_byte_offset = (int64_t)1 << 40;
    hsa_queue_t *other = e2e_queue(&e2e, 64);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        packet_is_refused(&context, &rows[i], other);
    }
    nobody_listens();
    e2e_vector_add(&e2e, other, 1000);
    HSA(hsa_queue_destroy(other));
    e2e_close();
    return 0;
}
