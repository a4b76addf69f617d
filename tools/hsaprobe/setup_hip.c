/* SPDX-License-Identifier: MIT */
/* From nothing to the first kernel by HIP. */
#include <stdlib.h>

#include "arms.h"
#include "builtin.h"
#include "measure/hip_calls.h"
#include "memory.h"
#include "setup_steps.h"

#define KERNEL "empty"
#define WARM   16

struct state {
    const struct hsp_hip_calls *hip;
    struct launch_input input;
    void *stream;
    void *module;
    void *function;
    void *memory;
};

static int check(const struct state *state, int error, const char *what) {
    return error ? failure(EXIT_FAILED, what, "%s", state->hip->error_text(error)) : EXIT_OK;
}

static int load_library(void *opaque) {
    struct state *state = opaque;
    const char *reason = "of another version";
    state->hip = arms_hip_symbol(HSP_HIP_CALLS_SYMBOL, &reason);
    return state->hip && state->hip->version == HSP_HIP_CALLS_VERSION
               ? EXIT_OK
               : failure(EXIT_FAILED, "HIP", "%s", reason);
}

static int init(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->init(), "hipInit");
}

static int make_stream(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->stream_create(&state->stream, HSP_HIP_NON_BLOCKING), "stream");
}

static int drop_stream(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->stream_destroy(state->stream), "stream");
}

static int allocate(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->malloc(&state->memory, (size_t)4 << 20), "hipMalloc");
}

static int release(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->free(state->memory), "hipFree");
}

static int load(void *opaque) {
    struct state *state = opaque;
    int code = check(state, state->hip->module_load(&state->module, state->input.file), "module");
    return code ? code
                : check(state, state->hip->module_function(&state->function, state->module, KERNEL),
                        "module");
}

static int unload(void *opaque) {
    struct state *state = opaque;
    return check(state, state->hip->module_unload(state->module), "module");
}

static int launch(void *opaque) {
    struct state *state = opaque;
    int code = check(state, state->hip->launch(state->function, 1, 64, state->stream, NULL),
                     "hipModuleLaunchKernel");
    return code ? code : check(state, state->hip->stream_synchronize(state->stream), "stream");
}

static void *open_state(void) {
    struct state *state = xcalloc(1, sizeof *state);
    if (builtin_input(builtin_find(KERNEL), &state->input) == EXIT_OK)
        return state;
    launch_input_fini(&state->input);
    free(state);
    return NULL;
}

static void close_state(void *opaque) {
    struct state *state = opaque;
    launch_input_fini(&state->input);
    free(state);
}

static const struct setup_step steps[] = {
    {"libamdhip64", "dlopen", WARM, load_library, NULL},
    {"hipInit", "hipInit, with the hsa_init in it; warm: called again", WARM, init, NULL},
    {"HIP stream", "hipStreamCreateWithFlags, non-blocking; cold: with the first device's set-up",
     WARM, make_stream, drop_stream},
    {"hipMalloc", "hipMalloc of 4 MiB", WARM, allocate, release},
    {"HIP module", "hipModuleLoad of a file, hipModuleGetFunction", WARM, load, unload},
    {"HIP launch", "hipModuleLaunchKernel of an empty kernel and hipStreamSynchronize", WARM,
     launch, NULL},
};

const struct setup_chain setup_hip = {
    .name = "hip",
    .steps = steps,
    .step_count = sizeof steps / sizeof *steps,
    .open = open_state,
    .close = close_state,
};
