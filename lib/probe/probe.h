/* SPDX-License-Identifier: MIT */
/// What the .c files of this folder share: the runtime's state, agents and pools.
///
/// State is built by hsp_runtime_init and constant until the last hsp_runtime_shutdown.
#ifndef HSP_PROBE_PROBE_H
#define HSP_PROBE_PROBE_H

#include <hsaprobe/agent.h>
#include <hsaprobe/pool.h>

#include "base/status.h"
#include "hsa/hsa_api.h"

#define HSP_ISA_NAME_BYTES 96

struct hsp_pool {
    hsa_amd_memory_pool_t handle;
    const struct hsp_agent *agent;
    struct hsp_pool_info info;
    struct hsp_pool_usage *usage; ///< owned; memory_usage.c
};

struct hsp_agent {
    hsa_agent_t handle;
    struct hsp_agent_info info;
    char (*isa_names)[HSP_ISA_NAME_BYTES];
    size_t isa_count;
    struct hsp_pool *pools;
    size_t pool_count;
};

struct hsp_runtime {
    struct hsp_agent *agents;
    size_t agent_count;
    uint64_t timestamp_frequency_hz;
};

/// NULL unless initialised.
const struct hsp_runtime *hsp_runtime_get(void);
/// HSP_ERROR_NOT_INITIALIZED with text unless initialised.
hsp_status hsp_runtime_require(void);

/// Fill runtime->agents; on failure free what they allocated. runtime.c only.
hsp_status hsp_agents_create(struct hsp_runtime *runtime);
void hsp_agents_destroy(struct hsp_runtime *runtime);
hsp_status hsp_pools_create(struct hsp_agent *agent);
void hsp_pools_destroy(struct hsp_agent *agent);

/// Handles of `count` agents for a call into HSA.
struct hsp_agent_list {
    hsa_agent_t *handles; ///< NULL when there are none
    uint32_t count;
    hsa_agent_t few[8]; ///< handles points here unless there are more
};
/// `list` must stay where it is until fini.
hsp_status hsp_agent_list_init(struct hsp_agent_list *list, const struct hsp_agent *const *agents,
                               size_t count);
void hsp_agent_list_fini(struct hsp_agent_list *list);

/// Account of what is alive, in each pool's usage. Reset forgets all of it, without the usages:
/// before the pools go; runtime.c only.
hsp_status hsp_usage_add(const struct hsp_pool *pool, const void *memory, size_t bytes);
/// Does nothing for memory that wasn't added.
void hsp_usage_remove(const void *memory);
void hsp_usage_add_failure(const struct hsp_pool *pool);
void hsp_usage_reset(void);

/// Checks an options struct that starts with `size_t size`: fields that this build doesn't know
/// must be zero. Copies what there is over the defaults in `destination`.
hsp_status hsp_options_read(const void *options, void *destination, size_t known_bytes,
                            const char *what);

#endif
