/* SPDX-License-Identifier: MIT */
/* An external arm of `hsaprobe layers`: a "device" that is a thread of this process.
 *
 *     hsaprobe layers --arm ring,hip,thread=share/hsaprobe/examples/arm_thread
 *
 * A launch hands the thread one more piece of work through an atomic counter; the wait spins until
 * the thread has counted as far. No ROCm, no GPU: what two processors need to talk to each other,
 * which is the least that any launch through shared memory costs. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hsaprobe_arm.h"

struct device {
    pthread_t thread;
    _Atomic uint64_t launched;
    _Atomic uint64_t done;
    _Atomic bool stop;
};

static void *serve(void *opaque) {
    struct device *device = opaque;
    while (!atomic_load_explicit(&device->stop, memory_order_relaxed)) {
        uint64_t launched = atomic_load_explicit(&device->launched, memory_order_acquire);
        uint64_t done = atomic_load_explicit(&device->done, memory_order_relaxed);
        if (done < launched)
            atomic_store_explicit(&device->done, done + 1, memory_order_release);
        else
            sched_yield();
    }
    return NULL;
}

static const char *device_open(void *opaque, const struct hsaprobe_arm_case *launch) {
    struct device *device = opaque;
    (void)launch;
    return pthread_create(&device->thread, NULL, serve, device) ? "no thread" : NULL;
}

static const char *device_launch(void *opaque) {
    struct device *device = opaque;
    atomic_fetch_add_explicit(&device->launched, 1, memory_order_release);
    return NULL;
}

static const char *device_wait(void *opaque) {
    struct device *device = opaque;
    uint64_t launched = atomic_load_explicit(&device->launched, memory_order_relaxed);
    while (atomic_load_explicit(&device->done, memory_order_acquire) < launched)
        sched_yield();
    return NULL;
}

static const char *device_count(void *opaque, uint64_t *out_kernels) {
    struct device *device = opaque;
    *out_kernels = atomic_load_explicit(&device->done, memory_order_acquire);
    return NULL;
}

static void device_close(void *opaque) {
    struct device *device = opaque;
    atomic_store(&device->stop, true);
    pthread_join(device->thread, NULL);
}

int main(void) {
    static struct device device;
    const struct hsaprobe_arm arm = {.open = device_open,
                                     .launch = device_launch,
                                     .wait = device_wait,
                                     .count = device_count,
                                     .close = device_close,
                                     .state = &device};
    return hsaprobe_arm_main(&arm);
}
