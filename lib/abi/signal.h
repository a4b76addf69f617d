/* SPDX-License-Identifier: MIT */
/// The memory behind an hsa_signal_t handle on AMD's runtime.
/// Source: amd_hsa_signal.h of ROCR-Runtime; unchanged from 5.2 to 7.x.
#ifndef HSP_ABI_SIGNAL_H
#define HSP_ABI_SIGNAL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum abi_signal_kind {
    ABI_SIGNAL_INVALID = 0,
    ABI_SIGNAL_USER = 1,
    ABI_SIGNAL_DOORBELL = -1,
    ABI_SIGNAL_LEGACY_DOORBELL = -2,
};

struct abi_signal {
    int64_t kind;
    int64_t value;              ///< or the doorbell's address when `kind` is a doorbell
    uint64_t event_mailbox_ptr; ///< 0 when nobody sleeps on the signal's event
    uint32_t event_id;
    uint32_t reserved1;
    uint64_t start_ts; ///< device clock, 100 MHz on gfx90a
    uint64_t end_ts;
    uint64_t queue_ptr;
    uint32_t reserved3[2];
};
static_assert(sizeof(struct abi_signal) == 64, "amd_signal_t");
static_assert(offsetof(struct abi_signal, event_mailbox_ptr) == 16, "amd_signal_t");
static_assert(offsetof(struct abi_signal, start_ts) == 32, "amd_signal_t");

#endif
