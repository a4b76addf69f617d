/* SPDX-License-Identifier: MIT */
#include <hsaprobe/signal.h>

#include <assert.h>
#include <string.h>

#include "abi/signal.h"
#include "probe/probe.h"

static hsp_status create_with(int64_t initial, const hsa_agent_t *consumers, uint32_t count,
                              uint64_t attributes, hsa_signal_t *signal) {
    if (attributes)
        return HSP_HSA_CALL(hsa_amd_signal_create, (initial, count, consumers, attributes, signal));
    return HSP_HSA_CALL(hsa_signal_create, (initial, count, consumers, signal));
}

hsp_status hsp_signal_create(int64_t initial, const struct hsp_signal_options *options,
                             hsa_signal_t *out_signal) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    struct hsp_signal_options chosen = {0};
    status = hsp_options_read(options, &chosen, sizeof(chosen), "signal options");
    if (status != HSP_OK)
        return status;
    struct hsp_agent_list list;
    status = hsp_agent_list_init(&list, chosen.consumers, chosen.consumer_count);
    if (status != HSP_OK)
        return status;
    hsa_signal_t signal = {0};
    const uint64_t attributes = (chosen.busy_wait ? HSA_AMD_SIGNAL_AMD_GPU_ONLY : 0u) |
                                (chosen.ipc ? HSA_AMD_SIGNAL_IPC : 0u);
    status = create_with(initial, list.handles, list.count, attributes, &signal);
    hsp_agent_list_fini(&list);
    if (status == HSP_OK)
        *out_signal = signal;
    return status;
}

void hsp_signal_destroy(hsa_signal_t signal) {
    if (signal.handle)
        HSP_HSA(hsa_signal_destroy)(signal);
}

int64_t hsp_signal_load_relaxed(hsa_signal_t signal) {
    return HSP_HSA(hsa_signal_load_relaxed)(signal);
}

int64_t hsp_signal_load_acquire(hsa_signal_t signal) {
    return HSP_HSA(hsa_signal_load_scacquire)(signal);
}

void hsp_signal_store_relaxed(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_store_relaxed)(signal, value);
}

void hsp_signal_store_release(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_store_screlease)(signal, value);
}

void hsp_signal_silent_store_relaxed(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_silent_store_relaxed)(signal, value);
}

void hsp_signal_silent_store_release(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_silent_store_screlease)(signal, value);
}

#define UPDATE_ORDER(op, order, hsa_order)                                                         \
    void hsp_signal_##op##_##order(hsa_signal_t signal, int64_t value) {                           \
        HSP_HSA(hsa_signal_##op##_##hsa_order)(signal, value);                                     \
    }
#define UPDATE(op)                                                                                 \
    UPDATE_ORDER(op, relaxed, relaxed)                                                             \
    UPDATE_ORDER(op, acquire, scacquire)                                                           \
    UPDATE_ORDER(op, release, screlease)                                                           \
    UPDATE_ORDER(op, acq_rel, scacq_screl)
UPDATE(add)
UPDATE(subtract)
UPDATE(and)
UPDATE(or)
UPDATE(xor)

#define SWAP_ORDER(order, hsa_order)                                                               \
    int64_t hsp_signal_exchange_##order(hsa_signal_t signal, int64_t value) {                      \
        return HSP_HSA(hsa_signal_exchange_##hsa_order)(signal, value);                            \
    }                                                                                              \
    int64_t hsp_signal_cas_##order(hsa_signal_t signal, int64_t expected, int64_t value) {         \
        return HSP_HSA(hsa_signal_cas_##hsa_order)(signal, expected, value);                       \
    }
SWAP_ORDER(relaxed, relaxed)
SWAP_ORDER(acquire, scacquire)
SWAP_ORDER(release, screlease)
SWAP_ORDER(acq_rel, scacq_screl)

hsp_status hsp_signal_export(hsa_signal_t signal, struct hsp_ipc_handle *out_handle) {
    static_assert(sizeof(*out_handle) == sizeof(hsa_amd_ipc_signal_t), "same bytes");
    hsa_amd_ipc_signal_t native = {0};
    const hsp_status status = HSP_HSA_CALL(hsa_amd_ipc_signal_create, (signal, &native));
    if (status == HSP_OK)
        memcpy(out_handle, &native, sizeof(native));
    return status;
}

hsp_status hsp_signal_import(const struct hsp_ipc_handle *handle, hsa_signal_t *out_signal) {
    hsa_amd_ipc_signal_t native;
    memcpy(&native, handle, sizeof(native));
    hsa_signal_t signal = {0};
    const hsp_status status = HSP_HSA_CALL(hsa_amd_ipc_signal_attach, (&native, &signal));
    if (status == HSP_OK)
        *out_signal = signal;
    return status;
}

static enum hsp_signal_kind kind_of(int64_t native_kind) {
    switch (native_kind) {
    case ABI_SIGNAL_USER:
        return HSP_SIGNAL_USER;
    case ABI_SIGNAL_DOORBELL:
        return HSP_SIGNAL_DOORBELL;
    case ABI_SIGNAL_LEGACY_DOORBELL:
        return HSP_SIGNAL_LEGACY_DOORBELL;
    default:
        return HSP_SIGNAL_OTHER;
    }
}

int64_t *hsp_signal_value_address(hsa_signal_t signal) {
    struct abi_signal *memory = (struct abi_signal *)(uintptr_t)signal.handle;
    return kind_of(memory->kind) == HSP_SIGNAL_USER ? (int64_t *)&memory->value : NULL;
}

void hsp_signal_inspect(hsa_signal_t signal, struct hsp_signal_state *out_state) {
    const struct abi_signal *memory = (const struct abi_signal *)(uintptr_t)signal.handle;
    const int64_t value = __atomic_load_n(&memory->value, __ATOMIC_ACQUIRE);
    const enum hsp_signal_kind kind = kind_of(memory->kind);
    const bool is_doorbell = kind == HSP_SIGNAL_DOORBELL || kind == HSP_SIGNAL_LEGACY_DOORBELL;
    *out_state = (struct hsp_signal_state){
        .kind = kind,
        .native_kind = memory->kind,
        .value = is_doorbell ? 0 : value,
        .doorbell_address = is_doorbell ? (uint64_t)value : 0,
        .interrupts = memory->event_mailbox_ptr != 0,
        .event_id = memory->event_id,
        .mailbox_address = memory->event_mailbox_ptr,
        .start_ticks = __atomic_load_n(&memory->start_ts, __ATOMIC_RELAXED),
        .end_ticks = __atomic_load_n(&memory->end_ts, __ATOMIC_RELAXED),
        .queue_address = is_doorbell ? memory->queue_ptr : 0,
    };
}
