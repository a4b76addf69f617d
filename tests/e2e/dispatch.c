/* SPDX-License-Identifier: MIT */
/// Kernels from loaded code objects with every result compared: partial work-groups, three
/// dimensions, LDS with barriers, atomics, scratch.
#include "e2e.h"

static void wait_for(const struct e2e *e2e, hsa_queue_t *queue, const char *name, uint32_t items,
                     uint16_t group, const void *kernarg) {
    struct e2e_kernel kernel;
    const hsa_signal_t done = e2e_signal(1);
    e2e_kernel(e2e, name, &kernel);
    e2e_dispatch(queue, &kernel, items, group, kernarg, done);
    e2e_wait(done);
    HSA(hsa_signal_destroy(done));
    HSA(hsa_executable_destroy(kernel.executable));
}

static void reduce(const struct e2e *e2e, hsa_queue_t *queue, uint16_t group) {
    enum { COUNT = 10000 };
    uint32_t *values = e2e_alloc(e2e, e2e->host, COUNT * 4);
    uint32_t *sums = e2e_alloc(e2e, e2e->host, COUNT * 4);
    struct {
        uint32_t *values, *sums;
        uint32_t count;
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    for (uint32_t i = 0; i < COUNT; ++i) {
        values[i] = i * 2654435761u;
    }
    args->values = values;
    args->sums = sums;
    args->count = COUNT;
    const uint32_t groups = (COUNT + group - 1u) / group;
    wait_for(e2e, queue, "reduce", groups * group, group, args);
    for (uint32_t g = 0; g < groups; ++g) {
        uint32_t expected = 0;
        for (uint32_t i = g * group; i < (g + 1u) * group && i < COUNT; ++i) {
            expected += values[i];
        }
        CHECK(sums[g] == expected, "group %u of %u: 0x%x, not 0x%x", g, group, sums[g], expected);
    }
}

static void counter(const struct e2e *e2e, hsa_queue_t *queue) {
    enum { ITEMS = 5 * 256, STEP = 3 };
    uint32_t *total = e2e_alloc(e2e, e2e->host, 4096);
    uint32_t *tickets = e2e_alloc(e2e, e2e->host, ITEMS * 4);
    bool *taken = calloc(ITEMS, sizeof *taken);
    struct {
        uint32_t *total, *tickets;
        uint32_t step;
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    args->total = total;
    args->tickets = tickets;
    args->step = STEP;
    wait_for(e2e, queue, "counter", ITEMS, 256, args);
    CHECK(*total == ITEMS * STEP, "total %u", *total);
    for (uint32_t i = 0; i < ITEMS; ++i) {
        const uint32_t ticket = tickets[i] / STEP;
        CHECK(tickets[i] % STEP == 0 && ticket < ITEMS && !taken[ticket], "ticket %u of item %u",
              tickets[i], i);
        taken[ticket] = true;
    }
    free(taken);
}

static void scratch(const struct e2e *e2e, hsa_queue_t *queue) {
    enum { COUNT = 3000, SEED = 77 };
    uint32_t *out = e2e_alloc(e2e, e2e->host, COUNT * 4);
    struct {
        uint32_t *out;
        uint32_t count, seed;
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    args->out = out;
    args->count = COUNT;
    args->seed = SEED;
    wait_for(e2e, queue, "scratch", (COUNT + 255) / 256 * 256, 256, args);
    for (uint32_t i = 0; i < COUNT; ++i) {
        uint32_t table[64];
        uint32_t expected = 0;
        for (uint32_t k = 0; k < 64; ++k) {
            table[(k * 5 + SEED + i) % 64] = (SEED + i) * 31 + k;
        }
        for (uint32_t k = 0; k < 64; ++k) {
            expected = expected * 3 + table[k];
        }
        CHECK(out[i] == expected, "item %u: 0x%x, not 0x%x", i, out[i], expected);
    }
}

static uint32_t packed(uint32_t x, uint32_t y, uint32_t z) {
    return x | y << 10 | z << 20;
}

/// Size of the work-group that holds `at`, in one dimension.
static uint32_t at_edge(uint32_t at, uint32_t group, uint32_t grid) {
    const uint32_t left = grid - at / group * group;
    return left < group ? left : group;
}

static void geometry(const struct e2e *e2e, hsa_queue_t *queue) {
    enum { X = 37, Y = 11, Z = 6, GX = 8, GY = 3, GZ = 4 };
    uint32_t(*rows)[3] = e2e_alloc(e2e, e2e->host, X * Y * Z * sizeof *rows);
    struct {
        void *rows;
        uint32_t width, height, group[3];
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    args->rows = rows;
    args->width = X;
    args->height = Y;
    args->group[0] = GX;
    args->group[1] = GY;
    args->group[2] = GZ;
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "geometry", &kernel);
    const hsa_signal_t done = e2e_signal(1);
    hsa_kernel_dispatch_packet_t packet = e2e_packet(&kernel, X, GX, args, done);
    packet.setup = 3;
    packet.workgroup_size_y = GY;
    packet.workgroup_size_z = GZ;
    packet.grid_size_y = Y;
    packet.grid_size_z = Z;
    e2e_submit(queue, &packet);
    e2e_wait(done);
    for (uint32_t i = 0; i < X * Y * Z; ++i) {
        const uint32_t x = i % X, y = i / X % Y, z = i / X / Y;
        CHECK(rows[i][0] == packed(x / GX, y / GY, z / GZ), "group of %u,%u,%u: 0x%x", x, y, z,
              rows[i][0]);
        CHECK(rows[i][1] == packed(x % GX, y % GY, z % GZ), "item of %u,%u,%u: 0x%x", x, y, z,
              rows[i][1]);
        CHECK(rows[i][2] == packed(at_edge(x, GX, X), at_edge(y, GY, Y), at_edge(z, GZ, Z)),
              "size at %u,%u,%u: 0x%x", x, y, z, rows[i][2]);
    }
    HSA(hsa_executable_destroy(kernel.executable));
}

int main(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 256);
    e2e_vector_add(&e2e, queue, 1);
    e2e_vector_add(&e2e, queue, 100000);
    for (uint16_t group = 1; group <= 1024; group = (uint16_t)(group * 4)) {
        reduce(&e2e, queue, group);
    }
    counter(&e2e, queue);
    scratch(&e2e, queue);
    geometry(&e2e, queue);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}
