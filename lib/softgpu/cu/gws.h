/* SPDX-License-Identifier: MIT */
/// Global wave sync: 64 counters of the device that ds_gws_* work on (grid-wide barriers).
///
/// Semantics as in AMD's Vega ISA manual, DS_GWS_*. A resource is one atomic word, so that waves of
/// any thread may meet, also inside a signal handler. A barrier's round is a generation: who waits
/// remembers the generation of its arrival and goes on when it has changed.
#ifndef SG_CU_GWS_H
#define SG_CU_GWS_H

#include "softgpu/isa/wave.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { SG_GWS_RESOURCES = 64 };

struct sg_gws {
    _Atomic uint64_t
        resource[SG_GWS_RESOURCES]; ///< generation in the high, counter in the low half
};

/// Carries out the operation that `wave` (state GWS) stopped with. Returns true if the wave may go
/// on; else it waits: ask sg_gws_poll with the generation stored here.
bool sg_gws_execute(struct sg_gws *gws, const struct sg_wave *wave, uint32_t *out_generation);
/// Asks again for a waiting wave.
bool sg_gws_poll(struct sg_gws *gws, const struct sg_wave *wave, uint32_t generation);

#endif
