/* SPDX-License-Identifier: MIT */
/// Several GPUs seen from HSA: access lists, copies from GPU to GPU, barriers that wait for another
/// GPU's signal, and faults and queue errors that name the GPU where they happened.
#include "e2e.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { GPUS = 2, COUNT = 4096, BYTES = COUNT * sizeof(uint32_t) };

struct gpus {
    struct e2e each[GPUS]; ///< the same CPU and host pools, another GPU
    uint32_t count;
};

static hsa_status_t take_gpu(hsa_agent_t agent, void *data) {
    struct gpus *gpus = data;
    hsa_device_type_t type;
    HSA(hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type));
    if (type == HSA_DEVICE_TYPE_GPU && gpus->count < GPUS) {
        gpus->each[gpus->count++].gpu = agent;
    }
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t take_vram(hsa_amd_memory_pool_t pool, void *data) {
    uint32_t flags = 0;
    hsa_amd_segment_t segment;
    HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment));
    if (segment == HSA_AMD_SEGMENT_GLOBAL) {
        HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags));
        if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED) {
            *(hsa_amd_memory_pool_t *)data = pool;
        }
    }
    return HSA_STATUS_SUCCESS;
}

static void open_gpus(struct gpus *out_gpus) {
    struct e2e first;
    e2e_open(&first);
    *out_gpus = (struct gpus){.each = {first, first}};
    HSA(hsa_iterate_agents(take_gpu, out_gpus));
    if (out_gpus->count < GPUS) {
        fprintf(stderr, "%u GPU only\n", out_gpus->count);
        exit(getenv("HSAPROBE_SOFT_GPUS") ? 1 : 77);
    }
    for (int i = 0; i < GPUS; ++i) {
        HSA(hsa_amd_agent_iterate_memory_pools(out_gpus->each[i].gpu, take_vram,
                                               &out_gpus->each[i].device));
    }
}

static uint32_t node_of(const struct e2e *e2e) {
    uint32_t node = 0;
    HSA(hsa_agent_get_info(e2e->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_DRIVER_NODE_ID, &node));
    return node;
}

/// Memory of one GPU that both may use.
static uint32_t *shared_vram(const struct gpus *gpus, int owner) {
    const hsa_agent_t agents[] = {gpus->each[0].gpu, gpus->each[1].gpu};
    void *memory = NULL;
    HSA(hsa_amd_memory_pool_allocate(gpus->each[owner].device, BYTES, 0, &memory));
    HSA(hsa_amd_agents_allow_access(GPUS, agents, NULL, memory));
    return memory;
}

static void copy(const struct gpus *gpus, int to, void *target, int from, const void *source) {
    const hsa_signal_t done = e2e_signal(1);
    HSA(hsa_amd_memory_async_copy(target, gpus->each[to].gpu, source, gpus->each[from].gpu, BYTES,
                                  0, NULL, done));
    e2e_wait(done);
    HSA(hsa_signal_destroy(done));
}

static void copies_go_from_gpu_to_gpu(const struct gpus *gpus) {
    uint32_t *host = e2e_alloc(&gpus->each[0], gpus->each[0].host, 2 * BYTES);
    uint32_t *vram[GPUS] = {shared_vram(gpus, 0), shared_vram(gpus, 1)};
    const hsa_agent_t agents[] = {gpus->each[0].cpu, gpus->each[0].gpu, gpus->each[1].gpu};
    HSA(hsa_amd_agents_allow_access(3, agents, NULL, host));
    for (uint32_t i = 0; i < COUNT; ++i) {
        host[i] = i * 2654435761u;
    }
    copy(gpus, 0, vram[0], 0, host);
    copy(gpus, 1, vram[1], 0, vram[0]);
    copy(gpus, 1, host + COUNT, 1, vram[1]);
    CHECK(memcmp(host, host + COUNT, BYTES) == 0, "host, GPU 0, GPU 1, host");
    for (int i = 0; i < GPUS; ++i) {
        HSA(hsa_amd_memory_pool_free(vram[i]));
    }
    HSA(hsa_amd_memory_pool_free(host));
}

/// A chain of barriers, alternately on both GPUs, each waiting for the one before.
static void barriers_wait_for_signals_of_other_gpus(const struct gpus *gpus) {
    enum { LINKS = 40 };
    hsa_queue_t *queues[GPUS];
    hsa_signal_t signals[LINKS + 1];
    for (int i = 0; i < GPUS; ++i) {
        queues[i] = e2e_queue(&gpus->each[i], 64);
    }
    for (int i = 0; i <= LINKS; ++i) {
        signals[i] = e2e_signal(1);
    }
    for (int i = 0; i < LINKS; ++i) {
        const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND,
                                                 .dep_signal = {signals[i]},
                                                 .completion_signal = signals[i + 1]};
        e2e_submit(queues[i % GPUS], &packet);
    }
    CHECK(hsa_signal_load_scacquire(signals[LINKS]) == 1, "a barrier didn't wait");
    hsa_signal_store_screlease(signals[0], 0);
    e2e_wait(signals[LINKS]);
    for (int i = 0; i <= LINKS; ++i) {
        HSA(hsa_signal_destroy(signals[i]));
    }
    for (int i = 0; i < GPUS; ++i) {
        HSA(hsa_queue_destroy(queues[i]));
    }
}

