/* SPDX-License-Identifier: MIT */
/* The operations on HSA. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "map/state.h"

#define LIBHSA "libhsa-runtime64.so.1"

/* 5 ms of the 100 MHz clock: well beyond the 200 us for which ROCr spins before it sleeps. */
enum { QUEUE_PACKETS = 256, SPIN_TICKS = 500000 };

#define STEPS(name, prepare, run, finish)                                                          \
    const struct map_steps map_steps_##name = {prepare, run, finish, false}
/* Of a wait: what it waits for is started by `start`. */
#define WAIT(name, start, run) const struct map_steps map_steps_##name = {start, run, NULL, true}

void *map_pages(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        abort();
    memset(pages, 1, bytes);
    return pages;
}

static int open_image(struct map_state *state) {
    char path[4096];
    struct hsp_code_object *object;
    map_kernel_path(state, "spin", path);
    if (hsp_code_object_open_file(path, &object))
        return map_fail(path, hsp_last_error());
    state->image = hsp_code_object_image(object, hsp_code_object_image_count(object) - 1);
    return state->image ? 0 : map_fail(path, "it holds no code object");
}

int map_hsa_open(struct map_state *state) {
    const char *path = getenv("HSAPROBE_LIBHSA");
    void *library = dlopen(path && *path ? path : LIBHSA, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return map_fail(LIBHSA, dlerror());
#define MAP_HSA(name, function)                                                                    \
    {                                                                                              \
        void *symbol = dlsym(library, #function);                                                  \
        memcpy(&state->hsa.name, &symbol, sizeof symbol);                                          \
        if (!symbol)                                                                               \
            return map_fail(#function, dlerror());                                                 \
    }
#include "map/hsa_calls.def"
#undef MAP_HSA
    for (size_t i = 0; i < HSP_MAP_RUNS_MAX; i++)
        state->pages[i] = map_pages(MAP_SMALL);
    return open_image(state);
}

static int init_run(struct map_state *state, uint32_t run) {
    (void)run;
    return (int)state->hsa.init();
}
STEPS(hsa_init, NULL, init_run, NULL);

static hsa_status_t see_pool(hsa_amd_memory_pool_t pool, void *opaque) {
    struct map_state *state = opaque;
    hsa_amd_segment_t segment;
    uint32_t flags = 0;
    state->hsa.pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    if (segment != HSA_AMD_SEGMENT_GLOBAL)
        return HSA_STATUS_SUCCESS;
    state->hsa.pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags);
    if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT)
        state->kernarg = pool;
    else if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED)
        state->host = pool;
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t see_vram(hsa_amd_memory_pool_t pool, void *opaque) {
    struct map_state *state = opaque;
    uint32_t flags = 0;
    hsa_amd_segment_t segment;
    state->hsa.pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    if (segment == HSA_AMD_SEGMENT_GLOBAL)
        state->hsa.pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags);
    if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED)
        state->vram = pool;
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t see_agent(hsa_agent_t agent, void *opaque) {
    struct map_state *state = opaque;
    hsa_device_type_t type;
    hsa_status_t status = state->hsa.agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
    if (status)
        return status;
    *(type == HSA_DEVICE_TYPE_GPU ? &state->gpu : &state->cpu) = agent;
    return state->hsa.iterate_pools(agent, type == HSA_DEVICE_TYPE_GPU ? see_vram : see_pool,
                                    state);
}

static int enumerate_run(struct map_state *state, uint32_t run) {
    (void)run;
    return (int)state->hsa.iterate_agents(see_agent, state);
}
STEPS(hsa_enumerate, NULL, enumerate_run, NULL);

static int queue_create_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.queue_create(state->gpu, QUEUE_PACKETS, HSA_QUEUE_TYPE_MULTI, NULL, NULL,
                                        UINT32_MAX, UINT32_MAX, &state->queues[run]);
}
STEPS(hsa_queue_create, NULL, queue_create_run, NULL);

static int priority_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.queue_set_priority(
        state->queues[1], run & 1 ? HSA_AMD_QUEUE_PRIORITY_NORMAL : HSA_AMD_QUEUE_PRIORITY_HIGH);
}
STEPS(hsa_queue_set_priority, NULL, priority_run, NULL);

static int cu_mask_run(struct map_state *state, uint32_t run) {
    const uint32_t mask[] = {run & 1 ? 0xff : 0xffff, 0};
    return (int)state->hsa.queue_set_cu_mask(state->queues[2], 64, mask);
}
STEPS(hsa_queue_set_cu_mask, NULL, cu_mask_run, NULL);

