/* SPDX-License-Identifier: MIT */
/// One GPU for tests of the packet processors: an address space whose GPU addresses differ from the
/// host's, the fake compute units, a recording sink, and queues with an application's view of them.
#ifndef HARNESS_H
#define HARNESS_H

#include "abi/aql.h"
#include "abi/queue.h"
#include "abi/signal.h"
#include "fake_cu.h"
#include "softgpu/cp/cp.h"

#include <pthread.h>

enum { HARNESS_BYTES = 16 << 20, HARNESS_EVENTS = 256 };
#define HARNESS_VA UINT64_C(0x700000000000)

struct harness {
    struct sg_vm *vm;
    struct sg_cu *cu;
    struct sg_cp *cp;
    uint8_t *memory; ///< HARNESS_BYTES, mapped at HARNESS_VA
    uint64_t used;
    _Atomic uint32_t events[HARNESS_EVENTS]; ///< how often each event was raised
    pthread_t raisers[HARNESS_EVENTS];       ///< by which thread last; set before the count
    _Atomic uint32_t memory_faults;
    _Atomic uint32_t reports;
    struct sg_fault last_fault;
};

/// `watch` may be NULL.
void harness_init(struct harness *harness, const struct sg_cp_watch *watch);
void harness_fini(struct harness *harness);
/// GPU address of fresh zeroed memory, 64-byte aligned.
uint64_t harness_alloc(struct harness *harness, uint64_t bytes);
void *harness_host(struct harness *harness, uint64_t va);

/// An AQL or SDMA queue as an application sees it.
struct app_queue {
    struct harness *harness;
    struct sg_cp_queue *queue;
    uint64_t ring_va;
    uint8_t *ring;
    uint32_t slots; ///< AQL: packets; SDMA: bytes
    uint64_t amd_queue_va;
    struct abi_queue *amd_queue; ///< SDMA: only its indices are used
    uint64_t error_signal_va;
    struct abi_signal *error_signal;
};
enum { ERROR_EVENT = 200 };

void app_queue_create(struct harness *harness, struct app_queue *app, enum sg_cp_queue_type type,
                      uint32_t slots);
void app_queue_destroy(struct app_queue *app);
/// Fills the next slot, publishes its header last and returns its index; rings no doorbell.
uint64_t app_queue_publish(struct app_queue *app, const void *packet);
/// Writes `count` dwords behind the SDMA write index and advances it.
void app_sdma_publish(struct app_queue *app, const uint32_t *dwords, uint32_t count);
void app_queue_ring(struct app_queue *app);

/// A signal with a value; `event_id` 0: no event, else with a mailbox.
uint64_t app_signal_create(struct harness *harness, int64_t value, uint32_t event_id);
struct abi_signal *app_signal(struct harness *harness, uint64_t handle);
int64_t app_signal_load(struct harness *harness, uint64_t handle);
void app_signal_store(struct harness *harness, uint64_t handle, int64_t value);
/// Waits until the value is as wanted; false after `timeout_ms`.
bool app_signal_wait(struct harness *harness, uint64_t handle, int64_t value, uint32_t timeout_ms);
/// Waits until *word == value.
bool wait_u64(const uint64_t *word, uint64_t value, uint32_t timeout_ms);
bool wait_u32(const _Atomic uint32_t *word, uint32_t value, uint32_t timeout_ms);
void sleep_ms(uint32_t ms);

/// A valid one-wave dispatch of `kernel_object`.
struct abi_aql_dispatch dispatch_packet(uint64_t kernel_object, uint64_t completion_signal);
struct abi_aql_barrier barrier_packet(enum abi_aql_type type, uint64_t completion_signal);

#endif
