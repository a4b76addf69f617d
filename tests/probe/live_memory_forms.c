/* SPDX-License-Identifier: MIT */
// Memory beyond allocation: boxes, locked host memory, what is known of an address, attributes, and
// the account that each pool keeps.
#include "live.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum { ROW = 48, ROWS = 10, LAYERS = 3, BYTES = ROW * ROWS * LAYERS };

static hsa_signal_t start_signal(void) {
    hsa_signal_t signal;
    OK(hsp_signal_create(1, NULL, &signal));
    return signal;
}

static void finish(hsa_signal_t signal) {
    OK(hsp_signal_wait(signal, HSP_CONDITION_EQ, 0, LIVE_WAIT_NS, HSP_WAIT_BLOCKED, NULL));
    hsp_signal_destroy(signal);
}

// A box of 12 bytes, 4 rows, 2 layers goes from (8,3,1) to (20,5,0), and nothing else changes.
static void a_box_lands_where_it_belongs(const struct hsp_agent *gpu) {
    unsigned char *host = live_host_memory(gpu, BYTES), *back = live_host_memory(gpu, BYTES);
    unsigned char *device = NULL;
    OK(hsp_memory_alloc(live_device_pool(gpu), BYTES, NULL, 0, (void **)&device));
    OK(hsp_memory_fill(device, 0, BYTES / 4));
    for (int i = 0; i < BYTES; i++)
        host[i] = (unsigned char)(1 + i % 251);
    const struct hsp_memory_box from = {host, ROW, ROW * ROWS, 8, 3, 1};
    const struct hsp_memory_box to = {device, ROW, ROW * ROWS, 20, 5, 0};
    hsa_signal_t done = start_signal();
    OK(hsp_memory_copy_rect_async(&to, false, &from, true, 12, 4, 2, gpu, NULL, 0, done));
    finish(done);
    const struct hsp_memory_box all = {device, ROW, ROW * ROWS, 0, 0, 0};
    const struct hsp_memory_box home = {back, ROW, ROW * ROWS, 0, 0, 0};
    done = start_signal();
    OK(hsp_memory_copy_rect_async(&home, true, &all, false, ROW, ROWS, LAYERS, gpu, NULL, 0, done));
    finish(done);
    for (int z = 0; z < LAYERS; z++)
        for (int y = 0; y < ROWS; y++)
            for (int x = 0; x < ROW; x++) {
                const bool inside = x >= 20 && x < 32 && y >= 5 && y < 9 && z < 2;
                const int source = ((z + 1) * ROWS + y - 2) * ROW + x - 12;
                const int expected = inside ? host[source] : 0;
                CHECK(back[(z * ROWS + y) * ROW + x] == expected, "at %d,%d,%d", x, y, z);
            }
    FAILS(hsp_memory_copy_rect_async(&to, false, &from, true, 0, 1, 1, gpu, NULL, 0, done),
          HSP_ERROR_INVALID_ARGUMENT, "0 bytes");
    FAILS(hsp_memory_copy_rect_async(&to, false, &from, true, 32, 2, 1, gpu, NULL, 0, done),
          HSP_ERROR_INVALID_ARGUMENT, "destination box has rows of 48 bytes");
    FAILS(hsp_memory_copy_rect_async(&home, true, &from, true, 4, 1, 1, gpu, NULL, 0, done),
          HSP_ERROR_INVALID_ARGUMENT, "host memory to host memory");
    const struct hsp_memory_box odd = {device + 2, ROW, 0, 0, 0, 0};
    FAILS(hsp_memory_copy_rect_async(&odd, false, &from, true, 4, 1, 1, gpu, NULL, 0, done),
          HSP_ERROR_INVALID_ARGUMENT, "multiples of 4");
    OK(hsp_memory_free(device));
    OK(hsp_memory_free(host));
    OK(hsp_memory_free(back));
}

// Newer thunks keep no account of what they lock so. Their runtimes can be asked for AMD's version.
static bool locks_by_svm(void) {
    struct hsp_runtime_info info;
    OK(hsp_runtime_info_get(&info));
    return info.amd_version_major != 0;
}

