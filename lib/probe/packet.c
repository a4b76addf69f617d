/* SPDX-License-Identifier: MIT */
#include <hsaprobe/queue.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "abi/aql.h"
#include "base/status.h"

_Static_assert(sizeof(union hsp_packet) == ABI_AQL_PACKET_BYTES, "one slot");

uint16_t hsp_packet_header(hsa_packet_type_t type, bool barrier, hsa_fence_scope_t acquire,
                           hsa_fence_scope_t release) {
    return (uint16_t)((unsigned)type | (unsigned)barrier << ABI_AQL_HEADER_BARRIER_BIT |
                      (unsigned)acquire << ABI_AQL_HEADER_ACQUIRE_SHIFT |
                      (unsigned)release << ABI_AQL_HEADER_RELEASE_SHIFT);
}

/// Text that grows like snprintf's result: also what doesn't fit is counted.
struct text {
    char *buffer;
    size_t bytes;
    size_t length;
};

HSP_PRINTF(2, 3) static void append(struct text *text, const char *format, ...) {
    const bool fits = text->length < text->bytes;
    va_list arguments;
    va_start(arguments, format);
    const int added = vsnprintf(fits ? text->buffer + text->length : NULL,
                                fits ? text->bytes - text->length : 0, format, arguments);
    va_end(arguments);
    if (added > 0)
        text->length += (size_t)added;
}

static const char *const scope_names[] = {"none", "agent", "system", "reserved"};

static void append_header(struct text *text, const char *name, unsigned header) {
    append(text, "%s barrier=%u acquire=%s release=%s", name,
           (header >> ABI_AQL_HEADER_BARRIER_BIT) & 1u,
           scope_names[(header >> ABI_AQL_HEADER_ACQUIRE_SHIFT) & 3u],
           scope_names[(header >> ABI_AQL_HEADER_RELEASE_SHIFT) & 3u]);
}

static void describe_dispatch(struct text *text, const union hsp_packet *packet) {
    const hsa_kernel_dispatch_packet_t *p = &packet->dispatch;
    append(text,
           " dimensions=%u grid=%u,%u,%u workgroup=%u,%u,%u private=%u group=%u kernel=0x%" PRIx64
           " kernarg=%p completion=0x%" PRIx64,
           p->setup & 3u, p->grid_size_x, p->grid_size_y, p->grid_size_z, p->workgroup_size_x,
           p->workgroup_size_y, p->workgroup_size_z, p->private_segment_size, p->group_segment_size,
           p->kernel_object, p->kernarg_address, p->completion_signal.handle);
}

static void describe_barrier(struct text *text, const union hsp_packet *packet) {
    const hsa_barrier_and_packet_t *p = &packet->barrier_and;
    append(text, " dependencies=");
    const char *separator = "";
    for (int i = 0; i < 5; i++) {
        if (p->dep_signal[i].handle == 0)
            continue;
        append(text, "%s0x%" PRIx64, separator, p->dep_signal[i].handle);
        separator = ",";
    }
    if (!separator[0])
        append(text, "none");
    append(text, " completion=0x%" PRIx64, p->completion_signal.handle);
}

static void describe_agent_dispatch(struct text *text, const union hsp_packet *packet) {
    const hsa_agent_dispatch_packet_t *p = &packet->agent_dispatch;
    append(text,
           " function=%u arguments=0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64 ",0x%" PRIx64
           " return=%p completion=0x%" PRIx64,
           p->type, p->arg[0], p->arg[1], p->arg[2], p->arg[3], p->return_address,
           p->completion_signal.handle);
}

static void describe_words(struct text *text, const union hsp_packet *packet) {
    append(text, " words=");
    for (int i = 0; i < 16; i++)
        append(text, "%s%08x", i ? " " : "", packet->words[i]);
}

static void describe_vendor(struct text *text, const union hsp_packet *packet) {
    static const char *const conditions[] = {"==", "!=", "<", ">="};
    const hsa_amd_barrier_value_packet_t *p = &packet->barrier_value;
    if (p->header.AmdFormat != ABI_AQL_AMD_BARRIER_VALUE) {
        append(text, " format=%u", p->header.AmdFormat);
        describe_words(text, packet);
        return;
    }
    append(text,
           " format=barrier_value signal=0x%" PRIx64 " mask=0x%" PRIx64
           " condition=%s value=%" PRId64 " completion=0x%" PRIx64,
           p->signal.handle, (uint64_t)p->mask, p->cond < 4 ? conditions[p->cond] : "?", p->value,
           p->completion_signal.handle);
}

static const struct packet_type {
    const char *name;
    void (*describe)(struct text *, const union hsp_packet *);
} packet_types[] = {
    [ABI_AQL_VENDOR] = {"vendor", describe_vendor},
    [ABI_AQL_INVALID] = {"invalid", describe_words},
    [ABI_AQL_KERNEL_DISPATCH] = {"kernel_dispatch", describe_dispatch},
    [ABI_AQL_BARRIER_AND] = {"barrier_and", describe_barrier},
    [ABI_AQL_AGENT_DISPATCH] = {"agent_dispatch", describe_agent_dispatch},
    [ABI_AQL_BARRIER_OR] = {"barrier_or", describe_barrier},
};

int hsp_packet_describe(const union hsp_packet *packet, char *text_buffer, size_t text_bytes) {
    struct text text = {.buffer = text_buffer, .bytes = text_bytes};
    const uint16_t header = (uint16_t)packet->words[0];
    const unsigned type = abi_aql_type(header);
    if (type < sizeof(packet_types) / sizeof(packet_types[0])) {
        append_header(&text, packet_types[type].name, header);
        packet_types[type].describe(&text, packet);
    } else {
        append(&text, "type %u", type);
        describe_words(&text, packet);
    }
    return (int)text.length;
}
