/* SPDX-License-Identifier: MIT */
/// What intercept.c has the runtime load as a tool: every queue that the program creates becomes an
/// intercepted one, and before each dispatch a packet of the tool's own is put into the ring.
#include "hsa/api_table.h"

#include <hsa/hsa.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT extern _Atomic unsigned intercept_queues, intercept_dispatches, intercept_others;
_Atomic unsigned intercept_queues, intercept_dispatches, intercept_others;

/* hsa_api_trace.h is C++; these are its types. */
typedef void (*write_packets)(const void *packets, uint64_t count);
typedef void (*on_packets)(const void *packets, uint64_t count, uint64_t index, void *data,
                           write_packets write);
typedef __typeof__(&hsa_queue_create) create_function;
typedef hsa_status_t (*register_function)(hsa_queue_t *queue, on_packets handler, void *data);

static create_function create_intercepted;
static register_function register_handler;

static void handle(const void *packets, uint64_t count, uint64_t index, void *data,
                   write_packets write) {
    (void)index, (void)data;
    for (uint64_t i = 0; i < count; ++i) {
        const char *packet = (const char *)packets + 64 * i;
        uint16_t header;
        memcpy(&header, packet, sizeof header);
        if ((header & 0xff) != HSA_PACKET_TYPE_KERNEL_DISPATCH) {
            intercept_others++;
            write(packet, 1);
            continue;
        }
        intercept_dispatches++;
        hsa_barrier_and_packet_t pair[2] = {
            {.header = HSA_PACKET_TYPE_BARRIER_AND | 1 << HSA_PACKET_HEADER_BARRIER}};
        memcpy(&pair[1], packet, sizeof pair[1]);
        write(pair, 2);
    }
}

static hsa_status_t create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                           void (*callback)(hsa_status_t, hsa_queue_t *, void *), void *data,
                           uint32_t private_bytes, uint32_t group_bytes, hsa_queue_t **queue) {
    const hsa_status_t status =
        create_intercepted(agent, size, type, callback, data, private_bytes, group_bytes, queue);
    if (status != HSA_STATUS_SUCCESS) {
        return status;
    }
    intercept_queues++;
    return register_handler(*queue, handle, NULL);
}

EXPORT bool OnLoad(const struct hsp_api_table *table, uint64_t version, uint64_t failed_count,
                   const char *const *failed);
EXPORT void OnUnload(void);

bool OnLoad(const struct hsp_api_table *table, uint64_t version, uint64_t failed_count,
            const char *const *failed) {
    const create_function mine = create;
    (void)version, (void)failed_count, (void)failed;
    memcpy(&create_intercepted, hsp_api_table_slot(table, "hsa_amd_queue_intercept_create"),
           sizeof create_intercepted);
    memcpy(&register_handler, hsp_api_table_slot(table, "hsa_amd_queue_intercept_register"),
           sizeof register_handler);
    memcpy(hsp_api_table_slot(table, "hsa_queue_create"), &mine, sizeof mine);
    return true;
}

void OnUnload(void) {}