static void locked_memory_is_the_hosts_own(const struct hsp_agent *gpu) {
    enum { SIZE = 3 * 4096 };
    char *pages = aligned_alloc(4096, SIZE);
    char *inner = pages + 100; // an interior range
    memset(pages, 0x11, SIZE);
    const struct hsp_agent *const agents[] = {gpu};
    const struct hsp_pool *fine = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    const struct hsp_pool *const pools[] = {NULL, fine};
    for (int i = 0; i < 2; i++) {
        void *address = NULL;
        OK(hsp_memory_lock(inner, 5000, agents, 1, pools[i], &address));
        struct hsp_memory_info info;
        OK(hsp_memory_info_get(inner, &info));
        CHECK((info.kind == HSP_MEMORY_UNKNOWN && locks_by_svm()) ||
                  (info.kind == HSP_MEMORY_LOCKED && info.host_address == inner &&
                   info.bytes == 5000),
              "%d %p %zu", info.kind, info.host_address, info.bytes);
        char *device;
        OK(hsp_memory_alloc(live_device_pool(gpu), 5000, NULL, 0, (void **)&device));
        const hsa_signal_t out = start_signal(), in = start_signal();
        memset(inner, 0x20 + i, 5000);
        OK(hsp_memory_copy_async(device, gpu, address, hsp_agent_host(), 5000, NULL, 0, out));
        finish(out);
        memset(inner, 0, 5000);
        OK(hsp_memory_copy_async(address, hsp_agent_host(), device, gpu, 5000, NULL, 0, in));
        finish(in);
        CHECK(inner[0] == 0x20 + i && inner[4999] == 0x20 + i && inner[5000] == 0x11);
        OK(hsp_memory_free(device));
        OK(hsp_memory_unlock(inner));
        OK(hsp_memory_info_get(inner, &info));
        CHECK(info.kind == HSP_MEMORY_UNKNOWN, "still locked");
    }
    void *address = (void *)0xa5;
    FAILS(hsp_memory_lock(pages, 0, agents, 1, NULL, &address), HSP_ERROR_INVALID_ARGUMENT,
          "0 bytes");
    FAILS(hsp_memory_lock(pages, 1, agents, 1, live_device_pool(gpu), &address),
          HSP_ERROR_INVALID_ARGUMENT, "a pool of the host");
    CHECK(address == (void *)0xa5);
    OK(hsp_memory_unlock(NULL));
    free(pages);
}

static void an_address_tells_its_allocation(const struct hsp_agent *gpu) {
    char *device;
    const struct hsp_agent *host = hsp_agent_host();
    OK(hsp_memory_alloc(live_device_pool(gpu), 10000, &host, 1, (void **)&device));
    int mine = 0;
    OK(hsp_memory_set_user_data(device, &mine));
    struct hsp_memory_info info;
    OK(hsp_memory_info_get(device + 5000, &info));
    CHECK(info.kind == HSP_MEMORY_POOL && info.owner == gpu && info.agent_address == device);
    CHECK(info.bytes >= 10000 && info.user_data == &mine);
    CHECK(info.pool_flags & HSP_POOL_COARSE_GRAINED, "flags %u", info.pool_flags);
    const struct hsp_agent *agents[2] = {NULL, NULL};
    size_t count = 0;
    OK(hsp_memory_agents(device, agents, 2, &count));
    CHECK(count >= 1 && (agents[0] == gpu || agents[1] == gpu), "%zu agents", count);
    const struct hsp_agent *none = NULL;
    OK(hsp_memory_agents(device, &none, 0, &count));
    CHECK(count >= 1 && !none, "wrote beyond the capacity");
    OK(hsp_memory_free(device));
    OK(hsp_memory_info_get(&mine, &info));
    CHECK(info.kind == HSP_MEMORY_UNKNOWN && info.bytes == 0 && info.owner == NULL);
    OK(hsp_memory_agents(&mine, agents, 2, &count));
    CHECK(count == 0);
}

