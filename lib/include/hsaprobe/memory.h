/* SPDX-License-Identifier: MIT */
/// Memory: allocated from pools, locked host memory, memory of other processes; copies.
///
/// Memory belongs to the caller until hsp_memory_free (or unlock, detach). Addresses are the same
/// for host and agents, except those that hsp_memory_lock returns.
///
/// Thread safety: all functions, from any thread.
#ifndef HSAPROBE_MEMORY_H
#define HSAPROBE_MEMORY_H

#include <hsa/hsa_ext_amd.h>
#include <hsaprobe/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Allocates `bytes` (not 0) and gives the `agent_count` agents access besides the pool's own.
/// Enters the driver.
HSP_API hsp_status hsp_memory_alloc(const struct hsp_pool *pool, size_t bytes,
                                    const struct hsp_agent *const *agents, size_t agent_count,
                                    void **out_memory);
/// NULL is fine. Enters the driver.
HSP_API hsp_status hsp_memory_free(void *memory);
/// Replaces the set of agents with direct access to an allocation.
HSP_API hsp_status hsp_memory_allow_access(const void *memory,
                                           const struct hsp_agent *const *agents,
                                           size_t agent_count);

/// Copies and waits. Each side is memory that its agent can reach; ordinary host memory counts as
/// the host agent's (it is then copied by hsa_memory_copy, which pins it).
HSP_API hsp_status hsp_memory_copy(void *destination, const void *source, size_t bytes);
/// Starts a copy once all `dependencies` are 0; subtracts 1 from `completion` when it is done.
HSP_API hsp_status hsp_memory_copy_async(void *destination, const struct hsp_agent *to,
                                         const void *source, const struct hsp_agent *from,
                                         size_t bytes, const hsa_signal_t *dependencies,
                                         size_t dependency_count, hsa_signal_t completion);
/// Writes `value` to each of `count` 32-bit words. `memory` must be 4-byte aligned.
HSP_API hsp_status hsp_memory_fill(void *memory, uint32_t value, size_t count);

/// A block of rows in memory: layers of rows of bytes.
struct hsp_memory_box {
    void *base;         ///< of the whole; 4-byte aligned
    size_t row_bytes;   ///< from one row to the next; a multiple of 4
    size_t layer_bytes; ///< from one layer to the next; a multiple of 4; 0 where there is one
    size_t x_bytes;     ///< where the block begins in its row, a multiple of 4
    size_t y_rows;      ///< and in its layer
    size_t z_layers;    ///< and in the whole
};
/// Starts copying `width_bytes` (a multiple of 4) of `height_rows` rows in `depth_layers` layers
/// between boxes that don't overlap. `agent`, a GPU, does it and must reach both; `to_host` and
/// `from_host` say on which sides host memory is: not on both. Needs the GPU's copy engine.
/// Dependencies and completion as for hsp_memory_copy_async.
HSP_API hsp_status hsp_memory_copy_rect_async(const struct hsp_memory_box *destination,
                                              bool to_host, const struct hsp_memory_box *source,
                                              bool from_host, size_t width_bytes,
                                              size_t height_rows, size_t depth_layers,
                                              const struct hsp_agent *agent,
                                              const hsa_signal_t *dependencies,
                                              size_t dependency_count, hsa_signal_t completion);

/// Pins ordinary host memory and gives these agents (none: all GPUs) access to it. `pool`, a pool
/// of the host, says how agents cache it; NULL for the runtime's choice, coarse-grained in ROCr.
/// `out_address` is what the agents use; the host keeps `memory`. Enters the driver. Newer runtimes
/// (ROCm 6.3's) lock by shared virtual memory where the driver has it, and hsp_memory_info_get then
/// knows nothing of such memory.
HSP_API hsp_status hsp_memory_lock(void *memory, size_t bytes,
                                   const struct hsp_agent *const *agents, size_t agent_count,
                                   const struct hsp_pool *pool, void **out_address);
/// Takes the host's address. NULL is fine. Enters the driver.
HSP_API hsp_status hsp_memory_unlock(void *memory);