static int signal_create_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.signal_create(1, 0, NULL, &state->signals[run]);
}
static int signal_create_finish(struct map_state *state, uint32_t run) {
    return run == 0 ? (int)state->hsa.signal_create(0, 0, NULL, &state->done) : 0;
}
STEPS(hsa_signal_create, NULL, signal_create_run, signal_create_finish);

static int gpu_signal_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.signal_create_amd(1, 0, NULL, HSA_AMD_SIGNAL_AMD_GPU_ONLY,
                                             &state->gpu_signals[run]);
}
STEPS(hsa_signal_create_gpu, NULL, gpu_signal_run, NULL);

static int ipc_signal_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.signal_create_amd(1, 0, NULL, HSA_AMD_SIGNAL_IPC,
                                             &state->ipc_signals[run]);
}
STEPS(hsa_signal_create_ipc, NULL, ipc_signal_run, NULL);

static int signal_store_run(struct map_state *state, uint32_t run) {
    state->hsa.signal_store(state->signals[run], 1);
    return 0;
}
STEPS(hsa_signal_store, NULL, signal_store_run, NULL);

static int vram_small_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_allocate(state->vram, MAP_SMALL, 0, &state->small_vram[run]);
}
STEPS(hsa_alloc_vram_64K, NULL, vram_small_run, NULL);

static int vram_large_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_allocate(state->vram, MAP_LARGE, 0, &state->large_vram[run]);
}
STEPS(hsa_alloc_vram_4M, NULL, vram_large_run, NULL);

static int vram_free_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_free(state->large_vram[run]);
}
STEPS(hsa_free_vram_4M, NULL, vram_free_run, NULL);

static int host_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_allocate(state->host, MAP_SMALL, 0, &state->host_memory[run]);
}
STEPS(hsa_alloc_host_64K, NULL, host_run, NULL);

static int allow_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.allow_access(1, &state->gpu, NULL, state->host_memory[run]);
}
STEPS(hsa_allow_access, NULL, allow_run, NULL);

/* Keeps the first: copies use it. */
static int host_free_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_free(state->host_memory[run + 1]);
}
STEPS(hsa_free_host_64K, NULL, host_free_run, NULL);

static int kernarg_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.pool_allocate(state->kernarg, 4096, 0, &state->arguments[run]);
}
static int kernarg_finish(struct map_state *state, uint32_t run) {
    return (int)state->hsa.allow_access(1, &state->gpu, NULL, state->arguments[run]);
}
STEPS(hsa_alloc_kernarg_4K, NULL, kernarg_run, kernarg_finish);

static int lock_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.memory_lock(state->pages[run], MAP_SMALL, NULL, 0, &state->locked[run]);
}
STEPS(hsa_memory_lock_64K, NULL, lock_run, NULL);

static int unlock_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.memory_unlock(state->pages[run]);
}
STEPS(hsa_memory_unlock_64K, NULL, unlock_run, NULL);

static int done_prepare(struct map_state *state, uint32_t run) {
    (void)run;
    state->hsa.signal_store(state->done, 1);
    return 0;
}
static int done_wait(struct map_state *state, hsa_wait_state_t how) {
    return (int)state->hsa.signal_wait(state->done, HSA_SIGNAL_CONDITION_EQ, 0, UINT64_MAX, how);
}
static int done_finish(struct map_state *state, uint32_t run) {
    (void)run;
    return done_wait(state, HSA_WAIT_STATE_ACTIVE);
}

static int copy_run(struct map_state *state, uint32_t run) {
    (void)run;
    return (int)state->hsa.copy_async(state->small_vram[0], state->gpu, state->host_memory[0],
                                      state->cpu, MAP_SMALL, 0, NULL, state->done);
}
STEPS(hsa_copy_async_64K, done_prepare, copy_run, done_finish);

static int memory_copy_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.memory_copy(state->small_vram[0], state->pages[run], MAP_SMALL);
}
STEPS(hsa_memory_copy_64K, NULL, memory_copy_run, NULL);

static int load_prepare(struct map_state *state, uint32_t run) {
    hsa_status_t status =
        state->hsa.reader_create(state->image->bytes, state->image->size, &state->readers[run]);
    return status ? (int)status
                  : (int)state->hsa.executable_create(HSA_PROFILE_FULL,
                                                      HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL,
                                                      &state->executables[run]);
}
static int load_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.executable_load(state->executables[run], state->gpu, state->readers[run],
                                           NULL, NULL);
}
STEPS(hsa_code_object_load, load_prepare, load_run, NULL);

