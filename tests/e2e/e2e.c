/* SPDX-License-Identifier: MIT */
#include "e2e.h"

#include <string.h>
#include <time.h>

double e2e_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static hsa_status_t take_agent(hsa_agent_t agent, void *data) {
    struct e2e *e2e = data;
    hsa_device_type_t type;
    HSA(hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type));
    hsa_agent_t *slot = type == HSA_DEVICE_TYPE_GPU   ? &e2e->gpu
                        : type == HSA_DEVICE_TYPE_CPU ? &e2e->cpu
                                                      : NULL;
    if (slot && slot->handle == 0) {
        *slot = agent;
    }
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t take_pool(hsa_amd_memory_pool_t pool, void *data) {
    struct e2e *e2e = data;
    hsa_amd_segment_t segment;
    uint32_t flags = 0;
    HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment));
    if (segment != HSA_AMD_SEGMENT_GLOBAL) {
        return HSA_STATUS_SUCCESS;
    }
    HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags));
    if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT) {
        e2e->kernarg = pool;
    } else if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED) {
        e2e->host = pool;
    } else {
        e2e->device = pool;
    }
    return HSA_STATUS_SUCCESS;
}

static void no_gpu(const char *why) {
    const char *device = getenv("HSAPROBE_TEST_DEVICE");
    fprintf(stderr, "no GPU: %s\n", why);
    exit(device && strcmp(device, "soft") == 0 ? 1 : 77);
}

void e2e_open(struct e2e *out_e2e) {
    memset(out_e2e, 0, sizeof *out_e2e);
    if (hsa_init() != HSA_STATUS_SUCCESS) {
        no_gpu("hsa_init failed");
    }
    HSA(hsa_iterate_agents(take_agent, out_e2e));
    if (out_e2e->gpu.handle == 0) {
        no_gpu("no GPU agent");
    }
    // Apart, because the system has a coarse-grained pool too.
    HSA(hsa_amd_agent_iterate_memory_pools(out_e2e->cpu, take_pool, out_e2e));
    struct e2e gpu_pools = {0};
    HSA(hsa_amd_agent_iterate_memory_pools(out_e2e->gpu, take_pool, &gpu_pools));
    out_e2e->device = gpu_pools.device;
    CHECK(out_e2e->device.handle && out_e2e->host.handle && out_e2e->kernarg.handle, "pools");
}

void e2e_close(void) {
    HSA(hsa_shut_down());
}

void *e2e_alloc(const struct e2e *e2e, hsa_amd_memory_pool_t pool, size_t bytes) {
    const hsa_agent_t agents[] = {e2e->cpu, e2e->gpu};
    const bool on_device = pool.handle == e2e->device.handle;
    void *memory = NULL;
    HSA(hsa_amd_memory_pool_allocate(pool, bytes, 0, &memory));
    HSA(hsa_amd_agents_allow_access(on_device ? 1 : 2, on_device ? agents + 1 : agents, NULL,
                                    memory));
    if (!on_device) {
        memset(memory, 0, bytes);
    }
    return memory;
}

void *e2e_read_file(const char *path, size_t *out_bytes) {
    FILE *file = fopen(path, "rb");
    CHECK(file, "%s", path);
    fseek(file, 0, SEEK_END);
    const long length = ftell(file);
    CHECK(length > 0, "%s", path);
    rewind(file);
    void *content = malloc((size_t)length);
    CHECK(content && fread(content, 1, (size_t)length, file) == (size_t)length, "%s", path);
    fclose(file);
    *out_bytes = (size_t)length;
    return content;
}

