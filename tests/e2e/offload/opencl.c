/* SPDX-License-Identifier: MIT */
/* OpenCL C kernels (kernels/opencl.cl) through HSA, launched as AMD's OpenCL runtime does: explicit
 * arguments, then the hidden ones of code object version 4 or 5. Usage: opencl FILE 4|5. */
#include "e2e.h"
#include "opencl_want.h"
#include <math.h>
#include <string.h>

enum { PRINTF_BYTES = 4096, LAUNCH_OFFSET = 3 };

struct arguments {
    uint32_t *out;
    const uint32_t *in;
    uint32_t count;
    uint32_t pad;
    char hidden[256];
};

struct run {
    struct e2e e2e;
    hsa_queue_t *queue;
    const char *elf;
    size_t elf_bytes;
    int version;
    uint32_t *in, *out, *printed;
};

static void put64(char *hidden, int offset, uint64_t value) {
    memcpy(hidden + offset, &value, sizeof value);
}

/* Where LLVM's AMDGPU usage guide places the hidden arguments, from the end of the explicit ones.
 */
static void fill_hidden(const struct run *run, const hsa_kernel_dispatch_packet_t *packet,
                        const uint64_t offset[3], char *hidden) {
    const uint32_t grid[3] = {packet->grid_size_x, packet->grid_size_y, packet->grid_size_z};
    const uint16_t group[3] = {packet->workgroup_size_x, packet->workgroup_size_y,
                               packet->workgroup_size_z};
    memset(hidden, 0, 256);
    for (int d = 0; d < 3; d++) {
        if (run->version == 4) {
            put64(hidden, 8 * d, offset[d]);
            continue;
        }
        uint32_t blocks = grid[d] / group[d];
        uint16_t rest = (uint16_t)(grid[d] % group[d]);
        memcpy(hidden + 4 * d, &blocks, sizeof blocks);
        memcpy(hidden + 12 + 2 * d, &group[d], sizeof group[d]);
        memcpy(hidden + 18 + 2 * d, &rest, sizeof rest);
        put64(hidden, 40 + 8 * d, offset[d]);
    }
    put64(hidden, run->version == 4 ? 24 : 72, (uintptr_t)run->printed);
    if (run->version == 5) {
        uint16_t dimensions = packet->setup;
        memcpy(hidden + 64, &dimensions, sizeof dimensions);
        put64(hidden, 200, (uintptr_t)run->queue);
    }
}

static void launch(struct run *run, const char *name, hsa_kernel_dispatch_packet_t packet,
                   const uint64_t offset[3]) {
    struct e2e_kernel kernel;
    struct arguments *arguments = e2e_alloc(&run->e2e, run->e2e.kernarg, sizeof *arguments);
    e2e_load(&run->e2e, run->elf, run->elf_bytes, name, &kernel);
    *arguments = (struct arguments){.out = run->out, .in = run->in, .count = WANT_COUNT};
    fill_hidden(run, &packet, offset, arguments->hidden);
    CHECK(kernel.kernarg_bytes <= sizeof *arguments, "%s: %u", name, kernel.kernarg_bytes);
    packet.kernel_object = kernel.object;
    packet.group_segment_size = kernel.group_bytes;
    packet.private_segment_size = kernel.private_bytes;
    packet.kernarg_address = arguments;
    e2e_submit(run->queue, &packet);
    e2e_wait(packet.completion_signal);
    HSA(hsa_signal_destroy(packet.completion_signal));
    HSA(hsa_executable_destroy(kernel.executable));
    HSA(hsa_amd_memory_pool_free(arguments));
}

static void run_case(struct run *run, const struct want_case *test) {
    const struct e2e_kernel none = {0};
    memset(run->out, 0xee, (WANT_COUNT + 2) * sizeof *run->out);
    run->out[WANT_COUNT] = run->out[WANT_COUNT + 1] = 0;
    launch(run, test->kernel, e2e_packet(&none, WANT_COUNT, WANT_GROUP, NULL, e2e_signal(1)),
           (const uint64_t[3]){0, 0, 0});
    for (uint32_t i = 0; i < WANT_COUNT; i++) {
        uint32_t wanted = test->want(i, run->in), got = run->out[i];
        if (test->ulp) {
            float a, b;
            memcpy(&a, &wanted, sizeof a);
            memcpy(&b, &got, sizeof b);
            CHECK(fabsf(a - b) <= (float)test->ulp * 0x1p-23f * fmaxf(fabsf(a), 0x1p-6f),
                  "%s: item %u: %.9g, wanted %.9g", test->kernel, i, (double)b, (double)a);
        } else {
            CHECK(got == wanted, "%s: item %u: 0x%x, wanted 0x%x", test->kernel, i, got, wanted);
        }
    }
}

