/* SPDX-License-Identifier: MIT */
/// What to do where there is no GPU.
#ifndef HSP_PROBE_NO_DEVICE_H
#define HSP_PROBE_NO_DEVICE_H

#include "base/status.h"

/// Adds the hint to run this very program on the software GPU, as it was called: with its
/// arguments, as long as they are plain words to a shell. Returns `status`.
hsp_status hsp_hint_software_gpu(hsp_status status);
/// Whether /dev/kfd can be opened; errno says why not.
bool hsp_has_driver(void);

#endif
