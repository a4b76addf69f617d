/* SPDX-License-Identifier: MIT */
/// hsa_init and hsa_shut_down by many threads at once; queues of the smallest and the greatest size
/// and of each type; queues that many threads create, use and destroy at once; queues and signals
/// that the device doesn't run; what is refused.
#include "e2e.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 15, CHURNERS = 8, CHURN_ROUNDS = 50 };

static struct e2e e2e;

static void *init_and_shut_down(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t hz = 0;
        HSA(hsa_init());
        HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &hz));
        CHECK(hz > 0, "no clock");
        HSA(hsa_shut_down());
    }
    return NULL;
}

static void from_many_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, init_and_shut_down, NULL) == 0, "thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void use_queue(uint32_t packets, hsa_queue_type32_t type, int times) {
    hsa_queue_t *queue;
    HSA(hsa_queue_create(e2e.gpu, packets, type, NULL, NULL, UINT32_MAX, UINT32_MAX, &queue));
    CHECK(queue->size == packets, "%u packets", queue->size);
    for (int i = 0; i < times; i++)
        e2e_vector_add(&e2e, queue, 1000);
    HSA(hsa_queue_inactivate(queue));
    HSA(hsa_queue_destroy(queue));
}

static void queues(void) {
    uint32_t least, most;
    hsa_queue_t *queue;
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_QUEUE_MIN_SIZE, &least));
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_QUEUE_MAX_SIZE, &most));
    use_queue(least, HSA_QUEUE_TYPE_SINGLE, 3);
    use_queue(most, HSA_QUEUE_TYPE_MULTI, 1);
    use_queue(64, HSA_QUEUE_TYPE_COOPERATIVE, 1);
    const struct {
        hsa_agent_t agent;
        uint32_t packets;
        hsa_status_t status;
    } refused[] = {
        {e2e.gpu, 2 * most, HSA_STATUS_ERROR_OUT_OF_RESOURCES},
        {e2e.gpu, 3, HSA_STATUS_ERROR_INVALID_ARGUMENT},
        {e2e.gpu, 0, HSA_STATUS_ERROR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const hsa_status_t status =
            hsa_queue_create(refused[i].agent, refused[i].packets, HSA_QUEUE_TYPE_SINGLE, NULL,
                             NULL, UINT32_MAX, UINT32_MAX, &queue);
        CHECK(status == refused[i].status, "%u packets: 0x%x", refused[i].packets, status);
    }
    CHECK(hsa_queue_create(e2e.cpu, 64, HSA_QUEUE_TYPE_SINGLE, NULL, NULL, UINT32_MAX, UINT32_MAX,
                           &queue) != HSA_STATUS_SUCCESS,
          "a queue of the CPU");
}

/// To destroy a queue is to unmap its memory, which waits for what all other queues do.
static void *create_and_destroy(void *argument) {
    for (int i = 0; i < CHURN_ROUNDS; i++) {
        const hsa_signal_t done = e2e_signal(1);
        const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND
                                                           << HSA_PACKET_HEADER_TYPE,
                                                 .completion_signal = done};
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        e2e_submit(queue, &packet);
        e2e_wait(done);
        HSA(hsa_queue_destroy(queue));
        HSA(hsa_signal_destroy(done));
    }
    return argument;
}

static void queues_come_and_go(void) {
    pthread_t threads[CHURNERS];
    for (int i = 0; i < CHURNERS; i++)
        CHECK(pthread_create(&threads[i], NULL, create_and_destroy, NULL) == 0, "thread");
    for (int i = 0; i < CHURNERS; i++)
        pthread_join(threads[i], NULL);
}

static void signal_groups(void) {
    hsa_signal_t signals[3], which;
    hsa_signal_group_t group;
    const hsa_signal_condition_t conditions[3] = {0};
    const hsa_signal_value_t values[3] = {0};
    hsa_signal_value_t value = 1;
    for (int i = 0; i < 3; i++)
        signals[i] = e2e_signal(1);
    HSA(hsa_signal_group_create(3, signals, 0, NULL, &group));
    hsa_signal_store_screlease(signals[2], 0);
    HSA(hsa_signal_group_wait_any_scacquire(group, conditions, values, HSA_WAIT_STATE_BLOCKED,
                                            &which, &value));
    CHECK(which.handle == signals[2].handle && value == 0, "another signal, %ld", (long)value);
    HSA(hsa_signal_group_destroy(group));
    for (int i = 0; i < 3; i++)
        HSA(hsa_signal_destroy(signals[i]));
}

int main(void) {
    e2e_open(&e2e);
    from_many_threads(); // beside this user of the runtime
    queues();
    queues_come_and_go();
    signal_groups();
    e2e_close();
    CHECK(hsa_shut_down() == HSA_STATUS_ERROR_NOT_INITIALIZED, "shut down twice");
    from_many_threads(); // each may be the first or the last
    e2e_open(&e2e);
    use_queue(64, HSA_QUEUE_TYPE_MULTI, 1);
    e2e_close();
    return 0;
}
