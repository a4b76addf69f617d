/* SPDX-License-Identifier: MIT */
// persistent_kernel [serve.hipfb]: a kernel that never ends against one that is launched each time.
//
// serve (kernels/serve.hip) is launched once and then asked for work through the value of one
// signal, and answers through another's. Each request adds 1 to COUNT numbers. The same work is
// then done by launching serve anew for every request. Both are timed from the request until the
// host sees the answer.
#include <hsaprobe/hsaprobe.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 256, REQUESTS = 201 };

struct service {
    hsa_signal_t request;
    hsa_signal_t reply;
    uint32_t *data;
    struct hsp_launch *launch;
};

static const struct hsp_geometry one_group = {1, {64, 1, 1}, {64, 1, 1}, 0};

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *name, uint64_t *ns) {
    qsort(ns, REQUESTS, sizeof(*ns), compare);
    printf("%-22s %10.2f %10.2f %10.2f\n", name, (double)ns[0] / 1e3,
           (double)ns[REQUESTS / 2] / 1e3, (double)ns[REQUESTS - 1] / 1e3);
}

// Actively: the kernel changes the reply with a store, which wakes nobody.
static void wait_for_reply(const struct service *service, int64_t number) {
    hsp_check(hsp_signal_wait(service->reply, HSP_CONDITION_EQ, number, HSP_WAIT_FOREVER,
                              HSP_WAIT_ACTIVE, NULL));
}

// The kernel stays: one dispatch for all requests.
static void ask_persistent(struct hsp_queue *queue, const struct service *service, uint64_t *ns) {
    struct hsp_dispatch dispatch;
    hsp_check(hsp_launch_prepare(service->launch, &one_group, &dispatch));
    hsp_check(hsp_dispatch_submit(queue, HSP_SUBMIT_RING, &dispatch, 1, NULL));
    for (int i = 0; i < REQUESTS; i++) {
        const uint64_t start_ns = hsp_clock_ns();
        hsp_signal_store_release(service->request, i + 1);
        wait_for_reply(service, i + 1);
        ns[i] = hsp_clock_ns() - start_ns;
    }
    hsp_signal_store_release(service->request, -1);
    hsp_check(hsp_dispatch_wait(queue, dispatch.completion, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED));
}

// The request is there when the kernel starts; its end is another launch's beginning.
static void ask_by_launching(struct hsp_queue *queue, const struct service *service, uint64_t *ns) {
    for (int i = 0; i < REQUESTS; i++) {
        struct hsp_dispatch dispatch;
        hsp_signal_store_release(service->reply, 0);
        const uint64_t start_ns = hsp_clock_ns();
        hsp_check(hsp_launch_prepare(service->launch, &one_group, &dispatch));
        hsp_signal_store_release(service->request, 1);
        hsp_check(hsp_dispatch_submit(queue, HSP_SUBMIT_RING, &dispatch, 1, NULL));
        wait_for_reply(service, 1);
        ns[i] = hsp_clock_ns() - start_ns;
        hsp_signal_store_release(service->request, -1);
        hsp_check(hsp_dispatch_wait(queue, dispatch.completion, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE));
    }
}

static void set_up(struct service *service, const struct hsp_agent *gpu, struct hsp_queue *queue,
                   const char *path) {
    hsp_check(hsp_signal_create(0, NULL, &service->request));
    hsp_check(hsp_signal_create(0, NULL, &service->reply));
    const struct hsp_pool *host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    hsp_check(hsp_memory_alloc(host, COUNT * sizeof(uint32_t), &gpu, 1, (void **)&service->data));
    hsp_check(hsp_memory_fill(service->data, 0, COUNT));
    hsp_check(hsp_launch_create(queue, path, "serve", &service->launch));
    struct hsp_arguments *arguments = hsp_launch_arguments(service->launch);
    hsp_check(hsp_arguments_bind_pointer(arguments, "request",
                                         hsp_signal_value_address(service->request)));
    hsp_check(
        hsp_arguments_bind_pointer(arguments, "reply", hsp_signal_value_address(service->reply)));
    hsp_check(hsp_arguments_bind_pointer(arguments, "data", service->data));
    hsp_check(hsp_arguments_bind_u32(arguments, "count", COUNT));
}

int main(int argc, char **argv) {
    struct service service;
    const struct hsp_agent *gpu;
    struct hsp_queue *queue;
    uint64_t ns[REQUESTS];
    hsp_check(hsp_runtime_init());
    hsp_check(hsp_agent_select(NULL, &gpu));
    hsp_check(hsp_queue_create(gpu, NULL, &queue));
    set_up(&service, gpu, queue, argc > 1 ? argv[1] : "serve.hipfb");

    printf("%d requests on %s; us from request to answer\n", REQUESTS,
           hsp_agent_info_get(gpu)->name);
    printf("%-22s %10s %10s %10s\n", "", "least", "median", "most");
    ask_persistent(queue, &service, ns);
    print_times("persistent kernel", ns);
    ask_by_launching(queue, &service, ns);
    print_times("launched each time", ns);

    int wrong = 0;
    for (int i = 0; i < COUNT; i++)
        wrong += service.data[i] != 2 * REQUESTS;
    printf("%d of %d numbers are wrong\n", wrong, COUNT);
    hsp_launch_destroy(service.launch);
    hsp_queue_destroy(queue);
    hsp_signal_destroy(service.request);
    hsp_signal_destroy(service.reply);
    hsp_check(hsp_memory_free(service.data));
    hsp_runtime_shutdown();
    return wrong != 0;
}
