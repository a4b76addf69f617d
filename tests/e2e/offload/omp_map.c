/* SPDX-License-Identifier: MIT */
/* What is on the device when: map clauses, data regions, updates, globals, pointers within
 * structures, and the memory routines of the OpenMP library. */
#include "omp_e2e.h"

enum { N = 1000 };

#pragma omp declare target
int counter = 5;
int table[16];
#pragma omp end declare target

struct node {
    int value;
    struct node *next;
};

static void map_kinds(void) {
    int to = 1, from = 2, both = 3, scratch[64];
    for (int i = 0; i < 64; i++)
        scratch[i] = -1;
#pragma omp target map(to : to) map(from : from) map(tofrom : both) map(alloc : scratch)
    {
        for (int i = 0; i < 64; i++)
            scratch[i] = i;
        from = to + scratch[63];
        both += from;
        to = 100;
    }
    OMP_CHECK(to == 1);
    OMP_CHECK(from == 64);
    OMP_CHECK(both == 67);
    OMP_CHECK(scratch[63] == -1);
}

static void data_region(void) {
    int a[N], b[N];
    for (int i = 0; i < N; i++) {
        a[i] = i;
        b[i] = -1;
    }
#pragma omp target data map(to : a) map(from : b)
    {
#pragma omp target teams distribute parallel for
        for (int i = 0; i < N; i++)
            b[i] = a[i] * 3;
        OMP_CHECK(b[10] == -1);
#pragma omp target update from(b [0:20])
        OMP_CHECK(b[19] == 57 && b[20] == -1);
        for (int i = 0; i < N; i++)
            a[i] = 1;
#pragma omp target update to(a [500:500])
#pragma omp target teams distribute parallel for
        for (int i = 0; i < N; i++)
            b[i] += a[i];
    }
    OMP_CHECK(b[499] == 499 * 4);
    OMP_CHECK(b[500] == 500 * 3 + 1);
}

static void enter_and_exit(void) {
    int *a = malloc(N * sizeof(*a));
    for (int i = 0; i < N; i++)
        a[i] = i;
    const int device = omp_get_default_device();
#pragma omp target enter data map(to : a [0:N])
    OMP_CHECK(omp_target_is_present(a, device));
#pragma omp target enter data map(to : a [0:N])
#pragma omp target
    a[7] = 70;
#pragma omp target exit data map(from : a [0:N])
    OMP_CHECK(a[7] == 7);
#pragma omp target map(always, from : a [0:N])
    a[8] = 80;
    OMP_CHECK(a[7] == 70 && a[8] == 80);
#pragma omp target exit data map(delete : a [0:N])
    OMP_CHECK(!omp_target_is_present(a, device));
    free(a);
}

static void globals(void) {
#pragma omp target
    {
        table[3] = 7;
        counter += table[3];
    }
    OMP_CHECK(counter == 5 && table[3] == 0);
#pragma omp target update from(counter, table)
    OMP_CHECK(counter == 12 && table[3] == 7);
    counter = 100;
#pragma omp target update to(counter)
    int seen = 0;
#pragma omp target map(from : seen)
    seen = counter;
    OMP_CHECK(seen == 100);
}

static void linked_nodes(void) {
    struct node tail = {2, NULL}, head = {1, &tail};
    struct {
        int count;
        double *data;
    } vector = {N, malloc(N * sizeof(double))};
    int sum = 0;
#pragma omp target data map(to : head, tail)
    {
#pragma omp target map(to : head.next [0:1]) map(from : sum)
        sum = head.value + head.next->value;
    }
    OMP_CHECK(sum == 3);
    OMP_CHECK(head.next == &tail);
#pragma omp target teams distribute parallel for map(to                                            \
                                                     : vector.count) map(from                      \
                                                                         : vector.data [0:N])
    for (int i = 0; i < N; i++)
        vector.data[i] = i * 0.5 + vector.count;
    OMP_CHECK(vector.data[N - 1] == (N - 1) * 0.5 + N);
    free(vector.data);
}

static void device_pointers(void) {
    const int device = omp_get_default_device(), host = omp_get_initial_device();
    int *p = omp_target_alloc(N * sizeof(int), device), back[N], shared[N] = {0};
    OMP_CHECK(p != NULL);
#pragma omp target teams distribute parallel for is_device_ptr(p)
    for (int i = 0; i < N; i++)
        p[i] = i * i;
    OMP_CHECK(omp_target_memcpy(back, p, sizeof(back), 0, 0, host, device) == 0);
    OMP_CHECK(back[N - 1] == (N - 1) * (N - 1));
#pragma omp target data map(tofrom : shared)
    {
        int *on_device = NULL;
#pragma omp target data use_device_addr(shared)
        on_device = shared;
        OMP_CHECK(on_device != shared);
        omp_target_memcpy(on_device, back, sizeof(back), 0, 0, device, host);
    }
    OMP_CHECK(shared[30] == 900);
    OMP_CHECK(omp_target_associate_ptr(back, p, sizeof(back), 0, device) == 0);
#pragma omp target map(to : back)
    back[1] = 77;
    OMP_CHECK(omp_target_disassociate_ptr(back, device) == 0);
    omp_target_memcpy(back, p, sizeof(back), 0, 0, host, device);
    OMP_CHECK(back[1] == 77);
    omp_target_free(p, device);
}

static void rectangles(void) {
    enum { ROWS = 8, COLUMNS = 16 };
    const int device = omp_get_default_device(), host = omp_get_initial_device();
    int source[ROWS][COLUMNS], back[ROWS][COLUMNS] = {{0}};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        source[i / COLUMNS][i % COLUMNS] = i;
    void *p = omp_target_alloc(sizeof(source), device);
    const size_t volume[2] = {4, 5}, to[2] = {1, 2}, from[2] = {3, 4}, shape[2] = {ROWS, COLUMNS};
    OMP_CHECK(omp_target_memcpy_rect(p, source, sizeof(int), 2, volume, to, from, shape, shape,
                                     device, host) == 0);
    OMP_CHECK(omp_target_memcpy_rect(back, p, sizeof(int), 2, volume, from, to, shape, shape, host,
                                     device) == 0);
    for (int i = 3; i < 7; i++)
        for (int j = 4; j < 9; j++)
            OMP_CHECK(back[i][j] == source[i][j]);
    OMP_CHECK(back[2][4] == 0 && back[7][4] == 0);
    omp_target_free(p, device);
}

static void large_and_unaligned(void) {
    enum { BYTES = 9 << 20 };
    unsigned char *bytes = malloc(BYTES);
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)i;
#pragma omp target teams distribute parallel for num_teams(16) thread_limit(64)                    \
    map(tofrom                                                                                     \
        : bytes [3:BYTES - 5])
    for (int i = 3; i < BYTES - 2; i += 4099)
        bytes[i] ^= 0xff;
    int wrong = 0;
    for (int i = 0; i < BYTES; i++) {
        int flipped = i >= 3 && i < BYTES - 2 && (i - 3) % 4099 == 0;
        wrong += bytes[i] != (unsigned char)(flipped ? i ^ 0xff : i);
    }
    OMP_CHECK(wrong == 0);
    free(bytes);
}

int main(void) {
    omp_need_device();
    map_kinds();
    data_region();
    enter_and_exit();
    globals();
    linked_nodes();
    device_pointers();
    rectangles();
    large_and_unaligned();
    omp_finish();
}
