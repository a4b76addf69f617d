/* SPDX-License-Identifier: MIT */
#include <hsaprobe/dispatch.h>

#include <string.h>

#include "abi/aql.h"
#include "probe/submit.h"

void hsp_barrier_init(struct hsp_barrier *barrier, enum hsp_barrier_kind kind) {
    *barrier = (struct hsp_barrier){
        .kind = kind,
        .mask = -1,
        .acquire = HSA_FENCE_SCOPE_SYSTEM,
        .release = HSA_FENCE_SCOPE_SYSTEM,
        .barrier = true,
    };
}

// Both kinds have the same fields in the same places.
static void fill_dependencies(const struct hsp_barrier *barrier, hsa_barrier_and_packet_t *slot) {
    slot->reserved1 = 0;
    memcpy(slot->dep_signal, barrier->dependencies, sizeof(slot->dep_signal));
    slot->reserved2 = 0;
    slot->completion_signal = barrier->completion;
}

static void fill_value(const struct hsp_barrier *barrier, hsa_amd_barrier_value_packet_t *slot) {
    slot->reserved0 = 0;
    slot->signal = barrier->signal;
    slot->value = barrier->value;
    slot->mask = barrier->mask;
    slot->cond = (hsa_signal_condition32_t)barrier->condition;
    slot->reserved1 = 0;
    slot->reserved2 = 0;
    slot->reserved3 = 0;
    slot->completion_signal = barrier->completion;
}

void hsp_barrier_fill(const struct hsp_barrier *barrier, union hsp_packet *packet,
                      uint16_t *out_header, uint16_t *out_setup) {
    hsa_packet_type_t type = HSA_PACKET_TYPE_VENDOR_SPECIFIC;
    if (barrier->kind == HSP_BARRIER_VALUE) {
        fill_value(barrier, &packet->barrier_value);
    } else {
        type = barrier->kind == HSP_BARRIER_OR ? HSA_PACKET_TYPE_BARRIER_OR
                                               : HSA_PACKET_TYPE_BARRIER_AND;
        fill_dependencies(barrier, &packet->barrier_and);
    }
    *out_header = hsp_packet_header(type, barrier->barrier, barrier->acquire, barrier->release);
    *out_setup = barrier->kind == HSP_BARRIER_VALUE ? ABI_AQL_AMD_BARRIER_VALUE : 0;
}

static void fill_barrier(const void *items, uint32_t index, union hsp_packet *slot,
                         uint16_t *out_header, uint16_t *out_setup) {
    hsp_barrier_fill(&((const struct hsp_barrier *)items)[index], slot, out_header, out_setup);
}

hsp_status hsp_barrier_submit(struct hsp_queue *queue, enum hsp_submit submit,
                              const struct hsp_barrier *barriers, uint32_t count,
                              uint64_t *out_first_index) {
    return hsp_submit_packets(queue, submit, fill_barrier, barriers, count, out_first_index);
}