/// `__CLANG_OFFLOAD_BUNDLE__`, a count, then per entry offset, size, length of the id, the id.
const void *e2e_bundle_entry(const struct e2e *e2e, const void *bundle, size_t *out_bytes) {
    const char magic[] = "__CLANG_OFFLOAD_BUNDLE__";
    const char *bytes = bundle;
    char agent[64];
    uint64_t count;
    HSA(hsa_agent_get_info(e2e->gpu, HSA_AGENT_INFO_NAME, agent));
    CHECK(memcmp(bytes, magic, sizeof magic - 1) == 0, "not an offload bundle");
    memcpy(&count, bytes + sizeof magic - 1, sizeof count);
    const char *at = bytes + sizeof magic - 1 + sizeof count;
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t entry[3]; // offset, size, length of the id that follows
        memcpy(entry, at, sizeof entry);
        at += sizeof entry;
        char id[128] = "";
        memcpy(id, at, entry[2] < sizeof id ? entry[2] : sizeof id - 1);
        at += entry[2];
        if (strncmp(id, "hip", 3) == 0 && strstr(id, agent)) {
            *out_bytes = entry[1];
            return bytes + entry[0];
        }
    }
    fprintf(stderr, "no code for %s in the bundle\n", agent);
    exit(77);
}

void e2e_load(const struct e2e *e2e, const void *elf, size_t bytes, const char *kernel,
              struct e2e_kernel *out_kernel) {
    hsa_code_object_reader_t reader;
    hsa_executable_t executable;
    hsa_executable_symbol_t symbol;
    char name[128];
    snprintf(name, sizeof name, "%s.kd", kernel);
    HSA(hsa_code_object_reader_create_from_memory(elf, bytes, &reader));
    HSA(hsa_executable_create_alt(HSA_PROFILE_FULL, HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL,
                                  &executable));
    HSA(hsa_executable_load_agent_code_object(executable, e2e->gpu, reader, NULL, NULL));
    HSA(hsa_executable_freeze(executable, NULL));
    HSA(hsa_executable_get_symbol_by_name(executable, name, &e2e->gpu, &symbol));
    HSA(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT,
                                       &out_kernel->object));
    HSA(hsa_executable_symbol_get_info(symbol,
                                       HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_SIZE,
                                       &out_kernel->kernarg_bytes));
    HSA(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE,
                                       &out_kernel->group_bytes));
    HSA(hsa_executable_symbol_get_info(symbol,
                                       HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE,
                                       &out_kernel->private_bytes));
    HSA(hsa_code_object_reader_destroy(reader));
    out_kernel->executable = executable;
}

void e2e_kernel(const struct e2e *e2e, const char *name, struct e2e_kernel *out_kernel) {
    const char *folders[] = {E2E_KERNELS, E2E_OWN_KERNELS};
    char path[4096];
    FILE *found = NULL;
    for (size_t i = 0; i < 2 && !found; ++i) {
        snprintf(path, sizeof path, "%s/%s.hipfb", folders[i], name);
        found = fopen(path, "rb");
    }
    CHECK(found, "no bundle of kernel %s", name);
    fclose(found);
    size_t bytes;
    void *bundle = e2e_read_file(path, &bytes);
    const void *elf = e2e_bundle_entry(e2e, bundle, &bytes);
    e2e_load(e2e, elf, bytes, name, out_kernel);
    free(bundle);
}

hsa_queue_t *e2e_queue(const struct e2e *e2e, uint32_t packets) {
    hsa_queue_t *queue = NULL;
    HSA(hsa_queue_create(e2e->gpu, packets, HSA_QUEUE_TYPE_MULTI, NULL, NULL, UINT32_MAX,
                         UINT32_MAX, &queue));
    return queue;
}

hsa_signal_t e2e_signal(hsa_signal_value_t value) {
    hsa_signal_t signal;
    HSA(hsa_signal_create(value, 0, NULL, &signal));
    return signal;
}

void e2e_wait(hsa_signal_t signal) {
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    hsa_signal_value_t value;
    do {
        value = hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_LT, 1, 100u * 1000 * 1000,
                                          HSA_WAIT_STATE_BLOCKED);
    } while (value > 0 && e2e_seconds() < end);
    CHECK(value == 0, "the signal stands at %ld after %d s", (long)value, E2E_WAIT_SECONDS);
}

