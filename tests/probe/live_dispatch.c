/* SPDX-License-Identifier: MIT */
// A kernel runs through HSA's functions and through the ring writer, one by one and in batches,
// over many turns of a small ring, with the right results, packets and device times.
#include "live.h"

#include <unistd.h>

enum { COUNT = 1000, RING = 64, LAUNCHES = 300 };

struct setting {
    const struct hsp_agent *gpu;
    struct live_kernel saxpy;
    float *x, *y;
    void *kernarg;
    struct hsp_kernarg_arena *arena;
    hsa_signal_t done;
    struct hsp_geometry geometry;
};

static struct setting set_up(const struct hsp_agent *gpu) {
    struct setting setting = {.gpu = gpu, .saxpy = live_load(gpu, "saxpy")};
    setting.x = live_host_memory(gpu, COUNT * sizeof(float));
    setting.y = live_host_memory(gpu, COUNT * sizeof(float));
    const float a = 2;
    const uint32_t count = COUNT;
    struct hsp_arguments *arguments = NULL;
    OK(hsp_arguments_create(setting.saxpy.kernel, &arguments));
    OK(hsp_arguments_set(arguments, 0, HSP_VALUE_F32, &a, sizeof(a)));
    OK(hsp_arguments_set_pointer(arguments, 1, setting.x));
    OK(hsp_arguments_set_pointer(arguments, 2, setting.y));
    OK(hsp_arguments_set(arguments, 3, HSP_VALUE_U32, &count, sizeof(count)));
    OK(hsp_arguments_check(arguments));
    const uint32_t blocks[] = {(COUNT + 63) / 64, 1, 1}, threads[] = {64, 1, 1};
    OK(hsp_geometry_from_blocks(blocks, threads, 0, &setting.geometry));
    OK(hsp_geometry_check(&setting.geometry, setting.saxpy.kernel, gpu));
    OK(hsp_kernarg_arena_create(gpu, setting.saxpy.code.kernarg_bytes, 1, &setting.arena));
    setting.kernarg = hsp_kernarg_arena_acquire(setting.arena);
    OK(hsp_arguments_write(arguments, &setting.geometry, NULL, setting.kernarg,
                           hsp_kernarg_arena_block_bytes(setting.arena)));
    hsp_arguments_destroy(arguments);
    OK(hsp_signal_create(0, NULL, &setting.done));
    return setting;
}

static void tear_down(struct setting *setting) {
    hsp_signal_destroy(setting->done);
    hsp_kernarg_arena_release(setting->arena, setting->kernarg);
    hsp_kernarg_arena_destroy(setting->arena);
    OK(hsp_memory_free(setting->x));
    OK(hsp_memory_free(setting->y));
    live_unload(&setting->saxpy);
}

static struct hsp_dispatch make_dispatch(const struct setting *setting) {
    struct hsp_dispatch dispatch;
    hsp_dispatch_init(&dispatch, &setting->saxpy.code, &setting->geometry, setting->kernarg);
    dispatch.completion = setting->done;
    dispatch.barrier = true;
    return dispatch;
}

static void reset_data(struct setting *setting) {
    for (int i = 0; i < COUNT; i++) {
        setting->x[i] = (float)i;
        setting->y[i] = 0;
    }
}

static void check_data(const struct setting *setting, int launches) {
    for (int i = 0; i < COUNT; i++)
        CHECK(setting->y[i] == (float)(2 * i * launches), "y[%d] is %g after %d launches", i,
              (double)setting->y[i], launches);
}

static void launch_singly(struct setting *setting, struct hsp_queue *queue,
                          enum hsp_submit submit) {
    const struct hsp_dispatch dispatch = make_dispatch(setting);
    reset_data(setting);
    const uint64_t before = hsp_queue_write_index(queue);
    for (int i = 0; i < 3; i++) {
        hsp_signal_store_relaxed(setting->done, 1);
        const uint64_t start_ns = hsp_clock_ns();
        uint64_t index = 0;
        OK(hsp_dispatch_submit(queue, submit, &dispatch, 1, &index));
        OK(hsp_dispatch_wait(queue, setting->done, LIVE_WAIT_NS, HSP_WAIT_ACTIVE));
        const uint64_t end_ns = hsp_clock_ns();
        CHECK(index == before + (uint64_t)i);
        struct hsp_device_times times;
        OK(hsp_signal_dispatch_times(setting->done, setting->gpu, &times));
        CHECK(times.start_ns <= times.end_ns && times.start_ticks <= times.end_ticks);
        // The device's clock ticks every 10 ns.
        CHECK(times.start_ns + times.error_ns + 20 >= start_ns, "%lld ns too early",
              (long long)(start_ns - times.start_ns));
        CHECK(times.end_ns <= end_ns + times.error_ns + 20, "%lld ns too late",
              (long long)(times.end_ns - end_ns));
    }
    check_data(setting, 3);
    union hsp_packet packet;
    hsp_queue_read_slot(queue, before, &packet);
    CHECK(packet.dispatch.kernel_object == dispatch.kernel_object);
    CHECK(packet.dispatch.kernarg_address == dispatch.kernarg);
    CHECK(packet.dispatch.workgroup_size_x == 64 && packet.dispatch.grid_size_x == 1024);
}