static void count_free(void *memory, void *data) {
    (void)memory;
    atomic_fetch_add((atomic_int *)data, 1);
}

static void freeing_is_told(const struct hsp_agent *gpu) {
    static atomic_int calls;
    void *first, *second;
    OK(hsp_memory_alloc(live_device_pool(gpu), 4096, NULL, 0, &first));
    OK(hsp_memory_alloc(live_device_pool(gpu), 4096, NULL, 0, &second));
    OK(hsp_memory_on_free(first, count_free, &calls));
    OK(hsp_memory_on_free(second, count_free, &calls));
    OK(hsp_memory_cancel_on_free(second, count_free));
    OK(hsp_memory_free(second));
    CHECK(atomic_load(&calls) == 0);
    OK(hsp_memory_free(first));
    CHECK(atomic_load(&calls) == 1);
}

static void pools_keep_account(const struct hsp_agent *gpu) {
    const struct hsp_pool *pool = live_device_pool(gpu);
    const uint64_t granule = hsp_pool_info_get(pool)->granule_bytes;
    struct hsp_pool_usage before, now;
    hsp_pool_usage_get(pool, &before);
    void *memory[3];
    for (int i = 0; i < 3; i++)
        OK(hsp_memory_alloc(pool, granule + 1, NULL, 0, &memory[i]));
    OK(hsp_memory_free(memory[1]));
    hsp_pool_usage_get(pool, &now);
    CHECK(now.allocation_count == before.allocation_count + 2);
    CHECK(now.allocated_bytes == before.allocated_bytes + 4 * granule);
    CHECK(now.total_count == before.total_count + 3);
    CHECK(now.total_bytes == before.total_bytes + 6 * granule);
    CHECK(now.peak_bytes >= before.allocated_bytes + 6 * granule);
    OK(hsp_memory_free(memory[0]));
    OK(hsp_memory_free(memory[2]));
    // More than there is, but not more than one allocation may have.
    const uint64_t most = hsp_pool_info_get(pool)->alloc_max_bytes;
    void *much = NULL, *more = NULL;
    if (hsp_memory_alloc(pool, most, NULL, 0, &much) == HSP_OK)
        CHECK(hsp_memory_alloc(pool, most, NULL, 0, &more) != HSP_OK);
    struct hsp_pool_usage after;
    hsp_pool_usage_get(pool, &after);
    CHECK(after.failed_count == now.failed_count + 1);
    OK(hsp_memory_free(much));
    hsp_pool_usage_get(pool, &after);
    CHECK(after.allocation_count == before.allocation_count);
    CHECK(after.allocated_bytes == before.allocated_bytes);
}

static void attributes_are_kept(const struct hsp_agent *gpu) {
    enum { SIZE = 1 << 21 };
    void *pages = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    hsa_amd_svm_attribute_pair_t pairs[2] = {
        {HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY, 5},
        {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE, hsp_agent_handle(gpu).handle},
    };
    FAILS(hsp_memory_set_attributes(pages, 0, pairs, 2), HSP_ERROR_INVALID_ARGUMENT, "0 bytes");
    const hsp_status status = hsp_memory_set_attributes(pages, SIZE, pairs, 2);
    if (status != HSP_ERROR_NOT_SUPPORTED) {
        OK(status);
        CHECK(pairs[0].value == 5, "the caller's list changed");
        hsa_amd_svm_attribute_pair_t asked = {HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY, 0};
        OK(hsp_memory_get_attributes(pages, SIZE, &asked, 1));
        CHECK(asked.value == 5, "granularity %llu", (unsigned long long)asked.value);
        const hsa_signal_t done = start_signal();
        OK(hsp_memory_prefetch_async(pages, SIZE, gpu, NULL, 0, done));
        finish(done);
    }
    munmap(pages, SIZE);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    a_box_lands_where_it_belongs(gpu);
    locked_memory_is_the_hosts_own(gpu);
    an_address_tells_its_allocation(gpu);
    freeing_is_told(gpu);
    pools_keep_account(gpu);
    attributes_are_kept(gpu);
    hsp_runtime_shutdown();
    return 0;
}
