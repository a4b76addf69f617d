/* SPDX-License-Identifier: MIT */
/// What the kernel shows of the GPUs outside its device nodes: the KFD topology, the PCI device,
/// the DRM nodes and the loaded module, as files with paths and contents.
///
/// Node 0 is the processor, node 1 + i is GPU i. GPUs hang on PCIe and reach each other over it, as
/// MI210s without a bridge do: a link to the processor each, peer links among themselves.
#ifndef SG_KFD_TOPOLOGY_H
#define SG_KFD_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

/// An AMD Instinct MI210 (one Aldebaran die).
enum {
    SG_PCI_VENDOR = 0x1002,
    SG_PCI_DEVICE = 0x740f,
    SG_PCI_REVISION = 0x02,
    SG_ENGINE_MHZ = 1700,
    SG_MEMORY_MHZ = 1600,
    SG_MEMORY_BITS = 4096,
    SG_KFD_MAJOR = 510, ///< /dev/kfd has a dynamic major number; one that Linux leaves free
};

/// The PCI bus that a GPU (below SG_GPU_LIMIT) is on; device and function are 0, the domain is 0.
uint32_t sg_topology_pci_bus(uint32_t index);

/// How the compute units are spread over shader engines.
struct sg_gpu_shape {
    uint32_t cus;
    uint32_t engines;
    uint32_t cus_per_engine; ///< of the fullest engine
};

/// Shape of a GPU with `cu_count` units (1 to 104).
void sg_topology_shape(uint32_t cu_count, struct sg_gpu_shape *out_shape);

/// Firmware versions of the compute microengines and of SDMA.
enum { SG_FIRMWARE_MEC = 71, SG_FIRMWARE_SDMA = 8 };

/// The number that tells this GPU (below SG_GPU_LIMIT) from all others.
uint64_t sg_topology_unique_id(uint32_t index);

enum sg_node_kind { SG_NODE_FILE, SG_NODE_LINK, SG_NODE_DEVICE, SG_NODE_DIRECTORY };

/// A file's contents that are a number of the moment when it is opened, in bytes.
enum sg_live { SG_LIVE_NONE, SG_LIVE_VRAM_USED, SG_LIVE_GTT_USED };

/// One entry of the generated tree. Parent directories are implied.
struct sg_node {
    enum sg_node_kind kind;
    const char *path;    ///< absolute
    const char *content; ///< FILE: its bytes; LINK: its target, absolute
    uint32_t major;      ///< DEVICE
    uint32_t minor;      ///< DEVICE
    enum sg_live live;   ///< FILE: instead of a content (sg_kfd_live)
    uint32_t gpu_index;  ///< FILE: whose number that is
    bool host_first;     ///< FILE: the host's file of that name, if it has one, comes before
};

struct sg_topology {
    uint32_t gpu_count;
    uint64_t vram_bytes; ///< of each GPU
    uint64_t ram_bytes;
    uint32_t cu_count; ///< of each GPU
    uint32_t cpu_count;
    uint32_t first_apic_id;   ///< of the host's processor 0: ROCT finds its name by that
    bool host_has_cpu_caches; ///< else the CPU node lists its own, because ROCT insists on some
};

/// Receives each entry; strings are valid during the call only. Returns false to stop.
typedef bool (*sg_topology_emit)(void *context, const struct sg_node *node);

/// Describes the whole tree. Returns false if `emit` did. Allocates nothing.
bool sg_topology_generate(const struct sg_topology *topology, sg_topology_emit emit, void *context);

#endif
