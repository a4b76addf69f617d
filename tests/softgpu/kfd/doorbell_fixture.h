/* SPDX-License-Identifier: MIT */
/// A doorbell page with queues behind it, as a process sees it. The fake compute units run.
#ifndef DOORBELL_FIXTURE_H
#define DOORBELL_FIXTURE_H

#include "../cp/harness.h"
#include "softgpu/kfd/doorbell.h"

enum { FIXTURE_PAGE_BYTES = 8192, FIXTURE_MAX_QUEUES = 4 };

struct doorbell_fixture {
    struct harness harness;
    struct sg_doorbell *doorbell;
    uint8_t *device_page;
    uint8_t *app_page; ///< the application's mapping
    struct app_queue queues[FIXTURE_MAX_QUEUES];
    uint64_t signals[FIXTURE_MAX_QUEUES];
    uint32_t queue_count;
};

/// Installs a SIGSEGV handler that asks sg_trap_handle and aborts on anything else.
void doorbell_fixture_install_handler(void);
/// Returns false when the mode is not available on this machine (uffd).
bool doorbell_fixture_init(struct doorbell_fixture *fixture, enum sg_doorbell_mode mode,
                           uint32_t queue_count);
void doorbell_fixture_fini(struct doorbell_fixture *fixture);
/// Publishes a dispatch on a queue and stores to its doorbell as ROCr does.
void doorbell_fixture_launch(struct doorbell_fixture *fixture, uint32_t queue,
                             uint64_t kernel_object);
/// Launches and waits for completion; false after 5 s.
bool doorbell_fixture_round_trip(struct doorbell_fixture *fixture, uint32_t queue,
                                 uint64_t kernel_object);

#endif