static void check_global_atomics(struct run *run) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < WANT_COUNT; i++)
        sum += run->in[i];
    CHECK(run->out[WANT_COUNT] == WANT_COUNT, "%u tickets", run->out[WANT_COUNT]);
    CHECK(run->out[WANT_COUNT + 1] == sum, "0x%x, wanted 0x%x", run->out[WANT_COUNT + 1], sum);
}

/* The buffer starts with the bytes in use and its size; every tenth hundred items wrote a record.
 */
static void check_printed(const struct run *run) {
    uint32_t seen = 0;
    CHECK(run->printed[0] % 12 == 0, "%u bytes", run->printed[0]);
    for (uint32_t at = 0; at < run->printed[0] / 4; at += 3) {
        const uint32_t *record = run->printed + 2 + at;
        CHECK(record[0] == 1 && record[1] % 100 == 3 && record[2] == WANT_COUNT, "record %u", at);
        seen |= 1u << record[1] / 100;
    }
    CHECK(seen == (1u << (WANT_COUNT + 96) / 100) - 1, "records 0x%x", seen);
}

static void run_work_items(struct run *run) {
    const uint32_t size[3] = {10, 5, 3}, group[3] = {4, 2, 2};
    const struct e2e_kernel none = {0};
    hsa_kernel_dispatch_packet_t packet = e2e_packet(&none, size[0], 4, NULL, e2e_signal(1));
    packet.setup = 3;
    packet.grid_size_y = size[1];
    packet.grid_size_z = size[2];
    packet.workgroup_size_y = (uint16_t)group[1];
    packet.workgroup_size_z = (uint16_t)group[2];
    launch(run, "work_items", packet, (const uint64_t[3]){LAUNCH_OFFSET, 5, 7});
    for (uint32_t i = 0; i < size[0] * size[1] * size[2]; i++) {
        const uint32_t at[3] = {i % size[0], i / size[0] % size[1], i / size[0] / size[1]};
        uint32_t want[4] = {0, 0, 0, LAUNCH_OFFSET + 50 + 700 + 3000};
        for (int d = 0; d < 3; d++) {
            uint32_t first = at[d] / group[d] * group[d], left = size[d] - first;
            want[0] |= (left < group[d] ? left : group[d]) << 4 * d;
            want[1] |= (at[d] - first) << 4 * d;
            want[2] |= at[d] / group[d] << 2 * d;
            want[2] |= (size[d] + group[d] - 1) / group[d] << (6 + 2 * d);
        }
        CHECK(memcmp(want, run->out + 4 * i, sizeof want) == 0,
              "item %u: %x %x %x %u, wanted %x %x %x %u", i, run->out[4 * i], run->out[4 * i + 1],
              run->out[4 * i + 2], run->out[4 * i + 3], want[0], want[1], want[2], want[3]);
    }
}

int main(int argc, char **argv) {
    struct run run = {0};
    CHECK(argc == 3, "usage: opencl FILE 4|5");
    e2e_open(&run.e2e);
    run.elf = e2e_read_file(argv[1], &run.elf_bytes);
    run.version = atoi(argv[2]);
    run.queue = e2e_queue(&run.e2e, 64);
    run.in = e2e_alloc(&run.e2e, run.e2e.host, WANT_COUNT * sizeof *run.in);
    run.out = e2e_alloc(&run.e2e, run.e2e.host, (WANT_COUNT + 2) * sizeof *run.out);
    run.printed = e2e_alloc(&run.e2e, run.e2e.host, PRINTF_BYTES);
    run.printed[1] = PRINTF_BYTES - 8;
    for (uint32_t i = 0; i < WANT_COUNT; i++)
        run.in[i] = i * 2654435761u ^ i << 7;
    run_work_items(&run);
    for (const struct want_case *test = want_cases; test->kernel; test++) {
        if (test->optimized_only && !strstr(argv[1], "O3"))
            continue;
        run_case(&run, test);
        if (strcmp(test->kernel, "global_atomics") == 0)
            check_global_atomics(&run);
    }
    check_printed(&run);
    HSA(hsa_queue_destroy(run.queue));
    e2e_close();
    return 0;
}
