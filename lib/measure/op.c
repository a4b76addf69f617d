/* SPDX-License-Identifier: MIT */
#include "measure/op.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "measure/op_state.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define KIB          ((size_t)1 << 10)
#define MIB          ((size_t)1 << 20)

static const struct hsp_op ops[] = {
#define OP(name, sizes) {name, sizes},
#include "measure/ops.def"
};

#define hsp_op_hip_NULL   NULL
#define hsp_op_hsa_NULL   NULL
#define hsp_op_ioctl_NULL NULL
static const struct hsp_op_row rows[] = {
#define OP_ARM(op, api, prepare, run, undo, undoes_first, timed, untimed)                          \
    {op,                                                                                           \
     #api,                                                                                         \
     timed,                                                                                        \
     untimed,                                                                                      \
     hsp_op_##api##_##prepare,                                                                     \
     hsp_op_##api##_##run,                                                                         \
     hsp_op_##api##_##undo,                                                                        \
     undoes_first,                                                                                 \
     hsp_op_##api##_clean},
#include "measure/ops.def"
};

/* The thresholds of ROCm 5.2.3:
 *   1 MiB   HIP pins pageable memory that is longer, and copies the rest through a buffer of its
 *           own (ROCclr, utils/flags.hpp: GPU_PINNED_MIN_XFER_SIZE, in KiB; rocblit.cpp)
 *   2 MiB   ROCr cuts shorter device allocations out of blocks of this size
 *           (core/inc/amd_memory_region.h: BlockAllocator::block_size_)
 *   32 MiB  HIP pins at most so much at a time (GPU_PINNED_XFER_SIZE, in MiB) */
static const size_t sizes[] = {4 * KIB, 64 * KIB,          1 * MIB,  1 * MIB + 4 * KIB,
                               2 * MIB, 2 * MIB + 4 * KIB, 32 * MIB, 32 * MIB + 4 * KIB};

const struct hsp_op_row *hsp_op_rows(size_t *out_count) {
    *out_count = COUNT(rows);
    return rows;
}

const struct hsp_op *hsp_ops(size_t *out_count) {
    *out_count = COUNT(ops);
    return ops;
}

const size_t *hsp_op_sizes(size_t *out_count) {
    *out_count = COUNT(sizes);
    return sizes;
}

int hsp_op_fail(struct hsp_op_state *state, const char *what, const char *why) {
    snprintf(state->error.text, sizeof state->error.text, "%s: %s", what, why);
    return -1;
}

int hsp_op_hsa(struct hsp_op_state *state, hsp_status status, const char *what) {
    const char *words = status ? hsp_last_error() : "";
    return status ? hsp_op_fail(state, what, *words ? words : hsp_status_string(status)) : 0;
}

int hsp_op_hip(struct hsp_op_state *state, int error, const char *what) {
    return error ? hsp_op_fail(state, what, state->op_case.hip->error_text(error)) : 0;
}

int hsp_op_ioctl(struct hsp_op_state *state, int rc, const char *what) {
    return rc ? hsp_op_fail(state, what, strerror(-rc)) : 0;
}

int hsp_op_map_host(struct hsp_op_state *state) {
    void *host = mmap(NULL, state->op_case.bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (host == MAP_FAILED)
        return hsp_op_fail(state, "host memory", strerror(errno));
    state->host = host;
    state->host_is_mapped = true;
    return 0;
}

static int run(void *opaque) {
    struct hsp_op_state *state = opaque;
    return state->row->run(state);
}

static int undo(void *opaque) {
    struct hsp_op_state *state = opaque;
    return state->row->undo ? state->row->undo(state) : 0;
}

static const char *error(void *opaque) {
    struct hsp_op_state *state = opaque;
    return state->error.text;
}

static void destroy(void *opaque) {
    struct hsp_op_state *state = opaque;
    if (!state)
        return;
    state->row->clean(state);
    if (state->host_is_mapped)
        munmap(state->host, state->op_case.bytes);
    free(state);
}

static const struct hsp_arm_ops forward = {
    .launch = run, .wait = undo, .error = error, .destroy = destroy};
static const struct hsp_arm_ops backward = {
    .launch = undo, .wait = run, .error = error, .destroy = destroy};

int hsp_op_arm_create(const struct hsp_op_row *row, const struct hsp_op_case *op_case,
                      struct hsp_arm *out_arm, struct hsp_op_error *out_error) {
    struct hsp_op_state *state = calloc(1, sizeof *state);
    if (!state) {
        snprintf(out_error->text, sizeof out_error->text, "%s", strerror(ENOMEM));
        return -1;
    }
    state->row = row;
    state->op_case = *op_case;
    if (row->prepare(state) || (row->undoes_first && run(state))) {
        *out_error = state->error;
        destroy(state);
        return -1;
    }
    *out_arm = (struct hsp_arm){
        .name = row->api, .ops = row->undoes_first ? &backward : &forward, .state = state};
    return 0;
}

/* A byte that depends on its place and differs from page to page. */
static unsigned char pattern(size_t index) {
    return (unsigned char)(index * 7 + index / 4096 + 1);
}

bool hsp_op_arm_check(const struct hsp_arm *arm) {
    struct hsp_op_state *state = arm->state;
    size_t bytes = state->op_case.bytes;
    if (!state->device)
        return true;
    unsigned char *host = state->host;
    unsigned char *seen = malloc(bytes);
    bool is_right = seen != NULL;
    /* there by this arm, back by HSA, or the other way round */
    for (size_t i = 0; i < bytes; i++)
        host[i] = pattern(i);
    if (is_right && !state->op_case.to_device) {
        is_right = hsp_memory_copy(state->device, host, bytes) == HSP_OK;
        memset(host, 0, bytes);
    }
    is_right = is_right && run(state) == 0;
    if (is_right && state->op_case.to_device)
        is_right = hsp_memory_copy(seen, state->device, bytes) == HSP_OK;
    else if (is_right)
        memcpy(seen, host, bytes);
    for (size_t i = 0; i < bytes && is_right; i++)
        is_right = seen[i] == pattern(i);
    free(seen);
    return is_right;
}