void e2e_submit(hsa_queue_t *queue, const void *packet) {
    const uint64_t index = hsa_queue_add_write_index_scacq_screl(queue, 1);
    while (index - hsa_queue_load_read_index_scacquire(queue) >= queue->size) {
    }
    char *slot = (char *)queue->base_address + (index % queue->size) * 64;
    uint32_t first;
    memcpy(&first, packet, sizeof first);
    memcpy(slot + sizeof first, (const char *)packet + sizeof first, 64 - sizeof first);
    __atomic_store_n((uint32_t *)(void *)slot, first, __ATOMIC_RELEASE);
    hsa_signal_store_screlease(queue->doorbell_signal, (hsa_signal_value_t)index);
}

hsa_kernel_dispatch_packet_t e2e_packet(const struct e2e_kernel *kernel, uint32_t work_items,
                                        uint16_t group_size, const void *kernarg,
                                        hsa_signal_t signal) {
    return (hsa_kernel_dispatch_packet_t){
        .header = HSA_PACKET_TYPE_KERNEL_DISPATCH << HSA_PACKET_HEADER_TYPE |
                  1 << HSA_PACKET_HEADER_BARRIER |
                  HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE |
                  HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE,
        .setup = 1 << HSA_KERNEL_DISPATCH_PACKET_SETUP_DIMENSIONS,
        .workgroup_size_x = group_size,
        .workgroup_size_y = 1,
        .workgroup_size_z = 1,
        .grid_size_x = work_items,
        .grid_size_y = 1,
        .grid_size_z = 1,
        .private_segment_size = kernel->private_bytes,
        .group_segment_size = kernel->group_bytes,
        .kernel_object = kernel->object,
        .kernarg_address = (void *)(uintptr_t)kernarg,
        .completion_signal = signal,
    };
}

void e2e_dispatch(hsa_queue_t *queue, const struct e2e_kernel *kernel, uint32_t work_items,
                  uint16_t group_size, const void *kernarg, hsa_signal_t signal) {
    const hsa_kernel_dispatch_packet_t packet =
        e2e_packet(kernel, work_items, group_size, kernarg, signal);
    e2e_submit(queue, &packet);
}

void e2e_saxpy(const struct e2e *e2e, hsa_queue_t *queue, const struct e2e_kernel *saxpy, float a,
               const float *x, float *y, uint32_t count) {
    struct {
        float a;
        const float *x;
        float *y;
        uint32_t count;
    } *kernarg = e2e_alloc(e2e, e2e->kernarg, sizeof *kernarg);
    kernarg->a = a;
    kernarg->x = x;
    kernarg->y = y;
    kernarg->count = count;
    const hsa_signal_t done = e2e_signal(1);
    e2e_dispatch(queue, saxpy, (count + 255) / 256 * 256, 256, kernarg, done);
    e2e_wait(done);
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(kernarg));
}

void e2e_vector_add(const struct e2e *e2e, hsa_queue_t *queue, uint32_t count) {
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "vector_add", &kernel);
    float *buffers[3];
    for (int i = 0; i < 3; ++i) {
        buffers[i] = e2e_alloc(e2e, e2e->host, count * sizeof(float));
    }
    for (uint32_t i = 0; i < count; ++i) {
        buffers[0][i] = (float)i;
        buffers[1][i] = (float)(2 * i);
    }
    struct {
        const float *a, *b;
        float *sum;
        uint32_t count;
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    args->a = buffers[0];
    args->b = buffers[1];
    args->sum = buffers[2];
    args->count = count;
    const hsa_signal_t done = e2e_signal(1);
    e2e_dispatch(queue, &kernel, (count + 255) / 256 * 256, 256, args, done);
    e2e_wait(done);
    for (uint32_t i = 0; i < count; ++i) {
        CHECK(buffers[2][i] == (float)(3 * i), "element %u is %g", i, (double)buffers[2][i]);
    }
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(args));
    for (int i = 0; i < 3; ++i) {
        HSA(hsa_amd_memory_pool_free(buffers[i]));
    }
    HSA(hsa_executable_destroy(kernel.executable));
}
