/* SPDX-License-Identifier: MIT */
/* From nothing to the first kernel by HSA's functions. */
#include <dlfcn.h>
#include <fcntl.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "memory.h"
#include "setup_steps.h"

#define KERNEL        "empty"
#define QUEUE_PACKETS 1024
#define POOL_BYTES    ((size_t)4 << 20) /* longer than what ROCr cuts out of blocks */
#define WARM          16
#define WARM_INITS    4

#define FUNCTIONS(X)                                                                               \
    X(hsa_init)                                                                                    \
    X(hsa_shut_down)                                                                               \
    X(hsa_status_string)                                                                           \
    X(hsa_iterate_agents)                                                                          \
    X(hsa_agent_get_info)                                                                          \
    X(hsa_isa_get_info_alt)                                                                        \
    X(hsa_queue_create)                                                                            \
    X(hsa_queue_destroy)                                                                           \
    X(hsa_queue_add_write_index_screlease)                                                         \
    X(hsa_signal_create)                                                                           \
    X(hsa_amd_signal_create)                                                                       \
    X(hsa_signal_destroy)                                                                          \
    X(hsa_signal_store_screlease)                                                                  \
    X(hsa_signal_wait_scacquire)                                                                   \
    X(hsa_amd_agent_iterate_memory_pools)                                                          \
    X(hsa_amd_memory_pool_get_info)                                                                \
    X(hsa_amd_memory_pool_allocate)                                                                \
    X(hsa_amd_memory_pool_free)                                                                    \
    X(hsa_code_object_reader_create_from_memory)                                                   \
    X(hsa_code_object_reader_destroy)                                                              \
    X(hsa_executable_create_alt)                                                                   \
    X(hsa_executable_load_agent_code_object)                                                       \
    X(hsa_executable_freeze)                                                                       \
    X(hsa_executable_destroy)                                                                      \
    X(hsa_executable_get_symbol_by_name)                                                           \
    X(hsa_executable_symbol_get_info)

struct state {
    struct {
#define X(name) __typeof__(&name) name;
        FUNCTIONS(X)
#undef X
    } hsa;
    struct launch_input input;
    const struct hsp_image *image;
    hsa_agent_t agent;
    hsa_amd_memory_pool_t pool;
    hsa_queue_t *queue;
    hsa_signal_t signal;
    hsa_signal_t busy_signal;
    void *memory;
    hsa_code_object_reader_t reader;
    hsa_executable_t executable;
    struct hsp_dispatch dispatch;
};

static int check(const struct state *state, hsa_status_t status, const char *what) {
    const char *words = NULL;
    if (status == HSA_STATUS_SUCCESS || status == HSA_STATUS_INFO_BREAK)
        return EXIT_OK;
    state->hsa.hsa_status_string(status, &words);
    return failure(EXIT_FAILED, what, "%s", words ? words : "unknown status");
}

static int load_library(void *opaque) {
    struct state *state = opaque;
    const char *path = getenv("HSAPROBE_LIBHSA");
    void *library = dlopen(path ? path : "libhsa-runtime64.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return failure(EXIT_FAILED, "HSA runtime", "%s", dlerror());
    bool is_complete = true;
    void *symbol;
#define X(name)                                                                                    \
    symbol = dlsym(library, #name);                                                                \
    memcpy(&state->hsa.name, &symbol, sizeof symbol);                                              \
    is_complete = is_complete && symbol;
    FUNCTIONS(X)
#undef X
    return is_complete ? EXIT_OK : failure(EXIT_FAILED, "HSA runtime", "functions are missing");
}

static int init(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_init(), "hsa_init");
}

static int shut_down(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_shut_down(), "hsa_shut_down");
}

static hsa_status_t take_gpu(hsa_agent_t agent, void *data) {
    struct state *state = data;
    hsa_device_type_t type;
    hsa_status_t status = state->hsa.hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
    if (status != HSA_STATUS_SUCCESS || type != HSA_DEVICE_TYPE_GPU)
        return status;
    state->agent = agent;
    return HSA_STATUS_INFO_BREAK;
}

