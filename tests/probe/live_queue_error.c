/* SPDX-License-Identifier: MIT */
// A packet that the device refuses stops its queue: the callback, the wait and later submits say
// why.
#include "live.h"

#include <stdatomic.h>

static atomic_int told;
static char told_reason[256];

static void on_error(struct hsp_queue *queue, hsp_status status, const char *reason, void *data) {
    CHECK(hsp_queue_error(queue) == status && data == &told);
    snprintf(told_reason, sizeof(told_reason), "%s", reason);
    atomic_fetch_add(&told, 1);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    const struct hsp_queue_options options = {
        .size = sizeof(options), .packet_count = 64, .on_error = on_error, .on_error_data = &told};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, &options, &queue));
    CHECK(hsp_queue_error(queue) == HSP_OK && hsp_queue_error_reason(queue)[0] == '\0');
    hsa_signal_t done;
    OK(hsp_signal_create(1, NULL, &done));
    // A dispatch of no dimensions.
    uint64_t index = 0;
    OK(hsp_queue_try_reserve(queue, 1, &index));
    union hsp_packet *slot = hsp_queue_slot(queue, index);
    memset(&slot->words[1], 0, sizeof(*slot) - sizeof(slot->words[0]));
    slot->dispatch.completion_signal = done;
    hsp_queue_publish(slot,
                      hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, false,
                                        HSA_FENCE_SCOPE_NONE, HSA_FENCE_SCOPE_NONE),
                      0);
    hsp_queue_ring_doorbell(queue, index);
    FAILS(hsp_dispatch_wait(queue, done, LIVE_WAIT_NS, HSP_WAIT_BLOCKED), HSP_ERROR_QUEUE,
          "the queue stopped: HSA_STATUS_ERROR");
    CHECK(HSP_STATUS_DOMAIN(hsp_queue_error(queue)) == HSP_DOMAIN_HSA);
    CHECK(strcmp(told_reason, hsp_queue_error_reason(queue)) == 0, "%s", told_reason);
    CHECK(atomic_load(&told) == 1);
    // The ring fills and nothing drains it.
    struct hsp_dispatch nothing = {.geometry = {1, {1, 1, 1}, {1, 1, 1}, 0}};
    hsp_status status = HSP_OK;
    for (int i = 0; i < 70 && status == HSP_OK; i++)
        status = hsp_dispatch_submit(queue, HSP_SUBMIT_RING, &nothing, 1, NULL);
    CHECK(status == HSP_ERROR_QUEUE, "0x%x", (unsigned)status);
    hsp_queue_destroy(queue);
    hsp_signal_destroy(done);
    hsp_runtime_shutdown();
    return 0;
}
