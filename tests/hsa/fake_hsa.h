/* SPDX-License-Identifier: MIT */
/// What both files of a fake share.
#ifndef TESTS_HSA_FAKE_HSA_H
#define TESTS_HSA_FAKE_HSA_H

#include <stdint.h>

#define FAKE_EXPORT __attribute__((visibility("default")))

/// CLOCK_MONOTONIC_RAW.
uint64_t fake_now_ns(void);
/// Spends FAKE_HSA_DELAY_NS of the environment.
void fake_spend(void);

#endif
