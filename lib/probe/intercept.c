/* SPDX-License-Identifier: MIT */
// Queues whose packets pass through functions of the program. The runtime's two functions for it
// are not exported: they are slots of its API table.
#include <stdlib.h>
#include <string.h>

#include "hsa/api_table.h"
#include "probe/probe.h"
#include "probe/queue.h"
#include "probe/tool.h"

#define CREATE_NAME   "hsa_amd_queue_intercept_create"
#define REGISTER_NAME "hsa_amd_queue_intercept_register"

// Declared for C++ only, in hsa_api_trace.h.
typedef void (*native_writer)(const void *packets, uint64_t count);
typedef void (*native_interceptor)(const void *packets, uint64_t count, uint64_t index, void *data,
                                   native_writer writer);
typedef hsa_status_t (*register_function)(hsa_queue_t *queue, native_interceptor interceptor,
                                          void *data);
typedef hsa_status_t (*create_function)(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                                        void (*on_error)(hsa_status_t, hsa_queue_t *, void *),
                                        void *data, uint32_t private_bytes, uint32_t group_bytes,
                                        hsa_queue_t **queue);

// ROCr's own writer may be called once in each call of an interceptor: packets are gathered.
struct hsp_packet_writer {
    union hsp_packet *packets;
    uint64_t count;
    uint64_t capacity;
};

struct hsp_interceptor_node {
    struct hsp_interceptor_node *next;
    hsp_queue_interceptor interceptor;
    void *data;
    struct hsp_packet_writer writer; // its memory is kept from call to call
};

hsp_status hsp_packet_write(struct hsp_packet_writer *writer, const union hsp_packet *packets,
                            uint64_t count) {
    if (count > writer->capacity - writer->count) {
        const uint64_t capacity = (writer->count + count) * 2;
        void *grown = reallocarray(writer->packets, capacity, sizeof(*packets));
        if (!grown)
            return hsp_fail_memory("an interceptor's packets");
        writer->packets = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->packets + writer->count, packets, count * sizeof(*packets));
    writer->count += count;
    return HSP_OK;
}

static void intercept(const void *packets, uint64_t count, uint64_t index, void *data,
                      native_writer write) {
    struct hsp_interceptor_node *node = data;
    node->writer.count = 0;
    node->interceptor(packets, count, index, &node->writer, node->data);
    if (node->writer.count > 0)
        write(node->writer.packets, node->writer.count);
}

static hsp_status find_slot(const char *name, void ***out_slot) {
    const struct hsp_api_table *table = hsp_tool_table();
    void **slot = table ? hsp_api_table_slot(table, name) : NULL;
    if (!slot)
        return hsp_hint(hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                                 table ? "the runtime's API table has no %s"
                                       : "no API table of the runtime, so no %s",
                                 name),
                        "call hsp_runtime_request_table before the process's first "
                        "hsp_runtime_init");
    *out_slot = slot;
    return HSP_OK;
}

hsp_status hsp_intercept_create(const struct hsp_agent *agent, uint32_t size,
                                hsa_queue_type32_t type,
                                void (*on_error)(hsa_status_t, hsa_queue_t *, void *), void *data,
                                uint32_t private_bytes, uint32_t group_bytes,
                                hsa_queue_t **out_native) {
    void **slot = NULL;
    const hsp_status status = find_slot(CREATE_NAME, &slot);
    if (status != HSP_OK)
        return status;
    const create_function create = *(create_function *)slot;
    return hsp_hsa_check_name(
        create(agent->handle, size, type, on_error, data, private_bytes, group_bytes, out_native),
        CREATE_NAME);
}

hsp_status hsp_queue_intercept(struct hsp_queue *queue, hsp_queue_interceptor interceptor,
                               void *data) {
    if (!queue->is_intercepted)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "the queue wasn't made with options.intercept");
    if (hsp_queue_write_index(queue) != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "an interceptor comes too late: the queue has had %llu packets",
                        (unsigned long long)hsp_queue_write_index(queue));
    void **slot = NULL;
    hsp_status status = find_slot(REGISTER_NAME, &slot);
    if (status != HSP_OK)
        return status;
    struct hsp_interceptor_node *node = malloc(sizeof(*node));
    if (!node)
        return hsp_fail_memory("an interceptor");
    *node = (struct hsp_interceptor_node){
        .next = queue->interceptors,
        .interceptor = interceptor,
        .data = data,
    };
    const register_function add = *(register_function *)slot;
    status = hsp_hsa_check_name(add(queue->native, intercept, node), REGISTER_NAME);
    if (status != HSP_OK) {
        free(node);
        return status;
    }
    queue->interceptors = node;
    return HSP_OK;
}

void hsp_intercept_fini(struct hsp_queue *queue) {
    while (queue->interceptors) {
        struct hsp_interceptor_node *node = queue->interceptors;
        queue->interceptors = node->next;
        free(node->writer.packets);
        free(node);
    }
}