static hsa_status_t take_pool(hsa_amd_memory_pool_t pool, void *data) {
    struct state *state = data;
    bool allowed = false;
    hsa_status_t status = state->hsa.hsa_amd_memory_pool_get_info(
        pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED, &allowed);
    if (status != HSA_STATUS_SUCCESS || !allowed)
        return status;
    state->pool = pool;
    return HSA_STATUS_INFO_BREAK;
}

static int find_agent(void *opaque) {
    struct state *state = opaque;
    int code = check(state, state->hsa.hsa_iterate_agents(take_gpu, state), "agents");
    if (!code && !state->agent.handle)
        code = failure(EXIT_NO_DEVICE, "agents", "no GPU");
    if (!code)
        code = check(state,
                     state->hsa.hsa_amd_agent_iterate_memory_pools(state->agent, take_pool, state),
                     "pools");
    return code;
}

static int make_queue(void *opaque) {
    struct state *state = opaque;
    return check(state,
                 state->hsa.hsa_queue_create(state->agent, QUEUE_PACKETS, HSA_QUEUE_TYPE_MULTI,
                                             NULL, NULL, UINT32_MAX, UINT32_MAX, &state->queue),
                 "hsa_queue_create");
}

static int drop_queue(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_queue_destroy(state->queue), "hsa_queue_destroy");
}

static int allocate(void *opaque) {
    struct state *state = opaque;
    return check(
        state, state->hsa.hsa_amd_memory_pool_allocate(state->pool, POOL_BYTES, 0, &state->memory),
        "hsa_amd_memory_pool_allocate");
}

static int release(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_amd_memory_pool_free(state->memory),
                 "hsa_amd_memory_pool_free");
}

static int make_signal(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_signal_create(1, 0, NULL, &state->signal),
                 "hsa_signal_create");
}

static int drop_signal(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_signal_destroy(state->signal), "hsa_signal_destroy");
}

static int make_busy_signal(void *opaque) {
    struct state *state = opaque;
    return check(state,
                 state->hsa.hsa_amd_signal_create(1, 0, NULL, HSA_AMD_SIGNAL_AMD_GPU_ONLY,
                                                  &state->busy_signal),
                 "hsa_amd_signal_create");
}

static int drop_busy_signal(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_signal_destroy(state->busy_signal), "hsa_signal_destroy");
}

/* Untimed: which of the bundle's images the agent runs. */
static int choose_image(struct state *state) {
    char name[96] = "";
    hsa_isa_t isa;
    size_t index;
    int code = check(state, state->hsa.hsa_agent_get_info(state->agent, HSA_AGENT_INFO_ISA, &isa),
                     "instruction set");
    if (!code)
        code = check(state, state->hsa.hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME, name),
                     "instruction set");
    if (code)
        return code;
    hsp_status status = hsp_code_object_select(state->input.object, name, &index);
    if (status)
        return failure_of(status, "kernel");
    state->image = hsp_code_object_image(state->input.object, index);
    return EXIT_OK;
}

static int make_reader(void *opaque) {
    struct state *state = opaque;
    int code = state->image ? EXIT_OK : choose_image(state);
    return code ? code
                : check(state,
                        state->hsa.hsa_code_object_reader_create_from_memory(
                            state->image->bytes, state->image->size, &state->reader),
                        "code object reader");
}

static int drop_reader(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_code_object_reader_destroy(state->reader),
                 "code object reader");
}

static int load(void *opaque) {
    struct state *state = opaque;
    int code = check(state,
                     state->hsa.hsa_executable_create_alt(HSA_PROFILE_FULL,
                                                          HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT,
                                                          NULL, &state->executable),
                     "executable");
    return code ? code
                : check(state,
                        state->hsa.hsa_executable_load_agent_code_object(
                            state->executable, state->agent, state->reader, NULL, NULL),
                        "loading");
}

