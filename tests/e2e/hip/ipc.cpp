/* SPDX-License-Identifier: MIT */
/// Memory and events shared between processes: with a child forked before HIP starts, and with one
/// that is another program. Each child opens, sees, changes and closes; the parent sees it.
#include "hip_cases.h"

#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint32_t COUNT = 100000;

__global__ void affine(uint32_t *values, uint32_t count, uint32_t factor, uint32_t add) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] = values[i] * factor + add;
    }
}

__global__ void fill_from_host(uint32_t *values, uint32_t count, const uint32_t *word) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] = *word;
    }
}

static void run_affine(uint32_t *values, uint32_t count, uint32_t factor, uint32_t add) {
    affine<<<(count + 255) / 256, 256>>>(values, count, factor, add);
    HIP(hipDeviceSynchronize());
}

enum command { MEMORY, MEMORY_OPEN_ONLY, EVENT, CLOSE_ALL, END };

struct request {
    command what;
    hipIpcMemHandle_t memory;
    hipIpcEventHandle_t event;
    uint32_t count, first, add;
};

static void put(int fd, const void *bytes, size_t size) {
    CHECK(write(fd, bytes, size) == static_cast<ssize_t>(size), "the other process is gone");
}

static void get(int fd, void *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        const ssize_t got = read(fd, static_cast<char *>(bytes) + done, size - done);
        CHECK(got > 0, "the other process is gone");
        done += static_cast<size_t>(got);
    }
}

/// Checks first + i in all elements, by copy, then adds on the GPU and by a copy into the last one.
static void *child_memory(const request &r) {
    void *opened = nullptr;
    HIP(hipIpcOpenMemHandle(&opened, r.memory, hipIpcMemLazyEnablePeerAccess));
    uint32_t *values = static_cast<uint32_t *>(opened);
    const std::vector<uint32_t> seen = to_host(values, r.count);
    for (uint32_t i = 0; i < r.count; ++i) {
        CHECK(seen[i] == r.first + i, "element %u is %u, not %u", i, seen[i], r.first + i);
    }
    if (r.what == MEMORY) {
        run_affine(values, r.count, 1, r.add);
        const uint32_t last = 0xabcdef;
        HIP(hipMemcpy(values + r.count - 1, &last, 4, hipMemcpyHostToDevice));
    }
    return opened;
}

/// Waits for the parent's event, then says what the memory has.
static uint32_t child_event(int fd, const request &r, uint32_t *values) {
    hipEvent_t event;
    hipStream_t stream;
    uint32_t *seen = shared_array<uint32_t>(1);
    const char waiting = 'w';
    HIP(hipIpcOpenEventHandle(&event, r.event));
    CHECK(hipEventQuery(event) == hipErrorNotReady, "the parent's event is ready");
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    put(fd, &waiting, 1);
    HIP(hipStreamWaitEvent(stream, event, 0));
    HIP(hipMemcpyAsync(seen, values + r.count / 2, 4, hipMemcpyDeviceToHost, stream));
    HIP(hipStreamSynchronize(stream));
    HIP(hipEventQuery(event));
    HIP(hipEventSynchronize(event));
    HIP(hipEventDestroy(event));
    return *seen;
}

static int serve(int fd) {
    std::vector<void *> opened;
    for (;;) {
        request r;
        uint32_t reply = 1;
        get(fd, &r, sizeof r);
        if (r.what == MEMORY || r.what == MEMORY_OPEN_ONLY) {
            opened.push_back(child_memory(r));
        } else if (r.what == EVENT) {
            reply = child_event(fd, r, static_cast<uint32_t *>(opened.front()));
        } else {
            for (void *each : opened) {
                HIP(hipIpcCloseMemHandle(each));
            }
            opened.clear();
        }
        put(fd, &reply, sizeof reply);
        if (r.what == END) {
            return 0;
        }
    }
}

struct child {
    pid_t pid;
    int fd;

    uint32_t ask(const request &r) const {
        uint32_t reply = 0;
        put(fd, &r, sizeof r);
        get(fd, &reply, sizeof reply);
        return reply;
    }
    void end() const {
        request r = {};
        int status = 0;
        r.what = END;
        ask(r);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0, "status %#x", status);
        close(fd);
    }
};

static child start(bool another_program) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    const pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        close(ends[0]);
        if (another_program) {
            const std::string fd = std::to_string(ends[1]);
            execl("/proc/self/exe", "ipc", "--serve", fd.c_str(), static_cast<char *>(nullptr));
            _exit(126);
        }
        exit(serve(ends[1]));
    }
    close(ends[1]);
    return {pid, ends[0]};
}

static uint32_t *counting(uint32_t count, uint32_t first) {
    std::vector<uint32_t> values(count);
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = first + i;
    }
    return to_device(values);
}