static void launch_in_batches(struct setting *setting, struct hsp_queue *queue,
                              enum hsp_submit submit) {
    struct hsp_dispatch batch[RING];
    for (int i = 0; i < RING; i++)
        batch[i] = make_dispatch(setting);
    reset_data(setting);
    hsp_signal_store_relaxed(setting->done, LAUNCHES);
    for (uint32_t sent = 0, size = 1; sent < LAUNCHES; sent += size) {
        size = size * 2 > RING ? RING : size * 2;
        if (size > LAUNCHES - sent)
            size = LAUNCHES - sent;
        OK(hsp_dispatch_submit(queue, submit, batch, size, NULL));
    }
    OK(hsp_dispatch_wait(queue, setting->done, LIVE_WAIT_NS, HSP_WAIT_BLOCKED));
    check_data(setting, LAUNCHES);
    FAILS(hsp_dispatch_submit(queue, submit, batch, 0, NULL), HSP_ERROR_INVALID_ARGUMENT,
          "submit 0 packets");
    FAILS(hsp_dispatch_submit(queue, submit, batch, RING + 1, NULL), HSP_ERROR_INVALID_ARGUMENT,
          "the queue has 64");
}

// The clocks drift apart: the error counts the time that has gone by.
static void late_times_are_less_exact(struct setting *setting) {
    const struct hsp_queue_options options = {.size = sizeof(options), .profiling = true};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(setting->gpu, &options, &queue));
    struct hsp_dispatch dispatch = make_dispatch(setting);
    reset_data(setting);
    hsp_signal_store_relaxed(setting->done, 1);
    OK(hsp_dispatch_submit(queue, HSP_SUBMIT_RING, &dispatch, 1, NULL));
    OK(hsp_dispatch_wait(queue, setting->done, LIVE_WAIT_NS, HSP_WAIT_ACTIVE));
    usleep(20000);
    const uint64_t asked_ns = hsp_clock_ns();
    struct hsp_device_times times;
    OK(hsp_signal_dispatch_times(setting->done, setting->gpu, &times));
    CHECK(times.error_ns >= (asked_ns - times.end_ns) / 2000, "%llu ns",
          (unsigned long long)times.error_ns);
    hsp_queue_destroy(queue);
}

static void phases_follow_one_another(struct setting *setting) {
    const struct hsp_queue_options options = {.size = sizeof(options), .profiling = true};
    struct hsp_queue *queue = NULL;
    OK(hsp_queue_create(setting->gpu, &options, &queue));
    struct hsp_dispatch dispatch = make_dispatch(setting);
    reset_data(setting);
    hsp_signal_store_relaxed(setting->done, 1);
    struct hsp_phases p;
    const uint64_t before_ns = hsp_clock_ns();
    OK(hsp_dispatch_time_phases(queue, &dispatch, LIVE_WAIT_NS, HSP_WAIT_ACTIVE, &p));
    check_data(setting, 1);
    CHECK(before_ns <= p.begin_ns && p.begin_ns <= p.reserved_ns && p.reserved_ns <= p.filled_ns);
    CHECK(p.filled_ns <= p.published_ns && p.published_ns <= p.rung_ns && p.rung_ns <= p.seen_ns);
    CHECK(p.seen_ns <= hsp_clock_ns());
    // The device's clock ticks every 10 ns.
    CHECK(p.start_ns <= p.end_ns && p.start_ns + p.device_error_ns + 20 >= p.filled_ns);
    CHECK(p.end_ns <= p.seen_ns + p.device_error_ns + 20);
    hsp_queue_destroy(queue);

    OK(hsp_queue_create(setting->gpu, NULL, &queue));
    hsp_signal_store_relaxed(setting->done, 1);
    OK(hsp_dispatch_time_phases(queue, &dispatch, LIVE_WAIT_NS, HSP_WAIT_ACTIVE, &p));
    CHECK(p.seen_ns > p.rung_ns);
    dispatch.completion.handle = 0;
    FAILS(hsp_dispatch_time_phases(queue, &dispatch, LIVE_WAIT_NS, HSP_WAIT_ACTIVE, &p),
          HSP_ERROR_INVALID_ARGUMENT, "a completion signal");
    hsp_queue_destroy(queue);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    struct setting setting = set_up(gpu);
    static const struct hsp_queue_options kinds[] = {
        {.size = sizeof(kinds[0]), .packet_count = RING, .profiling = true},
        {.size = sizeof(kinds[0]),
         .packet_count = RING,
         .profiling = true,
         .type = HSP_QUEUE_SINGLE,
         .doorbell = HSP_DOORBELL_DIRECT},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct hsp_queue *queue = NULL;
        const hsp_status status = hsp_queue_create(gpu, &kinds[i], &queue);
        if (status == HSP_ERROR_NOT_SUPPORTED)
            continue; // this device has no doorbell of its own
        OK(status);
        CHECK(hsp_queue_packet_count(queue) == RING);
        CHECK(hsp_queue_doorbell(queue) == kinds[i].doorbell);
        for (int submit = HSP_SUBMIT_HSA; submit <= HSP_SUBMIT_RING; submit++) {
            launch_singly(&setting, queue, (enum hsp_submit)submit);
            launch_in_batches(&setting, queue, (enum hsp_submit)submit);
        }
        hsp_queue_destroy(queue);
    }
    phases_follow_one_another(&setting);
    late_times_are_less_exact(&setting);
    tear_down(&setting);
    hsp_runtime_shutdown();
    return 0;
}