enum hsp_memory_kind {
    HSP_MEMORY_UNKNOWN,  ///< not the runtime's: ordinary host memory, or none at all
    HSP_MEMORY_POOL,     ///< allocated from a pool
    HSP_MEMORY_LOCKED,   ///< host memory that was locked
    HSP_MEMORY_GRAPHICS, ///< imported from a graphics interface or a dma-buf
    HSP_MEMORY_IPC,      ///< another process's
    HSP_MEMORY_OTHER,    ///< newer than this library
};
/// The allocation that an address lies in.
struct hsp_memory_info {
    enum hsp_memory_kind kind;     ///< HSP_MEMORY_UNKNOWN: the rest is 0
    const struct hsp_agent *owner; ///< agent of the pool; NULL where the runtime doesn't say
    void *agent_address;           ///< where agents see its first byte
    void *host_address;            ///< where the host sees it; NULL when it doesn't
    size_t bytes;                  ///< of the whole
    uint32_t pool_flags;           ///< enum hsp_pool_flag
    void *user_data;               ///< hsp_memory_set_user_data
};
/// Looks up any address, also within an allocation. Takes a lock of the runtime.
HSP_API hsp_status hsp_memory_info_get(const void *address, struct hsp_memory_info *out_info);
/// Up to `capacity` agents that have access to the allocation; `out_count` gets how many there are,
/// which may be more. The runtime leaves out the host, which has access to all that it has mapped.
HSP_API hsp_status hsp_memory_agents(const void *address, const struct hsp_agent **agents,
                                     size_t capacity, size_t *out_count);
/// A pointer that hsp_memory_info_get returns with this allocation. `memory` is its first byte.
HSP_API hsp_status hsp_memory_set_user_data(const void *memory, void *data);

/// Called on the thread that frees the allocation, before it is gone.
typedef void (*hsp_memory_free_function)(void *memory, void *data);
/// Has `function` called when the allocation that `memory` lies in is freed, by whomever in this
/// process. The same function can't be registered twice for one address.
HSP_API hsp_status hsp_memory_on_free(void *memory, hsp_memory_free_function function, void *data);
/// Undoes hsp_memory_on_free. HSP_DOMAIN_HSA when there is none.
HSP_API hsp_status hsp_memory_cancel_on_free(void *memory, hsp_memory_free_function function);

/// Names a whole allocation from a pool (`memory` its first byte, `bytes` its size) for other
/// processes. It must not be freed before they have imported it.
HSP_API hsp_status hsp_memory_export(void *memory, size_t bytes, struct hsp_ipc_handle *out_handle);
/// Maps another process's allocation of this size for the host and these agents (none: all GPUs).
HSP_API hsp_status hsp_memory_import(const struct hsp_ipc_handle *handle, size_t bytes,
                                     const struct hsp_agent *const *agents, size_t agent_count,
                                     void **out_memory);
/// Ends what hsp_memory_import began. NULL is fine.
HSP_API hsp_status hsp_memory_detach(void *memory);

/// Attributes of shared virtual memory: HSA's own list of pairs (hsa_amd_svm_attribute_t), of which
/// the library knows no more than the runtime. `memory` and `bytes` are whole pages.
/// HSP_ERROR_NOT_SUPPORTED when the runtime says that the driver has none.
HSP_API hsp_status hsp_memory_set_attributes(void *memory, size_t bytes,
                                             const hsa_amd_svm_attribute_pair_t *attributes,
                                             size_t count);
/// Fills in the values of the list; on failure it is as it was.
HSP_API hsp_status hsp_memory_get_attributes(const void *memory, size_t bytes,
                                             hsa_amd_svm_attribute_pair_t *attributes,
                                             size_t count);
/// Starts moving pages to an agent's memory once all `dependencies` are 0; subtracts 1 from
/// `completion`, which may be 0, when they are there.
HSP_API hsp_status hsp_memory_prefetch_async(void *memory, size_t bytes,
                                             const struct hsp_agent *agent,
                                             const hsa_signal_t *dependencies,
                                             size_t dependency_count, hsa_signal_t completion);

#ifdef __cplusplus
}
#endif

#endif
