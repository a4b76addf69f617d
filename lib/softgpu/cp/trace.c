/* SPDX-License-Identifier: MIT */
/* One line per packet, decoded by name. */
#include "abi/sdma.h"
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;

const char *cp_aql_type_name(unsigned type) {
    static const char *const names[] = {
        [ABI_AQL_VENDOR] = "VENDOR_SPECIFIC",          [ABI_AQL_INVALID] = "INVALID",
        [ABI_AQL_KERNEL_DISPATCH] = "KERNEL_DISPATCH", [ABI_AQL_BARRIER_AND] = "BARRIER_AND",
        [ABI_AQL_AGENT_DISPATCH] = "AGENT_DISPATCH",   [ABI_AQL_BARRIER_OR] = "BARRIER_OR",
    };
    return type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}

static void dispatch_text(const struct abi_aql_dispatch *packet, char *text, size_t capacity) {
    snprintf(text, capacity,
             "grid=%ux%ux%u workgroup=%ux%ux%u private=%u group=%u kernel=0x%llx kernarg=0x%llx",
             packet->grid_size[0], packet->grid_size[1], packet->grid_size[2],
             packet->workgroup_size[0], packet->workgroup_size[1], packet->workgroup_size[2],
             packet->private_segment_size, packet->group_segment_size, (ull)packet->kernel_object,
             (ull)packet->kernarg_address);
}

static void barrier_text(const struct abi_aql_dispatch *packet, char *text, size_t capacity) {
    struct abi_aql_barrier barrier;
    memcpy(&barrier, packet, sizeof barrier);
    snprintf(text, capacity, "wait=0x%llx,0x%llx,0x%llx,0x%llx,0x%llx", (ull)barrier.dep_signal[0],
             (ull)barrier.dep_signal[1], (ull)barrier.dep_signal[2], (ull)barrier.dep_signal[3],
             (ull)barrier.dep_signal[4]);
}

static void vendor_text(const struct abi_aql_dispatch *packet, char *text, size_t capacity) {
    static const char *const conditions[] = {"==", "!=", "<", ">="};
    struct abi_aql_barrier_value barrier;
    memcpy(&barrier, packet, sizeof barrier);
    if (barrier.amd_format == ABI_AQL_AMD_PM4_IB)
        snprintf(text, capacity, "PM4_IB");
    else if (barrier.amd_format == ABI_AQL_AMD_BARRIER_VALUE)
        snprintf(text, capacity, "BARRIER_VALUE wait=0x%llx & 0x%llx %s %lld", (ull)barrier.signal,
                 (ull)barrier.mask, barrier.cond < 4 ? conditions[barrier.cond] : "?",
                 (long long)barrier.value);
    else
        snprintf(text, capacity, "format=%u", barrier.amd_format);
}

void cp_trace_aql(const struct sg_cp_queue *queue, uint64_t index,
                  const struct abi_aql_dispatch *packet) {
    static const char *const scopes[] = {"none", "agent", "system", "reserved"};
    const unsigned header = packet->header;
    const unsigned type = abi_aql_type(packet->header);
    char text[256] = "";
    if (type == ABI_AQL_KERNEL_DISPATCH)
        dispatch_text(packet, text, sizeof text);
    else if (type == ABI_AQL_BARRIER_AND || type == ABI_AQL_BARRIER_OR)
        barrier_text(packet, text, sizeof text);
    else if (type == ABI_AQL_VENDOR)
        vendor_text(packet, text, sizeof text);
    sg_trace_line("packet queue %u #%llu %s%s acquire=%s release=%s %s signal=0x%llx",
                  queue->config.queue_id, (ull)index, cp_aql_type_name(type),
                  header >> ABI_AQL_HEADER_BARRIER_BIT & 1u ? " barrier" : "",
                  scopes[header >> ABI_AQL_HEADER_ACQUIRE_SHIFT & 3u],
                  scopes[header >> ABI_AQL_HEADER_RELEASE_SHIFT & 3u], text,
                  (ull)packet->completion_signal);
}

void cp_trace_sdma(const struct sg_cp_queue *queue, uint64_t position, const uint32_t *packet) {
    char text[128] = "";
    switch (ABI_SDMA_OP(packet[0])) {
    case ABI_SDMA_COPY:
        if (ABI_SDMA_SUB_OP(packet[0]) == ABI_SDMA_COPY_LINEAR)
            snprintf(text, sizeof text, "0x%llx <- 0x%llx, %u bytes",
                     (ull)abi_join64(packet[5], packet[6]), (ull)abi_join64(packet[3], packet[4]),
                     ABI_SDMA_COUNT(packet[1]));
        else
            snprintf(text, sizeof text, "0x%llx <- 0x%llx, %ux%ux%u of %u bytes",
                     (ull)abi_join64(packet[6], packet[7]), (ull)abi_join64(packet[1], packet[2]),
                     ABI_SDMA_RECT_X(packet[11]) + 1, ABI_SDMA_RECT_Y(packet[11]) + 1,
                     ABI_SDMA_RECT_Z(packet[12]) + 1, 1u << ABI_SDMA_RECT_ELEMENT_LOG2(packet[0]));
        break;
    case ABI_SDMA_CONST_FILL:
        snprintf(text, sizeof text, "0x%llx <- 0x%x, %u bytes",
                 (ull)abi_join64(packet[1], packet[2]), packet[3], ABI_SDMA_COUNT(packet[4]));
        break;
    case ABI_SDMA_FENCE:
        snprintf(text, sizeof text, "0x%llx <- 0x%x", (ull)abi_join64(packet[1], packet[2]),
                 packet[3]);
        break;
    case ABI_SDMA_TRAP:
        snprintf(text, sizeof text, "event %u", packet[1]);
        break;
    case ABI_SDMA_POLL_REGMEM:
    case ABI_SDMA_ATOMIC:
    case ABI_SDMA_TIMESTAMP:
        snprintf(text, sizeof text, "at 0x%llx", (ull)abi_join64(packet[1], packet[2]));
        break;
    default:
        break;
    }
    sg_trace_line("packet queue %u @%llu SDMA %s %s", queue->config.queue_id,
                  (ull)position * sizeof(uint32_t), cp_sdma_op_name(packet[0]), text);
}
