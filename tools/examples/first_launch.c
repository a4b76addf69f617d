/* SPDX-License-Identifier: MIT */
// Runs saxpy(a, x, y, count) on the first GPU: first_launch [saxpy.hipfb]
#include <hsaprobe/hsaprobe.h>
#include <stdio.h>

enum { COUNT = 1024 };

int main(int argc, char **argv) {
    const struct hsp_queue_options profiled = {.size = sizeof(profiled), .profiling = true};
    const struct hsp_geometry geometry = {1, {COUNT, 1, 1}, {256, 1, 1}, 0};
    const struct hsp_agent *gpu;
    struct hsp_queue *queue;
    struct hsp_launch *launch;
    struct hsp_phases at;
    float *x;
    hsp_check(hsp_runtime_init());
    hsp_check(hsp_agent_select(NULL, &gpu));
    hsp_check(hsp_queue_create(gpu, &profiled, &queue));
    hsp_check(hsp_launch_create(queue, argc > 1 ? argv[1] : "saxpy.hipfb", "saxpy", &launch));
    const struct hsp_pool *host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    hsp_check(hsp_memory_alloc(host, 2 * COUNT * sizeof(*x), &gpu, 1, (void **)&x));
    for (int i = 0; i < 2 * COUNT; i++)
        x[i] = (float)i;

    struct hsp_arguments *arguments = hsp_launch_arguments(launch);
    hsp_check(hsp_arguments_bind_f32(arguments, "a", 2));
    hsp_check(hsp_arguments_bind_pointer(arguments, "x", x));
    hsp_check(hsp_arguments_bind_pointer(arguments, "y", x + COUNT));
    hsp_check(hsp_arguments_bind_u32(arguments, "count", COUNT));
    hsp_check(hsp_launch_run(launch, &geometry, HSP_WAIT_FOREVER, &at));
    printf(
        "y[1] = %g; ns: reserve %ju, fill %ju, publish %ju, doorbell %ju, rest %ju; kernel %ju\n",
        x[COUNT + 1], at.reserved_ns - at.begin_ns, at.filled_ns - at.reserved_ns,
        at.published_ns - at.filled_ns, at.rung_ns - at.published_ns, at.seen_ns - at.rung_ns,
        at.end_ns - at.start_ns);
    hsp_launch_destroy(launch);
    hsp_queue_destroy(queue);
    hsp_runtime_shutdown();
    return 0;
}