static int unload(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_executable_destroy(state->executable), "executable");
}

static int freeze(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hsa.hsa_executable_freeze(state->executable, NULL), "freezing");
}

/* One can't be thawed. */
static int load_again(void *opaque) {
    int code = unload(opaque);
    return code ? code : load(opaque);
}

static int find_kernel(struct state *state) {
    struct hsp_kernel_code code = {0};
    const struct hsp_geometry geometry = {1, {64, 1, 1}, {64, 1, 1}, 0};
    hsa_executable_symbol_t symbol;
    int exit_code = check(state,
                          state->hsa.hsa_executable_get_symbol_by_name(
                              state->executable, KERNEL ".kd", &state->agent, &symbol),
                          "symbol");
    if (!exit_code)
        exit_code =
            check(state,
                  state->hsa.hsa_executable_symbol_get_info(
                      symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &code.kernel_object),
                  "symbol");
    hsp_dispatch_init(&state->dispatch, &code, &geometry, NULL);
    return exit_code;
}

static int dispatch(void *opaque) {
    struct state *state = opaque;
    int code = state->dispatch.kernel_object ? EXIT_OK : find_kernel(state);
    if (code)
        return code;
    uint16_t header;
    uint16_t setup;
    uint64_t index = state->hsa.hsa_queue_add_write_index_screlease(state->queue, 1);
    union hsp_packet *slot =
        (union hsp_packet *)state->queue->base_address + (index & (QUEUE_PACKETS - 1));
    state->dispatch.completion = state->signal;
    state->hsa.hsa_signal_store_screlease(state->signal, 1);
    hsp_dispatch_fill(&state->dispatch, slot, &header, &setup);
    hsp_queue_publish(slot, header, setup);
    state->hsa.hsa_signal_store_screlease(state->queue->doorbell_signal, (int64_t)index);
    state->hsa.hsa_signal_wait_scacquire(state->signal, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX,
                                         HSA_WAIT_STATE_ACTIVE);
    return EXIT_OK;
}

static void *open_state(void) {
    struct state *state = xcalloc(1, sizeof *state);
    if (builtin_input(builtin_find(KERNEL), &state->input) == EXIT_OK)
        return state;
    launch_input_fini(&state->input);
    free(state);
    return NULL;
}

/* The process ends: what ROCr holds goes with it. */
static void close_state(void *opaque) {
    struct state *state = opaque;
    launch_input_fini(&state->input);
    free(state);
}

static const struct setup_step steps[] = {
    {"libhsa-runtime64", "dlopen and its functions' addresses", WARM, load_library, NULL},
    {"hsa_init", "hsa_init; warm: after hsa_shut_down", WARM_INITS, init, shut_down},
    {"agents and pools", "hsa_iterate_agents and the pools of the GPU", WARM, find_agent, NULL},
    {"queue", "hsa_queue_create, 1024 packets", WARM, make_queue, drop_queue},
    {"pool memory", "hsa_amd_memory_pool_allocate, 4 MiB of the device", WARM, allocate, release},
    {"signal", "hsa_signal_create; warm: from ROCr's pool", WARM, make_signal, drop_signal},
    {"signal without interrupt", "hsa_amd_signal_create, HSA_AMD_SIGNAL_AMD_GPU_ONLY", WARM,
     make_busy_signal, drop_busy_signal},
    {"code object read", "hsa_code_object_reader_create_from_memory", WARM, make_reader,
     drop_reader},
    {"code object loaded", "hsa_executable_create_alt, _load_agent_code_object", WARM, load,
     unload},
    {"code object frozen", "hsa_executable_freeze", WARM, freeze, load_again},
    {"dispatch", "an empty kernel, from its packet to its completion signal", WARM, dispatch, NULL},
};

const struct setup_chain setup_hsa = {
    .name = "hsa",
    .steps = steps,
    .step_count = sizeof steps / sizeof *steps,
    .open = open_state,
    .close = close_state,
};
