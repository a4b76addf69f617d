/* SPDX-License-Identifier: MIT */
// The short way gives the same results and packets as the long one, says which of its steps failed,
// and can be launched again with other values.
#include "live.h"

#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 500 };

// Whole work-groups: in a partial one HIP's blockDim is what is left of it.
static const struct hsp_geometry geometry = {1, {512, 1, 1}, {64, 1, 1}, 0};

static void launches_again(const struct hsp_agent *gpu, struct hsp_queue *queue) {
    struct hsp_launch *launch = NULL;
    OK(hsp_launch_create(queue, LIVE_KERNELS "/saxpy.hipfb", "saxpy", &launch));
    CHECK(strcmp(hsp_launch_kernel(launch)->name, "saxpy") == 0);
    float *x = live_host_memory(gpu, COUNT * sizeof(*x));
    float *y = live_host_memory(gpu, COUNT * sizeof(*y));
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)i;
    struct hsp_arguments *arguments = hsp_launch_arguments(launch);
    FAILS(hsp_launch_run(launch, &geometry, LIVE_WAIT_NS, NULL), HSP_ERROR_KERNEL_ARGUMENT, "a");
    OK(hsp_arguments_bind_f32(arguments, "a", 2));
    OK(hsp_arguments_bind_pointer(arguments, "x", x));
    OK(hsp_arguments_bind_pointer(arguments, "y", y));
    OK(hsp_arguments_bind_u32(arguments, "count", COUNT));
    FAILS(hsp_arguments_bind_f64(arguments, "a", 2), HSP_ERROR_KERNEL_ARGUMENT, "a");
    FAILS(hsp_arguments_bind_i64(arguments, "b", 2), HSP_ERROR_NOT_FOUND, "'b'");
    struct hsp_phases phases;
    memset(&phases, 0xff, sizeof(phases));
    const struct hsp_geometry large = {1, {1 << 20, 1, 1}, {65536, 1, 1}, 0};
    FAILS(hsp_launch_run(launch, &large, LIVE_WAIT_NS, &phases), HSP_ERROR_GEOMETRY, "65536");
    CHECK(phases.begin_ns == UINT64_MAX, "a failed launch wrote its phases");
    OK(hsp_launch_run(launch, &geometry, LIVE_WAIT_NS, &phases));
    CHECK(phases.begin_ns <= phases.rung_ns && phases.rung_ns <= phases.seen_ns);
    CHECK(phases.start_ns != 0 && phases.start_ns <= phases.end_ns);
    OK(hsp_arguments_bind_f32(arguments, "a", -1));
    OK(hsp_launch_run(launch, &geometry, LIVE_WAIT_NS, NULL));
    for (int i = 0; i < COUNT; i++)
        CHECK(y[i] == (float)i, "y[%d] is %g", i, (double)y[i]);
    hsp_launch_destroy(launch);
    OK(hsp_memory_free(x));
    OK(hsp_memory_free(y));
}

static void takes_a_source(const struct hsp_agent *gpu, struct hsp_queue *queue) {
    static const char source[] = "kernel void add(global int *data, int step) {\n"
                                 "    data[get_global_id(0)] += step;\n"
                                 "}\n";
    char path[] = "/tmp/launch-XXXXXX.cl";
    const int file = mkstemps(path, 3);
    CHECK(file >= 0 && write(file, source, sizeof(source) - 1) == sizeof(source) - 1);
    CHECK(close(file) == 0);
    struct hsp_launch *launch = NULL;
    const hsp_status status = hsp_launch_create(queue, path, "add", &launch);
    unlink(path);
    OK(status);
    int *data = live_host_memory(gpu, 512 * sizeof(*data));
    OK(hsp_arguments_bind_pointer(hsp_launch_arguments(launch), "data", data));
    OK(hsp_arguments_bind_i32(hsp_launch_arguments(launch), "step", 3));
    OK(hsp_launch_run(launch, &geometry, LIVE_WAIT_NS, NULL));
    CHECK(data[0] == 3 && data[511] == 3, "%d %d", data[0], data[511]);
    hsp_launch_destroy(launch);
    OK(hsp_memory_free(data));
}

static void hands_out_its_dispatch(const struct hsp_agent *gpu, struct hsp_queue *queue) {
    struct hsp_launch *launch = NULL;
    OK(hsp_launch_create(queue, LIVE_KERNELS "/empty.hipfb", "empty", &launch));
    struct hsp_dispatch dispatch;
    OK(hsp_launch_prepare(launch, &geometry, &dispatch));
    CHECK(hsp_signal_load_relaxed(dispatch.completion) == 1);
    uint64_t index;
    OK(hsp_dispatch_submit(queue, HSP_SUBMIT_HSA, &dispatch, 1, &index));
    OK(hsp_dispatch_wait(queue, dispatch.completion, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    hsp_launch_destroy(launch);
    (void)gpu;
}

static void says_what_is_wrong(struct hsp_queue *queue) {
    struct hsp_launch *launch = NULL;
    FAILS(hsp_launch_create(queue, LIVE_KERNELS "/none.hipfb", "saxpy", &launch),
          HSP_STATUS(HSP_DOMAIN_ERRNO, 2), "none.hipfb");
    FAILS(hsp_launch_create(queue, LIVE_KERNELS "/saxpy.hipfb", "sexpy", &launch),
          HSP_ERROR_NOT_FOUND, "saxpy");
    CHECK(!launch, "a failed creation wrote its output");
    hsp_launch_destroy(NULL);
}

// In a process of its own, for it ends.
static int check_in_child(hsp_status status, char *text, size_t text_bytes) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        if (status == HSP_ERROR_NOT_FOUND) // with words of its own
            status = hsp_agent_select("7777", &(const struct hsp_agent *){0});
        hsp_check(status);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], text + used, text_bytes - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(ends[0]);
    int state = 0;
    CHECK(waitpid(child, &state, 0) == child && WIFEXITED(state));
    return WEXITSTATUS(state);
}

static void ends_where_a_step_failed(void) {
    char text[1024];
    CHECK(check_in_child(HSP_OK, text, sizeof(text)) == 0 && text[0] == '\0', "%s", text);
    CHECK(check_in_child(HSP_ERROR_NOT_FOUND, text, sizeof(text)) == 1);
    CHECK(strstr(text, "live_launch: ") && strstr(text, "7777"), "%s", text);
    CHECK(check_in_child(HSP_ERROR_NO_DEVICE, text, sizeof(text)) == 77, "%s", text);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    ends_where_a_step_failed();
    const struct hsp_queue_options options = {.size = sizeof(options), .profiling = true};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(gpu, &options, &queue));
    launches_again(gpu, queue);
    takes_a_source(gpu, queue);
    hands_out_its_dispatch(gpu, queue);
    says_what_is_wrong(queue);
    hsp_queue_destroy(queue);
    hsp_runtime_shutdown();
    return 0;
}
