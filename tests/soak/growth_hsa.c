/* SPDX-License-Identifier: MIT */
/// A process that opens and closes HSA, and in between makes and frees what a program makes,
/// doesn't grow. Usage: growth_hsa [CYCLES].
#include "e2e.h"
#include "growth.h"

static void use_memory(const struct e2e *e2e) {
    void *device = e2e_alloc(e2e, e2e->device, 3 << 20);
    char *host = e2e_alloc(e2e, e2e->host, 3 << 20), *mine = malloc(1 << 20), *locked;
    const hsa_signal_t done = e2e_signal(1);
    HSA(hsa_amd_memory_lock(mine, 1 << 20, (hsa_agent_t *)&e2e->gpu, 1, (void **)&locked));
    HSA(hsa_amd_memory_async_copy(device, e2e->gpu, host, e2e->cpu, 3 << 20, 0, NULL, done));
    e2e_wait(done);
    HSA(hsa_amd_memory_unlock(mine));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(device));
    HSA(hsa_amd_memory_pool_free(host));
    free(mine);
}

static bool handled(hsa_signal_value_t value, void *data) {
    (void)value;
    *(_Atomic bool *)data = true;
    return false;
}

static void use_signals(void) {
    _Atomic bool told = false;
    hsa_signal_t signals[64];
    for (int i = 0; i < 64; i++)
        signals[i] = e2e_signal(1);
    HSA(hsa_amd_signal_async_handler(signals[7], HSA_SIGNAL_CONDITION_EQ, 0, handled, &told));
    hsa_signal_store_screlease(signals[7], 0);
    while (!told) {
    }
    for (int i = 0; i < 64; i++)
        HSA(hsa_signal_destroy(signals[i]));
}

static void use_ipc(const struct e2e *e2e) {
    hsa_amd_ipc_memory_t handle;
    void *memory = e2e_alloc(e2e, e2e->device, 2 << 20);
    HSA(hsa_amd_ipc_memory_create(memory, 2 << 20, &handle));
    HSA(hsa_amd_memory_pool_free(memory));
}

static void work(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    for (int i = 0; i < 3; i++) {
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        e2e_vector_add(&e2e, queue, 1000);
        use_memory(&e2e);
        use_signals();
        use_ipc(&e2e);
        HSA(hsa_queue_destroy(queue));
    }
    e2e_close();
}

int main(int argc, char **argv) {
    return growth_check(work, argc > 1 ? atol(argv[1]) : 20);
}
