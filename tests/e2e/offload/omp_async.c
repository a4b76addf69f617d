/* SPDX-License-Identifier: MIT */
/* Target tasks: nowait, dependences, host threads that offload at once, many small kernels, and
 * every device there is. */
#include "omp_e2e.h"

enum { N = 512 };

static void chain(void) {
    int a[N], x = 0, y = 0, z = 0;
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target nowait depend(out : x) map(tofrom : x)
        x = 10;
#pragma omp target nowait depend(in : x) depend(out : y) map(to : x) map(tofrom : y)
        y = x + 5;
#pragma omp target nowait depend(in : x) depend(out : z) map(to : x) map(tofrom : z)
        z = x * 2;
#pragma omp task depend(in : y, z) depend(inout : a) shared(a, y, z)
        a[0] = y + z;
#pragma omp target nowait depend(inout : a) map(tofrom : a)
        for (int i = 1; i < N; i++)
            a[i] += a[0];
#pragma omp taskwait
    }
    OMP_CHECK(x == 10 && y == 15 && z == 20);
    OMP_CHECK(a[0] == 35 && a[N - 1] == N - 1 + 35);
}

static void asynchronous_data(void) {
    int a[N];
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp target enter data map(to : a) nowait depend(out : a)
#pragma omp target teams distribute parallel for nowait depend(inout : a)
    for (int i = 0; i < N; i++)
        a[i] *= 2;
#pragma omp target update from(a) nowait depend(inout : a)
#pragma omp target exit data map(release : a) nowait depend(inout : a)
#pragma omp taskwait
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += a[i] != 2 * i;
    OMP_CHECK(wrong == 0);
}

/* No reduction clause: the buffer of the device's runtime serves one such kernel at a time. */
static void threads_offload_together(void) {
    int result[8] = {0};
#pragma omp parallel for num_threads(8) schedule(static, 1)
    for (int t = 0; t < 8; t++) {
        int sum = 0;
        for (int round = 0; round < 10; round++) {
#pragma omp target teams distribute parallel for map(tofrom : sum)
            for (int i = 0; i < N; i++) {
#pragma omp atomic
                sum += i + t;
            }
        }
        result[t] = sum;
    }
    for (int t = 0; t < 8; t++)
        OMP_CHECK(result[t] == 10 * (N * (N - 1) / 2 + N * t));
}

static void many_small_kernels(void) {
    int count = 0;
#pragma omp target data map(tofrom : count)
    for (int i = 0; i < 500; i++) {
#pragma omp target map(tofrom : count)
        count++;
    }
    OMP_CHECK(count == 500);
}

static void every_device(void) {
    int devices = omp_get_num_devices(), seen[16] = {0};
    for (int d = 0; d < devices && d < 16; d++) {
        int value = d, kind = 1;
#pragma omp target device(d) map(tofrom : value) map(from : kind)
        {
            kind = omp_is_initial_device();
            value = value * 10 + 1;
        }
        seen[d] = value;
        OMP_CHECK(!kind);
    }
    for (int d = 0; d < devices && d < 16; d++)
        OMP_CHECK(seen[d] == d * 10 + 1);
    int on_host = 0;
#pragma omp target device(omp_get_initial_device()) map(tofrom : on_host)
    on_host = omp_is_initial_device();
    OMP_CHECK(on_host);
    omp_set_default_device(devices - 1);
    OMP_CHECK(omp_get_default_device() == devices - 1);
}

/* From one device's memory to another's, or within the only one. */
static void between_devices(void) {
    int last = omp_get_num_devices() - 1, host = omp_get_initial_device(), a[N], b[N];
    int *here = omp_target_alloc(sizeof(a), 0), *there = omp_target_alloc(sizeof(a), last);
    for (int i = 0; i < N; i++)
        a[i] = i ^ 0x5a;
    OMP_CHECK(omp_target_memcpy(here, a, sizeof(a), 0, 0, 0, host) == 0);
    OMP_CHECK(omp_target_memcpy(there, here, sizeof(a), 0, 0, last, 0) == 0);
    OMP_CHECK(omp_target_memcpy(b, there, sizeof(b), 0, 0, host, last) == 0);
    OMP_CHECK(memcmp(a, b, sizeof(a)) == 0);
    omp_target_free(here, 0);
    omp_target_free(there, last);
}

int main(void) {
    omp_need_device();
    chain();
    asynchronous_data();
    threads_offload_together();
    many_small_kernels();
    every_device();
    between_devices();
    omp_finish();
}
