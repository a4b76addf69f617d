/* SPDX-License-Identifier: MIT */
/// HSA agents: the processors that hsp_runtime_init found.
///
/// An agent is owned by the runtime and valid until the last hsp_runtime_shutdown; everything is
/// read once at initialisation, so these functions are loads.
///
/// Thread safety: all functions, from any thread.
#ifndef HSAPROBE_AGENT_H
#define HSAPROBE_AGENT_H

#include <hsa/hsa.h>
#include <hsaprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hsp_agent;

enum hsp_agent_type { HSP_AGENT_CPU, HSP_AGENT_GPU, HSP_AGENT_OTHER };

/// Properties; 0 or "" where the runtime doesn't know one or the agent hasn't any (a CPU's
/// wavefront).
struct hsp_agent_info {
    enum hsp_agent_type type;
    uint32_t index;                  ///< among all agents
    uint32_t type_index;             ///< among the agents of its type: what the user counts
    char name[64];                   ///< HSA_AGENT_INFO_NAME: "gfx90a"
    char vendor[64];                 ///<
    char product[64];                ///< HSA_AMD_AGENT_INFO_PRODUCT_NAME
    char uuid[24];                   ///< "GPU-0123456789abcdef", "CPU-XX"
    bool dispatches;                 ///< kernels run here
    uint32_t node;                   ///< driver node
    uint32_t chip_id;                ///< PCI device id
    uint32_t pci_domain;             ///<
    uint32_t pci_bdf;                ///< bus << 8 | device << 3 | function
    uint32_t wavefront_size;         ///< work-items
    uint32_t cu_count;               ///< compute units
    uint32_t simds_per_cu;           ///<
    uint32_t waves_per_cu;           ///< most that are resident
    uint32_t shader_engines;         ///<
    uint32_t clock_mhz;              ///< greatest
    uint32_t memory_mhz;             ///< greatest
    uint32_t memory_bus_bits;        ///<
    uint32_t cache_bytes[4];         ///< L1 .. L4
    uint32_t cacheline_bytes;        ///<
    uint32_t workgroup_max_size;     ///< work-items in a work-group
    uint16_t workgroup_max_dim[3];   ///< per dimension
    uint64_t grid_max_size;          ///< work-items in a grid
    uint32_t grid_max_dim[3];        ///< per dimension
    uint32_t lds_bytes;              ///< most that one work-group may use
    uint32_t queues_max;             ///<
    uint32_t queue_min_packets;      ///<
    uint32_t queue_max_packets;      ///<
    bool fine_grained_host_access;   ///< HSA_PROFILE_FULL
    uint64_t timestamp_frequency_hz; ///< of device timestamps; 0 where the runtime can't say
};

/// Number of agents; 0 before hsp_runtime_init.
HSP_API size_t hsp_agent_count(void);
/// NULL when `index` is out of range.
HSP_API const struct hsp_agent *hsp_agent_at(size_t index);
/// The agent behind an HSA handle, or NULL.
HSP_API const struct hsp_agent *hsp_agent_from_handle(hsa_agent_t handle);
/// First CPU agent; never NULL while the runtime is initialised.
HSP_API const struct hsp_agent *hsp_agent_host(void);
/// A GPU by the user's words: its number among the GPUs ("0"), its UUID ("GPU-...", any case), or
/// NULL for the first one. HSP_ERROR_NO_DEVICE: there is no GPU at all; HSP_ERROR_NOT_FOUND: not
/// that one (the text lists those that exist).
HSP_API hsp_status hsp_agent_select(const char *selector, const struct hsp_agent **out_agent);

/// What was read at initialisation; owned by the runtime. Never NULL.
HSP_API const struct hsp_agent_info *hsp_agent_info_get(const struct hsp_agent *agent);
/// HSA's own handle, for calls of HSA.
HSP_API hsa_agent_t hsp_agent_handle(const struct hsp_agent *agent);

/// ISAs in the runtime's order of preference: "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-".
HSP_API size_t hsp_agent_isa_count(const struct hsp_agent *agent);
/// NULL when `index` is out of range.
HSP_API const char *hsp_agent_isa_name(const struct hsp_agent *agent, size_t index);

#ifdef __cplusplus
}
#endif

#endif
