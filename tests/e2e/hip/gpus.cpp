/* SPDX-License-Identifier: MIT */
/// Two or more GPUs in one process: identity, peer access and copies, kernels that meet in each
/// other's memory, events and streams across GPUs, cooperative launches over all, a thread per GPU,
/// and which of them the visibility variables leave.
#include "hip_e2e.h"

#include <atomic>
#include <hip/hip_cooperative_groups.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

static int gpu_count;

static void on(int gpu) {
    HIP(hipSetDevice(gpu));
}

static void finish(int gpu) {
    on(gpu);
    HIP(hipDeviceSynchronize());
}

__global__ void increment(int *out, const int *in, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count)
        out[i] = in[i] + 1;
}

__global__ void count_up(int *counter) {
    __hip_atomic_fetch_add(counter, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

/// Two GPUs take turns: each waits for the other's value in `turn`, `rounds` times.
__global__ void ping_pong(int *turn, int self, int rounds) {
    for (int i = 0; i < rounds; i++) {
        while (__hip_atomic_load(turn, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) != 2 * i + self)
            __builtin_amdgcn_s_sleep(1);
        __hip_atomic_store(turn, 2 * i + self + 1, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    }
}

static void check_filled(const int *memory, int count, int value, const char *what) {
    std::vector<int> values(count);
    HIP(hipMemcpy(values.data(), memory, count * sizeof(int), hipMemcpyDefault));
    for (int i = 0; i < count; i++)
        CHECK(values[i] == value, "%s: element %d is %d, not %d", what, i, values[i], value);
}

static int *array_on(int gpu, int count, int value) {
    on(gpu);
    return to_device(std::vector<int>(count, value));
}

static void each_gpu_is_another_device() {
    char bus[8][32] = {};
    for (int i = 0; i < gpu_count; i++) {
        HIP(hipDeviceGetPCIBusId(bus[i], sizeof bus[i], i));
        int back = -1;
        HIP(hipDeviceGetByPCIBusId(&back, bus[i]));
        CHECK(back == i, "%s is GPU %d, not %d", bus[i], back, i);
        for (int j = 0; j < i; j++)
            CHECK(strcmp(bus[i], bus[j]) != 0, "GPUs %d and %d are both %s", i, j, bus[i]);
    }
    size_t before[2], after[2], total;
    for (int i = 0; i < 2; i++) {
        on(i);
        HIP(hipMemGetInfo(&before[i], &total));
    }
    on(1);
    char *block = device_array<char>(256 << 20);
    for (int i = 0; i < 2; i++) {
        on(i);
        HIP(hipMemGetInfo(&after[i], &total));
    }
    CHECK(after[0] == before[0] && after[1] + (256u << 20) <= before[1],
          "an allocation of GPU 1 is taken from the wrong memory");
    HIP(hipFree(block));
}

static void peers_read_and_write_each_other() {
    enum { COUNT = 3000 };
    for (int i = 0; i < 2; i++) {
        int can = 0;
        HIP(hipDeviceCanAccessPeer(&can, i, 1 - i));
        CHECK(can, "GPU %d can't access its peer", i);
        on(i);
        HIP(hipDeviceEnablePeerAccess(1 - i, 0));
        CHECK(hipDeviceEnablePeerAccess(1 - i, 0) == hipErrorPeerAccessAlreadyEnabled);
    }
    int *memory[2] = {array_on(0, COUNT, 5), array_on(1, COUNT, 50)};
    on(1);
    increment<<<(COUNT + 63) / 64, 64>>>(memory[1], memory[0], COUNT); // reads GPU 0
    finish(1);
    check_filled(memory[1], COUNT, 6, "read from the peer");
    on(0);
    increment<<<(COUNT + 63) / 64, 64>>>(memory[1], memory[1], COUNT); // writes GPU 1
    finish(0);
    check_filled(memory[1], COUNT, 7, "written to the peer");
    HIP(hipFree(memory[0]));
    HIP(hipFree(memory[1]));
}

static void copies_between_gpus(int count) {
    int *memory[2] = {array_on(0, count, 11), array_on(1, count, 22)};
    HIP(hipMemcpyPeer(memory[1], 1, memory[0], 0, count * sizeof(int)));
    check_filled(memory[1], count, 11, "hipMemcpyPeer 0 to 1");
    hipStream_t stream;
    on(1);
    HIP(hipStreamCreate(&stream));
    increment<<<(count + 255) / 256, 256, 0, stream>>>(memory[1], memory[1], count);
    HIP(hipMemcpyPeerAsync(memory[0], 0, memory[1], 1, count * sizeof(int), stream));
    HIP(hipStreamSynchronize(stream));
    check_filled(memory[0], count, 12, "hipMemcpyPeerAsync 1 to 0");
    HIP(hipMemset(memory[1], 0, count * sizeof(int)));
    HIP(hipMemcpy(memory[1], memory[0], count * sizeof(int), hipMemcpyDeviceToDevice));
    HIP(hipDeviceSynchronize());
    check_filled(memory[1], count, 12, "hipMemcpy 0 to 1");
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(memory[0]));
    HIP(hipFree(memory[1]));
}

static void atomics_of_all_gpus_meet() {
    int *counter = array_on(0, 1, 0);
    int *managed, *pinned;
    HIP(hipMallocManaged(&managed, sizeof *managed));
    HIP(hipHostMalloc(&pinned, sizeof *pinned, hipHostMallocPortable));
    *managed = *pinned = 0;
    for (int i = 0; i < 2; i++) {
        on(i);
        count_up<<<8, 256>>>(counter);
        count_up<<<8, 256>>>(managed);
        count_up<<<8, 256>>>(pinned);
    }
    finish(0);
    finish(1);
    check_filled(counter, 1, 4096, "counter in VRAM of GPU 0");
    CHECK(*managed == 4096 && *pinned == 4096, "managed %d, pinned %d", *managed, *pinned);
    HIP(hipFree(counter));
    HIP(hipFree(managed));
    HIP(hipHostFree(pinned));
}

static void kernels_of_two_gpus_wait_for_each_other() {
    int *pinned;
    int *peer = array_on(1, 1, 0);
    HIP(hipHostMalloc(&pinned, sizeof *pinned, hipHostMallocPortable));
    *pinned = 0;
    for (int *turn : {pinned, peer}) {
        for (int i = 0; i < 2; i++) {
            on(i);
            ping_pong<<<1, 1>>>(turn, i, 50);
        }
        finish(0);
        finish(1);
    }
    CHECK(*pinned == 100);
    check_filled(peer, 1, 100, "turns in GPU 1's memory");
    HIP(hipHostFree(pinned));
    HIP(hipFree(peer));
}

static void streams_wait_for_events_of_other_gpus() {
    enum { COUNT = 512 };
    int *memory = array_on(0, COUNT, 0);
    hipStream_t streams[2];
    hipEvent_t events[2];
    for (int i = 0; i < 2; i++) {
        on(i);
        HIP(hipStreamCreate(&streams[i]));
        HIP(hipEventCreate(&events[i]));
    }
    for (int round = 0; round < 20; round++) {
        const int self = round % 2;
        on(self);
        if (round > 0)
            HIP(hipStreamWaitEvent(streams[self], events[1 - self], 0));
        increment<<<COUNT / 64, 64, 0, streams[self]>>>(memory, memory, COUNT);
        HIP(hipEventRecord(events[self], streams[self]));
    }
    HIP(hipEventSynchronize(events[1]));
    check_filled(memory, COUNT, 20, "increments in turn");
    for (int i = 0; i < 2; i++) {
        on(i);
        HIP(hipEventDestroy(events[i]));
        HIP(hipStreamDestroy(streams[i]));
    }
    HIP(hipFree(memory));
}

/// Every group of every GPU adds 1, all meet, and then each must see all.
__global__ void meet(int *arrived, int *wrong, int expected) {
    if (threadIdx.x == 0)
        __hip_atomic_fetch_add(arrived, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
    cooperative_groups::this_multi_grid().sync();
    if (threadIdx.x == 0 &&
        __hip_atomic_load(arrived, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM) != expected)
        __hip_atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

static void cooperative_kernels_span_gpus() {
    enum { GROUPS = 6 };
    int *counters;
    HIP(hipHostMalloc(&counters, 2 * sizeof *counters, hipHostMallocPortable));
    counters[0] = counters[1] = 0;
    int *arrived = counters, *wrong = counters + 1, expected = GROUPS * gpu_count;
    void *arguments[] = {&arrived, &wrong, &expected};
    std::vector<hipLaunchParams> launches(gpu_count);
    for (int i = 0; i < gpu_count; i++) {
        on(i);
        launches[i].func = reinterpret_cast<void *>(meet);
        launches[i].gridDim = dim3(GROUPS);
        launches[i].blockDim = dim3(128);
        launches[i].args = arguments;
        launches[i].sharedMem = 0;
        HIP(hipStreamCreate(&launches[i].stream));
    }
    HIP(hipLaunchCooperativeKernelMultiDevice(launches.data(), gpu_count, 0));
    for (int i = 0; i < gpu_count; i++) {
        on(i);
        HIP(hipStreamSynchronize(launches[i].stream));
        HIP(hipStreamDestroy(launches[i].stream));
    }
    CHECK(*arrived == expected && *wrong == 0, "%d of %d arrived, %d saw less", *arrived, expected,
          *wrong);
    HIP(hipHostFree(counters));
}

static void a_thread_for_each_gpu() {
    std::vector<std::thread> threads;
    for (int gpu = 0; gpu < gpu_count; gpu++) {
        threads.emplace_back([gpu] {
            enum { COUNT = 1000, LAUNCHES = 40 };
            int *memory = array_on(gpu, COUNT, gpu);
            for (int i = 0; i < LAUNCHES; i++)
                increment<<<(COUNT + 63) / 64, 64>>>(memory, memory, COUNT);
            int current = -1;
            HIP(hipGetDevice(&current));
            CHECK(current == gpu, "thread of GPU %d is on %d", gpu, current);
            check_filled(memory, COUNT, gpu + LAUNCHES, "a thread's own GPU");
            HIP(hipFree(memory));
        });
    }
    for (std::thread &thread : threads)
        thread.join();
}

/// As a child: prints the buses of the GPUs that it sees.
static int list() {
    int count = 0;
    if (hipGetDeviceCount(&count) != hipSuccess)
        count = 0;
    for (int i = 0; i < count; i++) {
        char bus[32];
        HIP(hipDeviceGetPCIBusId(bus, sizeof bus, i));
        printf("%s ", bus);
    }
    return 0;
}

static std::string listed(const char *environment) {
    char self[4096] = "", text[512] = "";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    FILE *pipe = popen((std::string(environment) + " '" + self + "' list").c_str(), "r");
    CHECK(pipe);
    const size_t length = fread(text, 1, sizeof text - 1, pipe);
    CHECK(pclose(pipe) == 0 && length < sizeof text - 1);
    return text;
}

static void visibility_variables_choose() {
    char bus[8][32];
    std::string all;
    for (int i = 0; i < gpu_count; i++) {
        HIP(hipDeviceGetPCIBusId(bus[i], sizeof bus[i], i));
        all += std::string(bus[i]) + " ";
    }
    const std::string first = std::string(bus[0]) + " ", second = std::string(bus[1]) + " ";
    CHECK(listed("") == all);
    CHECK(listed("ROCR_VISIBLE_DEVICES=1") == second);
    CHECK(listed("HIP_VISIBLE_DEVICES=1") == second);
    CHECK(listed("HIP_VISIBLE_DEVICES=1,0") == second + first);
    CHECK(listed("ROCR_VISIBLE_DEVICES=1,0 HIP_VISIBLE_DEVICES=1") == first);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "list") == 0)
        return list();
    need_gpu();
    HIP(hipGetDeviceCount(&gpu_count));
    if (gpu_count < 2) {
        fprintf(stderr, "one GPU only\n");
        return getenv("HSAPROBE_SOFT_GPUS") ? 1 : 77;
    }
    each_gpu_is_another_device();
    peers_read_and_write_each_other();
    copies_between_gpus(1000);
    copies_between_gpus(1 << 20);
    atomics_of_all_gpus_meet();
    kernels_of_two_gpus_wait_for_each_other();
    streams_wait_for_events_of_other_gpus();
    cooperative_kernels_span_gpus();
    a_thread_for_each_gpu();
    visibility_variables_choose();
    return 0;
}