static void check_memory(const child &c) {
    uint32_t *values = counting(COUNT, 7), *small = counting(33, 1000);
    request r = {};
    r.what = MEMORY;
    r.count = COUNT;
    r.first = 7;
    r.add = 500;
    HIP(hipIpcGetMemHandle(&r.memory, values));
    c.ask(r);
    std::vector<uint32_t> seen = to_host(values, COUNT);
    for (uint32_t i = 0; i < COUNT - 1; ++i) {
        CHECK(seen[i] == 507 + i, "element %u is %u after the child", i, seen[i]);
    }
    CHECK(seen[COUNT - 1] == 0xabcdef, "the child's copy: %x", seen[COUNT - 1]);

    // A second, smaller allocation. HIP 5.2 opens a handle from the middle at its allocation's
    // start.
    r.count = 33;
    r.first = 1000;
    HIP(hipIpcGetMemHandle(&r.memory, small));
    c.ask(r);
    CHECK(to_host(small, 33)[31] == 1531, "%u", to_host(small, 33)[31]);
    r.what = MEMORY_OPEN_ONLY;
    r.count = 100;
    r.first = 507;
    HIP(hipIpcGetMemHandle(&r.memory, values + 1024));
    c.ask(r);
    r.what = CLOSE_ALL;
    c.ask(r);
    run_affine(values, COUNT, 1, 1);
    CHECK(to_host(values, 1)[0] == 508, "the owner's memory after the child closed it");

    // Open again what was closed.
    r.what = MEMORY_OPEN_ONLY;
    r.first = 508;
    r.count = COUNT - 1;
    HIP(hipIpcGetMemHandle(&r.memory, values));
    c.ask(r);
    r.what = CLOSE_ALL;
    c.ask(r);
    HIP(hipFree(values));
    HIP(hipFree(small));
}

static void check_event(const child &c) {
    hipEvent_t event;
    hipStream_t stream;
    uint32_t *values = counting(COUNT, 3), *word = shared_array<uint32_t>(1);
    request r = {};
    r.what = MEMORY_OPEN_ONLY;
    r.count = COUNT;
    r.first = 3;
    HIP(hipIpcGetMemHandle(&r.memory, values));
    c.ask(r);
    HIP(hipEventCreateWithFlags(&event, hipEventDisableTiming | hipEventInterprocess));
    HIP(hipIpcGetEventHandle(&r.event, event));
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    if (launches_return_early()) {
        gate held;
        uint32_t seen = 0;
        char waiting = 0;
        *word = 4242;
        held.hold(stream);
        fill_from_host<<<(COUNT + 255) / 256, 256, 0, stream>>>(values, COUNT, word);
        HIP(hipEventRecord(event, stream));
        r.what = EVENT;
        put(c.fd, &r, sizeof r);
        get(c.fd, &waiting, 1);
        held.open();
        get(c.fd, &seen, sizeof seen);
        CHECK(seen == 4242, "the child saw %u", seen);
        HIP(hipStreamSynchronize(stream));
    }
    r.what = CLOSE_ALL;
    c.ask(r);
    HIP(hipEventDestroy(event));
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(values));
    // HIP makes the name of an event with mkstemp and leaves the file.
    const char *name = r.event.reserved;
    if (strncmp(name, "/hip_", 5) == 0) {
        unlink((std::string("/tmp/") + (name + 5)).c_str());
    }
}

/// A child that dies with memory open takes nothing with it.
static void killed_child() {
    const child c = start(true);
    uint32_t *values = counting(64, 0);
    request r = {};
    int status = 0;
    r.what = MEMORY_OPEN_ONLY;
    r.count = 64;
    HIP(hipIpcGetMemHandle(&r.memory, values));
    c.ask(r);
    kill(c.pid, SIGKILL);
    waitpid(c.pid, &status, 0);
    close(c.fd);
    run_affine(values, 64, 2, 0);
    CHECK(to_host(values, 64)[63] == 126, "%u", to_host(values, 64)[63]);
    HIP(hipFree(values));
}

static void refused() {
    hipIpcMemHandle_t handle;
    void *opened;
    memset(&handle, 0, sizeof handle);
    CHECK(hipIpcGetMemHandle(&handle, nullptr) != hipSuccess, "a handle for nothing");
    CHECK(hipIpcOpenMemHandle(&opened, handle, hipIpcMemLazyEnablePeerAccess) != hipSuccess,
          "opened an empty handle");
    uint32_t *gone = device_array<uint32_t>(1);
    HIP(hipFree(gone));
    CHECK(hipIpcGetMemHandle(&handle, gone) != hipSuccess, "a handle for freed memory");
    (void)hipGetLastError();
}

static child early;

static void forked_memory() {
    check_memory(early);
}

static void forked_event() {
    check_event(early);
    early.end();
}

static void other_program() {
    const child c = start(true);
    check_memory(c);
    check_event(c);
    c.end();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"forked_memory", forked_memory},
        {"forked_event", forked_event},
        {"other_program", other_program},
        {"killed_child", killed_child},
        {"refused", refused},
    };
    if (argc == 3 && strcmp(argv[1], "--serve") == 0) {
        return serve(atoi(argv[2]));
    }
    early = start(false);
    return run_cases(cases, argc, argv);
}