static int freeze_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.executable_freeze(state->executables[run], NULL);
}
STEPS(hsa_executable_freeze, NULL, freeze_run, NULL);

static int find_kernel(struct map_state *state) {
    hsa_executable_symbol_t symbol;
    hsa_status_t status =
        state->hsa.executable_symbol(state->executables[0], "spin.kd", &state->gpu, &symbol);
    if (!status)
        status = state->hsa.symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT,
                                            &state->kernel_object);
    state->stamps = state->host_memory[0];
    return (int)status;
}

/* A launch of spin for so many ticks, but for its doorbell. */
static uint64_t write_packet(struct map_state *state, uint64_t ticks) {
    hsa_queue_t *queue = state->queues[0];
    uint64_t *arguments = state->arguments[0];
    arguments[0] = ticks;
    arguments[1] = (uint64_t)state->stamps;
    uint64_t index = state->hsa.queue_add_write_index(queue, 1);
    hsa_kernel_dispatch_packet_t *packet =
        (hsa_kernel_dispatch_packet_t *)queue->base_address + (index & (queue->size - 1));
    packet->setup = 1;
    packet->workgroup_size_x = packet->workgroup_size_y = packet->workgroup_size_z = 1;
    packet->grid_size_x = packet->grid_size_y = packet->grid_size_z = 1;
    packet->private_segment_size = packet->group_segment_size = 0;
    packet->kernel_object = state->kernel_object;
    packet->kernarg_address = arguments;
    packet->completion_signal = state->done;
    const uint16_t header = HSA_PACKET_TYPE_KERNEL_DISPATCH |
                            HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE |
                            HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE;
    __atomic_store_n(&packet->header, header, __ATOMIC_RELEASE);
    return index;
}

static int dispatch_prepare(struct map_state *state, uint32_t run) {
    done_prepare(state, run);
    return run == 0 ? find_kernel(state) : 0;
}
static int dispatch_run(struct map_state *state, uint32_t run) {
    (void)run;
    uint64_t index = write_packet(state, 0);
    state->hsa.signal_store(state->queues[0]->doorbell_signal, (hsa_signal_value_t)index);
    return 0;
}
STEPS(hsa_dispatch, dispatch_prepare, dispatch_run, done_finish);

static int start_spin(struct map_state *state, uint32_t run) {
    done_prepare(state, run);
    uint64_t index = write_packet(state, SPIN_TICKS);
    state->hsa.signal_store(state->queues[0]->doorbell_signal, (hsa_signal_value_t)index);
    return 0;
}
WAIT(hsa_wait_active, start_spin, done_finish);

static int wait_blocked_run(struct map_state *state, uint32_t run) {
    (void)run;
    return done_wait(state, HSA_WAIT_STATE_BLOCKED);
}
WAIT(hsa_wait_blocked, start_spin, wait_blocked_run);

static bool handled(hsa_signal_value_t value, void *data) {
    (void)value;
    __atomic_store_n((int *)data, 1, __ATOMIC_RELEASE);
    return false;
}
static int was_handled;
static int handler_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.async_handler(state->signals[run], HSA_SIGNAL_CONDITION_EQ, 0, handled,
                                         &was_handled);
}
static int handler_finish(struct map_state *state, uint32_t run) {
    state->hsa.signal_store(state->signals[run], 0);
    while (!__atomic_exchange_n(&was_handled, 0, __ATOMIC_ACQUIRE))
        continue;
    return 0;
}
STEPS(hsa_async_handler, NULL, handler_run, handler_finish);

static int queue_destroy_run(struct map_state *state, uint32_t run) {
    return (int)state->hsa.queue_destroy(state->queues[run]);
}
STEPS(hsa_queue_destroy, NULL, queue_destroy_run, NULL);

/* hsa_init was called twice. */
static int shut_down_prepare(struct map_state *state, uint32_t run) {
    (void)run;
    state->hsa.signal_destroy(state->done);
    for (size_t i = 0; i < HSP_MAP_RUNS_MAX; i++) {
        state->hsa.signal_destroy(state->signals[i]);
        state->hsa.signal_destroy(state->gpu_signals[i]);
        state->hsa.signal_destroy(state->ipc_signals[i]);
    }
    return (int)state->hsa.shut_down();
}
static int shut_down_run(struct map_state *state, uint32_t run) {
    (void)run;
    return (int)state->hsa.shut_down();
}
STEPS(hsa_shut_down, shut_down_prepare, shut_down_run, NULL);
