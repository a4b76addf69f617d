/* SPDX-License-Identifier: MIT */
/// What the kernel shows of a GPU beside KFD's topology: the PCI device with amdgpu's own files
/// (Documentation/gpu/amdgpu in Linux's sources), which rocm_smi reads, its DRM minors, and the
/// loaded module.
///
/// Clocks have the one state that the topology names. Files of what a software GPU hasn't got are
/// missing, as on a virtual function: temperatures, power, fans, voltages, the load.
#ifndef SG_KFD_CARD_H
#define SG_KFD_CARD_H

#include "softgpu/kfd/nodes.h"

/// Everything of GPU `index`, and its nodes in /dev/dri.
void sg_card_describe(struct sg_nodes *nodes, const struct sg_topology *topology, uint32_t index);
/// The module, once for all GPUs.
void sg_card_describe_module(struct sg_nodes *nodes);

#endif
