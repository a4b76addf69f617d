/* SPDX-License-Identifier: MIT */
/// What the programs of this folder that need a GPU share. Each failed step ends the program with a
/// line, so callers check nothing.
///
/// Exit codes: 0 passed, 1 failed, 77 no GPU. Under HSAPROBE_TEST_DEVICE=soft no GPU is a failure.
#ifndef TESTS_PROBE_LIVE_H
#define TESTS_PROBE_LIVE_H

#include <hsaprobe/hsaprobe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_WAIT_NS 20000000000u

/// Ends the program when the condition doesn't hold.
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s:", __FILE__, __LINE__, #condition);                         \
            fprintf(stderr, " " __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/// CHECK for a call that returns hsp_status.
#define OK(call)                                                                                   \
    do {                                                                                           \
        const hsp_status ok_status_ = (call);                                                      \
        CHECK(ok_status_ == HSP_OK, "status 0x%x: %s", (unsigned)ok_status_, hsp_last_error());    \
    } while (0)

/// CHECK that a call fails with this status and these words in its text.
#define FAILS(call, status, words)                                                                 \
    do {                                                                                           \
        const hsp_status fails_status_ = (call);                                                   \
        CHECK(fails_status_ == (hsp_status)(status), "status 0x%x: %s", (unsigned)fails_status_,   \
              hsp_last_error());                                                                   \
        CHECK(strstr(hsp_last_error(), words), "'%s' is not in: %s", words, hsp_last_error());     \
    } while (0)

/// Initialises the runtime and gives the first GPU; ends the program with 77 when there is none.
const struct hsp_agent *live_gpu(void);

/// A kernel of the built-in ones (share/hsaprobe/kernels/NAME.hipfb), loaded.
struct live_kernel {
    struct hsp_code_object *object;
    struct hsp_executable *executable;
    const struct hsp_kernel *kernel;
    struct hsp_kernel_code code;
};
struct live_kernel live_load(const struct hsp_agent *gpu, const char *name);
void live_unload(struct live_kernel *kernel);

/// Fine-grained host memory that the GPU can reach, zeroed.
void *live_host_memory(const struct hsp_agent *gpu, size_t bytes);
/// The agent's first device memory pool.
const struct hsp_pool *live_device_pool(const struct hsp_agent *gpu);

#endif
