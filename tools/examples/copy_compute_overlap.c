/* SPDX-License-Identifier: MIT */
// copy_compute_overlap [spin.hipfb]: do a copy to the device and a kernel run at the same time?
//
// First each alone, then both together: the copy is started, and the kernel submitted while it
// runs. The kernel, spin, is made as long as the copy. If the two overlap fully, both together take
// as long as the longer one; if they don't, as long as their sum.
#include <hsaprobe/hsaprobe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 64 << 20, TICKS_PER_US = 100, ROUNDS = 7 };

struct setting {
    const struct hsp_agent *gpu;
    struct hsp_queue *queue;
    struct hsp_launch *spin;
    unsigned char *from; // on the host
    unsigned char *to;   // on the device
    hsa_signal_t copied;
};

static int compare(const void *a, const void *b) {
    const double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

// Microseconds until all that was asked for is over.
static double run(const struct setting *setting, bool copies, bool computes) {
    const struct hsp_geometry one_wave = {1, {64, 1, 1}, {64, 1, 1}, 0};
    struct hsp_dispatch dispatch;
    hsp_signal_store_relaxed(setting->copied, 1);
    hsp_check(hsp_launch_prepare(setting->spin, &one_wave, &dispatch));
    const uint64_t start_ns = hsp_clock_ns();
    if (copies)
        hsp_check(hsp_memory_copy_async(setting->to, setting->gpu, setting->from, hsp_agent_host(),
                                        BYTES, NULL, 0, setting->copied));
    if (computes) {
        hsp_check(hsp_dispatch_submit(setting->queue, HSP_SUBMIT_RING, &dispatch, 1, NULL));
        hsp_check(hsp_dispatch_wait(setting->queue, dispatch.completion, HSP_WAIT_FOREVER,
                                    HSP_WAIT_BLOCKED));
    }
    if (copies)
        hsp_check(hsp_signal_wait(setting->copied, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER,
                                  HSP_WAIT_BLOCKED, NULL));
    return (double)(hsp_clock_ns() - start_ns) / 1e3;
}

static double measure(const struct setting *setting, bool copies, bool computes) {
    double us[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        us[i] = run(setting, copies, computes);
    return median(us);
}

static void set_up(struct setting *setting, const char *path) {
    hsp_check(hsp_agent_select(NULL, &setting->gpu));
    hsp_check(hsp_queue_create(setting->gpu, NULL, &setting->queue));
    hsp_check(hsp_signal_create(0, NULL, &setting->copied));
    const struct hsp_pool *host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    const struct hsp_pool *device = hsp_pool_find(setting->gpu, HSP_POOL_COARSE_GRAINED);
    hsp_check(hsp_memory_alloc(host, BYTES, &setting->gpu, 1, (void **)&setting->from));
    hsp_check(hsp_memory_alloc(device, BYTES, NULL, 0, (void **)&setting->to));
    memset(setting->from, 0x5a, BYTES);
    hsp_check(hsp_launch_create(setting->queue, path, "spin", &setting->spin));
}

// Two clock readings of the device, which spin wants to leave somewhere.
static void bind_spin(const struct setting *setting, double us, uint64_t *stamps) {
    struct hsp_arguments *arguments = hsp_launch_arguments(setting->spin);
    hsp_check(hsp_arguments_bind_u64(arguments, "ticks", (uint64_t)(us * TICKS_PER_US)));
    hsp_check(hsp_arguments_bind_pointer(arguments, "stamps", stamps));
}

static bool arrived(const struct setting *setting) {
    memset(setting->from, 0, BYTES);
    hsp_check(hsp_memory_copy(setting->from, setting->to, BYTES));
    for (size_t i = 0; i < BYTES; i++)
        if (setting->from[i] != 0x5a)
            return false;
    return true;
}

int main(int argc, char **argv) {
    struct setting setting;
    uint64_t *stamps;
    hsp_check(hsp_runtime_init());
    set_up(&setting, argc > 1 ? argv[1] : "spin.hipfb");
    const struct hsp_pool *host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    hsp_check(hsp_memory_alloc(host, 2 * sizeof(*stamps), &setting.gpu, 1, (void **)&stamps));

    bind_spin(&setting, 1, stamps);
    const double copy_us = measure(&setting, true, false);
    bind_spin(&setting, copy_us, stamps);
    const double kernel_us = measure(&setting, false, true);
    const double both_us = measure(&setting, true, true);
    const double shorter_us = copy_us < kernel_us ? copy_us : kernel_us;
    printf("%d MiB to %s and a kernel as long; medians of %d rounds\n", BYTES >> 20,
           hsp_agent_info_get(setting.gpu)->name, ROUNDS);
    printf("copy alone    %10.1f us (%.2f GB/s)\n", copy_us, BYTES / copy_us / 1e3);
    printf("kernel alone  %10.1f us\n", kernel_us);
    printf("both          %10.1f us\n", both_us);
    printf("overlap       %10.0f %%\n", 100 * (copy_us + kernel_us - both_us) / shorter_us);
    const bool is_right = arrived(&setting);
    printf("the copy %s\n", is_right ? "arrived" : "is damaged");

    hsp_launch_destroy(setting.spin);
    hsp_queue_destroy(setting.queue);
    hsp_signal_destroy(setting.copied);
    hsp_check(hsp_memory_free(stamps));
    hsp_check(hsp_memory_free(setting.from));
    hsp_check(hsp_memory_free(setting.to));
    hsp_runtime_shutdown();
    return !is_right;
}