/// A packet that nobody announces on GPU 1, until a kernel of GPU 0 stores to its doorbell.
static void a_kernel_rings_the_doorbell_of_another_gpu(const struct gpus *gpus) {
    struct e2e_kernel kernel;
    struct {
        uint32_t *flag;
        uint32_t value;
    } * args;
    hsa_queue_t *ringing = e2e_queue(&gpus->each[0], 64);
    hsa_queue_t *rung = e2e_queue(&gpus->each[1], 64);
    const hsa_signal_t done = e2e_signal(1), stored = e2e_signal(1);
    const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND,
                                             .completion_signal = done};
    e2e_kernel(&gpus->each[0], "set_flag", &kernel);
    args = e2e_alloc(&gpus->each[0], gpus->each[0].kernarg, 4096);
    const uint64_t index = hsa_queue_add_write_index_scacq_screl(rung, 1);
    hsa_barrier_and_packet_t *slot = (hsa_barrier_and_packet_t *)rung->base_address + index;
    memcpy((char *)slot + 4, (const char *)&packet + 4, sizeof packet - 4);
    __atomic_store_n(&slot->header, packet.header, __ATOMIC_RELEASE);
    /* amd_signal_t: the kind, then the doorbell's address. */
    args->flag = *(uint32_t **)(rung->doorbell_signal.handle + 8);
    args->value = (uint32_t)index;
    e2e_dispatch(ringing, &kernel, 1, 1, args, stored);
    e2e_wait(stored);
    e2e_wait(done);
    HSA(hsa_signal_destroy(stored));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(rung));
    HSA(hsa_queue_destroy(ringing));
}

/// As a child: GPU 1 stores to memory that is mapped on GPU 0 alone, or (with "granted") on both.
static int store_to_the_peer(bool is_granted) {
    struct gpus gpus;
    struct e2e_kernel kernel;
    open_gpus(&gpus);
    const struct e2e *second = &gpus.each[1];
    e2e_kernel(second, "wild_store", &kernel);
    hsa_queue_t *queue = e2e_queue(second, 64);
    uint64_t *args = e2e_alloc(second, second->kernarg, 4096);
    void *memory = e2e_alloc(&gpus.each[0], gpus.each[0].device, BYTES);
    if (is_granted) {
        const hsa_agent_t agents[] = {gpus.each[0].gpu, second->gpu};
        HSA(hsa_amd_agents_allow_access(GPUS, agents, NULL, memory));
    }
    *args = (uint64_t)(uintptr_t)memory;
    fprintf(stderr, "node %u stores\n", node_of(second));
    const hsa_signal_t done = e2e_signal(1);
    e2e_dispatch(queue, &kernel, 64, 64, args, done);
    e2e_wait(done);
    e2e_close();
    return 0;
}

static void memory_of_a_peer_must_be_granted(void) {
    struct e2e_child result;
    unsigned stores = 0, faults = 1;
    e2e_child("granted", 30, NULL, NULL, &result);
    CHECK(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s", result.output);
    const char *interrupts = getenv("HSA_ENABLE_INTERRUPT");
    if (interrupts && strcmp(interrupts, "0") == 0) {
        return; // without them ROCr waits for no memory event
    }
    e2e_child("denied", 30, NULL, NULL, &result);
    const char *said = strstr(result.output, "node ");
    const char *report = strstr(result.output, "Memory access fault by GPU node-");
    CHECK(said && report, "%s", result.output);
    CHECK(sscanf(said, "node %u", &stores) == 1 &&
              sscanf(report, "Memory access fault by GPU node-%u", &faults) == 1 &&
              stores == faults,
          "node %u stored: %s", stores, result.output);
    CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGABRT, "status 0x%x",
          (unsigned)result.status);
}

static void note_error(hsa_status_t status, hsa_queue_t *queue, void *data) {
    (void)status;
    __atomic_store_n((hsa_queue_t **)data, queue, __ATOMIC_RELEASE);
}

/// A malformed packet on GPU 1 reaches that queue's callback, and GPU 0 goes on.
static void a_queue_error_stays_on_its_gpu(const struct gpus *gpus) {
    hsa_queue_t *bad = NULL, *told = NULL;
    HSA(hsa_queue_create(gpus->each[1].gpu, 64, HSA_QUEUE_TYPE_MULTI, note_error, &told, UINT32_MAX,
                         UINT32_MAX, &bad));
    const hsa_kernel_dispatch_packet_t packet = {
        .header = HSA_PACKET_TYPE_KERNEL_DISPATCH, .setup = 1, .workgroup_size_x = 0};
    e2e_submit(bad, &packet);
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE) && e2e_seconds() < end) {
    }
    CHECK(told == bad, "the callback was given queue %p, not %p", (void *)told, (void *)bad);
    hsa_queue_t *good = e2e_queue(&gpus->each[0], 64);
    e2e_vector_add(&gpus->each[0], good, 5000);
    HSA(hsa_queue_destroy(good));
    HSA(hsa_queue_destroy(bad));
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return store_to_the_peer(strcmp(argv[1], "granted") == 0);
    }
    struct gpus gpus;
    open_gpus(&gpus);
    copies_go_from_gpu_to_gpu(&gpus);
    barriers_wait_for_signals_of_other_gpus(&gpus);
    a_kernel_rings_the_doorbell_of_another_gpu(&gpus);
    a_queue_error_stays_on_its_gpu(&gpus);
    for (int i = 0; i < GPUS; ++i) {
        hsa_queue_t *queue = e2e_queue(&gpus.each[i], 64);
        e2e_vector_add(&gpus.each[i], queue, 5000);
        HSA(hsa_queue_destroy(queue));
    }
    e2e_close();
    memory_of_a_peer_must_be_granted();
    return 0;
}
