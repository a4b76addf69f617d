/* SPDX-License-Identifier: MIT */
/// What the HSA programs of this folder share: a GPU, its pools, kernels from offload bundles, one
/// AQL packet, and children whose output is looked at. Every failed step ends the program with a
/// line that names it, so callers check nothing.
///
/// Exit codes: 0 passed, 1 failed, 77 no GPU. Under HSAPROBE_TEST_DEVICE=soft (set for each run on
/// the software GPU) no GPU is a failure.
#ifndef E2E_H
#define E2E_H

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define E2E_WAIT_SECONDS 20

/// Ends the program with exit 1 and a line when the condition doesn't hold.
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s:", __FILE__, __LINE__, #condition);                         \
            fprintf(stderr, " " __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/// CHECK for a call that returns hsa_status_t.
#define HSA(call)                                                                                  \
    do {                                                                                           \
        hsa_status_t hsa_status_ = (call);                                                         \
        CHECK(hsa_status_ == HSA_STATUS_SUCCESS, "%s returned 0x%x", #call,                        \
              (unsigned)hsa_status_);                                                              \
    } while (0)

struct e2e {
    hsa_agent_t cpu;
    hsa_agent_t gpu;
    hsa_amd_memory_pool_t host;    ///< fine-grained system memory
    hsa_amd_memory_pool_t kernarg; ///< fine-grained system memory for kernel arguments
    hsa_amd_memory_pool_t device;  ///< coarse-grained VRAM
};

/// hsa_init, then the first CPU and the first GPU agent with their pools. Exits 77 (or 1) without.
void e2e_open(struct e2e *out_e2e);
/// hsa_shut_down.
void e2e_close(void);

/// Memory of a pool, accessible to both agents; host memory is zeroed. Freed by
/// hsa_amd_memory_pool_free.
void *e2e_alloc(const struct e2e *e2e, hsa_amd_memory_pool_t pool, size_t bytes);

struct e2e_kernel {
    uint64_t object;
    uint32_t kernarg_bytes;
    uint32_t group_bytes;
    uint32_t private_bytes;
    hsa_executable_t executable; ///< the caller's to destroy
};

/// Reads a whole file; *out_bytes its length. The caller frees it.
void *e2e_read_file(const char *path, size_t *out_bytes);
/// The gfx90a (or whatever the GPU is) code object within an offload bundle; points into it.
const void *e2e_bundle_entry(const struct e2e *e2e, const void *bundle, size_t *out_bytes);
/// Loads a code object from memory, which may be freed afterwards, and looks up one kernel.
void e2e_load(const struct e2e *e2e, const void *elf, size_t bytes, const char *kernel,
              struct e2e_kernel *out_kernel);
/// The kernel NAME of kernels/NAME.hip or tests/e2e/kernels/NAME.hip.
void e2e_kernel(const struct e2e *e2e, const char *name, struct e2e_kernel *out_kernel);

hsa_queue_t *e2e_queue(const struct e2e *e2e, uint32_t packets);
hsa_signal_t e2e_signal(hsa_signal_value_t value);
/// Waits until the signal is 0; fails after E2E_WAIT_SECONDS, or when it turns negative.
void e2e_wait(hsa_signal_t signal);

/// Writes one packet of 64 bytes at the queue's end and rings; any thread. Waits for a free slot.
void e2e_submit(hsa_queue_t *queue, const void *packet);
/// One dispatch, one dimension, system-scope fences, barrier bit set. `kernarg` must stay until the
/// signal is 0. A signal with handle 0 is none.
void e2e_dispatch(hsa_queue_t *queue, const struct e2e_kernel *kernel, uint32_t work_items,
                  uint16_t group_size, const void *kernarg, hsa_signal_t signal);
/// The packet e2e_dispatch submits, for callers that want to change it first.
hsa_kernel_dispatch_packet_t e2e_packet(const struct e2e_kernel *kernel, uint32_t work_items,
                                        uint16_t group_size, const void *kernarg,
                                        hsa_signal_t signal);

/// y = a * x + y over `count` elements by the kernel saxpy; waits for it.
void e2e_saxpy(const struct e2e *e2e, hsa_queue_t *queue, const struct e2e_kernel *saxpy, float a,
               const float *x, float *y, uint32_t count);

/// One dispatch of vector_add over `count` elements with every result compared: the probe that the
/// tests of odd surroundings use to see that all still works.
void e2e_vector_add(const struct e2e *e2e, hsa_queue_t *queue, uint32_t count);

struct e2e_child {
    int status;        ///< as waitpid gives it
    bool timed_out;    ///< it was killed after the given time
    double seconds;    ///< how long it ran
    char output[8192]; ///< its stdout and stderr, cut to this length, terminated
};

/// Called in the parent when the child's output first contains `trigger`.
typedef void (*e2e_trigger)(int pid);

/// Runs this very program again with one argument and collects its output. With a trigger text,
/// `on_trigger` is called once when the output contains it.
void e2e_child(const char *argument, int timeout_seconds, const char *trigger,
               e2e_trigger on_trigger, struct e2e_child *out_child);

/// Monotonic seconds.
double e2e_seconds(void);

#endif
