/* SPDX-License-Identifier: MIT */
/// Copies between all pools in every way, both agents named either way round; the regions of the
/// older interface; what links lead from an agent to a pool.
#include "e2e.h"

#include <string.h>

enum { BYTES = (1 << 18) + 77, MAX_POOLS = 16, MARGIN = 64 };

static struct e2e e2e;
static hsa_agent_t agents[2];
static hsa_amd_memory_pool_t pools[MAX_POOLS];
static int pool_count;

static hsa_status_t take_pool(hsa_amd_memory_pool_t pool, void *data) {
    (void)data;
    bool can_allocate = false;
    HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED,
                                     &can_allocate));
    if (can_allocate && pool_count < MAX_POOLS)
        pools[pool_count++] = pool;
    return HSA_STATUS_SUCCESS;
}

static char *allocate(hsa_amd_memory_pool_t pool) {
    char *memory = NULL;
    HSA(hsa_amd_memory_pool_allocate(pool, BYTES + MARGIN, 0, (void **)&memory));
    HSA(hsa_amd_agents_allow_access(2, agents, NULL, memory));
    return memory;
}

static void expect_same(const char *wanted, const char *memory, const char *what, int to,
                        int from) {
    static char got[BYTES];
    memset(got, 0, BYTES);
    HSA(hsa_memory_copy(got, memory, BYTES));
    for (size_t i = 0; i < BYTES; i++)
        CHECK(got[i] == wanted[i], "%s, pool %d to %d: byte %zu", what, from, to, i);
}

static void copy_asynchronously(char *to, hsa_agent_t to_agent, const char *from,
                                hsa_agent_t from_agent) {
    const hsa_signal_t gate = e2e_signal(1), done = e2e_signal(1);
    HSA(hsa_amd_memory_async_copy(to, to_agent, from, from_agent, BYTES, 1, &gate, done));
    CHECK(hsa_signal_load_scacquire(done) == 1, "it did not wait");
    hsa_signal_store_screlease(gate, 0);
    e2e_wait(done);
    HSA(hsa_signal_destroy(gate));
    HSA(hsa_signal_destroy(done));
}

static void copy_between(int to, int from) {
    static char wanted[BYTES], zeros[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        wanted[i] = (char)(i * 7 + (size_t)to * 3 + (size_t)from);
    char *source = allocate(pools[from]), *target = allocate(pools[to]);
    HSA(hsa_memory_copy(source + 3, wanted, BYTES));
    HSA(hsa_memory_copy(target + 5, source + 3, BYTES));
    expect_same(wanted, target + 5, "hsa_memory_copy", to, from);
    for (int way = 0; way < 4; way++) {
        HSA(hsa_memory_copy(target + 5, zeros, BYTES));
        copy_asynchronously(target + 5, agents[way & 1], source + 3, agents[way >> 1]);
        expect_same(wanted, target + 5, "hsa_amd_memory_async_copy", to, from);
    }
    HSA(hsa_amd_memory_pool_free(source));
    HSA(hsa_amd_memory_pool_free(target));
}

static hsa_status_t use_region(hsa_region_t region, void *data) {
    bool can_allocate = false;
    HSA(hsa_region_get_info(region, HSA_REGION_INFO_RUNTIME_ALLOC_ALLOWED, &can_allocate));
    if (!can_allocate)
        return HSA_STATUS_SUCCESS;
    char *memory = NULL, bytes[100];
    HSA(hsa_memory_allocate(region, 12345, (void **)&memory));
    HSA(hsa_memory_assign_agent(memory, e2e.gpu, HSA_ACCESS_PERMISSION_RW));
    memset(bytes, 7, sizeof bytes);
    HSA(hsa_memory_copy(memory + 3, bytes, sizeof bytes));
    memset(bytes, 0, sizeof bytes);
    HSA(hsa_memory_copy(bytes, memory + 3, sizeof bytes));
    CHECK(bytes[0] == 7 && bytes[99] == 7, "%d %d", bytes[0], bytes[99]);
    HSA(hsa_memory_free(memory));
    ++*(int *)data;
    return HSA_STATUS_SUCCESS;
}

static hsa_amd_memory_pool_link_info_t link_to(hsa_agent_t agent, hsa_amd_memory_pool_t pool) {
    hsa_amd_memory_pool_link_info_t link = {0};
    uint32_t hops = 0;
    HSA(hsa_amd_agent_memory_pool_get_info(agent, pool,
                                           HSA_AMD_AGENT_MEMORY_POOL_INFO_NUM_LINK_HOPS, &hops));
    CHECK(hops == 1, "%u hops", hops);
    HSA(hsa_amd_agent_memory_pool_get_info(agent, pool, HSA_AMD_AGENT_MEMORY_POOL_INFO_LINK_INFO,
                                           &link));
    return link;
}

static void links(void) {
    const hsa_amd_memory_pool_link_info_t there = link_to(e2e.cpu, e2e.device),
                                          back = link_to(e2e.gpu, e2e.host);
    CHECK(there.link_type == back.link_type && there.numa_distance == back.numa_distance,
          "type %d, %d", there.link_type, back.link_type);
    CHECK(there.atomic_support_32bit && there.atomic_support_64bit, "no atomics");
    CHECK(there.max_bandwidth > 0 && there.min_bandwidth <= there.max_bandwidth, "%u..%u MB/s",
          there.min_bandwidth, there.max_bandwidth);
}

int main(void) {
    int regions = 0;
    e2e_open(&e2e);
    agents[0] = e2e.cpu;
    agents[1] = e2e.gpu;
    HSA(hsa_amd_agent_iterate_memory_pools(e2e.cpu, take_pool, NULL));
    HSA(hsa_amd_agent_iterate_memory_pools(e2e.gpu, take_pool, NULL));
    CHECK(pool_count >= 3, "%d pools", pool_count);
    for (int to = 0; to < pool_count; to++)
        for (int from = 0; from < pool_count; from++)
            copy_between(to, from);
    HSA(hsa_agent_iterate_regions(e2e.cpu, use_region, &regions));
    HSA(hsa_agent_iterate_regions(e2e.gpu, use_region, &regions));
    CHECK(regions > pool_count - 1, "%d regions", regions);
    links();
    e2e_close();
    return 0;
}
