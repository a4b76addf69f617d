/* SPDX-License-Identifier: MIT */
/// Signals that two processes share: kernels of either complete what the other waits for, hosts
/// store and add on both sides, and a barrier packet waits for a signal of the other process.
#include "e2e.h"
#include "peer.h"

#include <string.h>

enum { ROUNDS = 50 };

static struct e2e e2e;
static hsa_queue_t *queue;
static struct e2e_kernel empty;

static void open_gpu(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    e2e_kernel(&e2e, "empty", &empty);
}

static void *kernarg(void) {
    return e2e_alloc(&e2e, e2e.kernarg, empty.kernarg_bytes ? empty.kernarg_bytes : 64);
}

static void wait_below(hsa_signal_t signal, hsa_signal_value_t bound) {
    uint64_t frequency;
    HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &frequency));
    CHECK(hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_LT, bound,
                                    E2E_WAIT_SECONDS * frequency, HSA_WAIT_STATE_BLOCKED) < bound,
          "waited for a signal of the other process");
}

/* A barrier packet that waits until `dependency` is 0, then a kernel that decrements `completion`.
 */
static void submit_behind(hsa_signal_t dependency, void *arguments, hsa_signal_t completion) {
    hsa_barrier_and_packet_t barrier = {0};
    barrier.header = HSA_PACKET_TYPE_BARRIER_AND << HSA_PACKET_HEADER_TYPE |
                     1 << HSA_PACKET_HEADER_BARRIER |
                     HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE;
    barrier.dep_signal[0] = dependency;
    e2e_submit(queue, &barrier);
    e2e_dispatch(queue, &empty, 64, 64, arguments, completion);
}

/* Child: answers each of the parent's kernels by one of its own. */
static int answerer(void) {
    const struct peer parent = peer_parent();
    hsa_amd_ipc_signal_t handles[2];
    hsa_signal_t ping;
    hsa_signal_t pong;
    open_gpu();
    void *arguments = kernarg();
    peer_receive(&parent, handles, sizeof handles);
    HSA(hsa_amd_ipc_signal_attach(&handles[0], &ping));
    HSA(hsa_amd_ipc_signal_attach(&handles[1], &pong));
    peer_meet(&parent);
    for (int i = 0; i < ROUNDS; ++i) {
        submit_behind(ping, arguments, pong);
        wait_below(pong, 1);
        peer_meet(&parent);
    }
    hsa_signal_add_screlease(ping, 40);
    peer_meet(&parent);
    HSA(hsa_signal_destroy(ping));
    HSA(hsa_signal_destroy(pong));
    e2e_close();
    return 0;
}

/* Child: its signal outlives it. */
static int exporter(void) {
    const struct peer parent = peer_parent();
    hsa_amd_ipc_signal_t handle;
    hsa_signal_t signal;
    open_gpu();
    HSA(hsa_amd_signal_create(77, 0, NULL, HSA_AMD_SIGNAL_IPC, &signal));
    HSA(hsa_amd_ipc_signal_create(signal, &handle));
    peer_send(&parent, &handle, sizeof handle);
    peer_meet(&parent);
    _Exit(0);
}

static void ping_pong(void) {
    struct peer child;
    hsa_signal_t ping;
    hsa_signal_t pong;
    hsa_amd_ipc_signal_t handles[2];
    void *arguments = kernarg();
    HSA(hsa_amd_signal_create(1, 0, NULL, HSA_AMD_SIGNAL_IPC, &ping));
    HSA(hsa_amd_signal_create(1, 0, NULL, HSA_AMD_SIGNAL_IPC, &pong));
    HSA(hsa_amd_ipc_signal_create(ping, &handles[0]));
    HSA(hsa_amd_ipc_signal_create(pong, &handles[1]));
    peer_start("answerer", &child);
    peer_send(&child, handles, sizeof handles);
    peer_meet(&child);
    for (int i = 0; i < ROUNDS; ++i) {
        CHECK(hsa_signal_load_relaxed(pong) == 1, "answered before it was asked");
        e2e_dispatch(queue, &empty, 64, 64, arguments, ping);
        wait_below(pong, 1);
        hsa_signal_store_relaxed(ping, 1);
        peer_meet(&child);
        hsa_signal_store_relaxed(pong, 1);
    }
    peer_meet(&child);
    CHECK(hsa_signal_load_scacquire(ping) == 41, "the other host's addition");
    peer_finish(&child);
    HSA(hsa_signal_destroy(ping));
    HSA(hsa_signal_destroy(pong));
}

static void signal_outlives_exporter(void) {
    struct peer child;
    hsa_amd_ipc_signal_t handle;
    hsa_signal_t signal;
    peer_start("exporter", &child);
    peer_receive(&child, &handle, sizeof handle);
    HSA(hsa_amd_ipc_signal_attach(&handle, &signal));
    peer_meet(&child);
    peer_finish(&child);
    e2e_dispatch(queue, &empty, 64, 64, kernarg(), signal);
    wait_below(signal, 77);
    CHECK(hsa_signal_load_relaxed(signal) == 76, "one decrement");
    HSA(hsa_signal_destroy(signal));
    CHECK(hsa_amd_ipc_signal_attach(&handle, &signal) != HSA_STATUS_SUCCESS,
          "attached to a process that has ended");
}

static void an_ordinary_signal_is_not_shared(void) {
    hsa_amd_ipc_signal_t handle;
    hsa_signal_t signal = e2e_signal(1);
    CHECK(hsa_amd_ipc_signal_create(signal, &handle) == HSA_STATUS_ERROR_INVALID_ARGUMENT,
          "exported a signal without HSA_AMD_SIGNAL_IPC");
    HSA(hsa_signal_destroy(signal));
}

int main(int argc, char **argv) {
    if (argc > 1)
        return strcmp(argv[1], "answerer") ? exporter() : answerer();
    open_gpu();
    ping_pong();
    signal_outlives_exporter();
    an_ordinary_signal_is_not_shared();
    e2e_close();
    return 0;
}
