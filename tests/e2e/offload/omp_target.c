/* SPDX-License-Identifier: MIT */
/* Target regions of every shape: one thread, generic and SPMD mode, teams, nested loops. */
#include "omp_e2e.h"

enum { N = 4096 };

#pragma omp declare target
static int twice(int x) {
    return 2 * x;
}

static int fibonacci(int n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
#pragma omp end declare target

static void runs_on_the_device(void) {
    int on_host = 1, if_false = 0;
#pragma omp target map(from : on_host)
    on_host = omp_is_initial_device();
#pragma omp target if (0) map(from : if_false)
    if_false = omp_is_initial_device();
    OMP_CHECK(!on_host);
    OMP_CHECK(if_false);
}

static void loops(void) {
    static int a[N], b[N];
#pragma omp target teams distribute parallel for map(from : a)
    for (int i = 0; i < N; i++)
        a[i] = twice(i);
#pragma omp target teams distribute parallel for simd map(to : a) map(from : b)
    for (int i = 0; i < N; i++)
        b[i] = a[i] + 1;
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += b[i] != 2 * i + 1;
    OMP_CHECK(wrong == 0);
}

static void collapsed_loops(void) {
    static int a[16][32][8];
#pragma omp target teams distribute parallel for collapse(3) map(from : a)
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++)
            for (int k = 0; k < 8; k++)
                a[i][j][k] = i * 1000 + j * 10 + k;
    int wrong = 0;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++)
            for (int k = 0; k < 8; k++)
                wrong += a[i][j][k] != i * 1000 + j * 10 + k;
    OMP_CHECK(wrong == 0);
}

static void schedules(void) {
    static int a[N], b[N], c[N];
#pragma omp target teams distribute parallel for schedule(static, 1) map(from : a)
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp target teams distribute parallel for dist_schedule(static, 128) map(from : b)
    for (int i = 0; i < N; i++)
        b[i] = i;
#pragma omp target parallel for schedule(static, 3) map(from : c)
    for (int i = 0; i < N; i++)
        c[i] = i;
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += a[i] != i || b[i] != i || c[i] != i;
    OMP_CHECK(wrong == 0);
}

/* The team's first thread runs alone and wakes the others for each parallel region. */
static void sequential_and_parallel_parts(void) {
    int v[100] = {0}, sum = 0;
#pragma omp target map(tofrom : v, sum)
    {
        for (int round = 0; round < 3; round++) {
#pragma omp parallel for
            for (int i = 0; i < 100; i++)
                v[i] += round + i;
        }
        for (int i = 0; i < 100; i++)
            sum += v[i];
    }
    OMP_CHECK(sum == 3 * 4950 + 3 * 100);
}

static void who_is_who(void) {
    int teams = 0, threads = 0, seen[8] = {0};
#pragma omp target teams num_teams(7) thread_limit(64) map(from : teams, threads) map(tofrom : seen)
    {
        int inside = 0;
#pragma omp parallel
        {
            if (omp_get_thread_num() == 0)
                inside = omp_get_num_threads();
        }
        seen[omp_get_team_num()]++;
        if (omp_get_team_num() == 6) {
            teams = omp_get_num_teams();
            threads = inside;
        }
    }
    OMP_CHECK(teams == 7);
    OMP_CHECK(threads > 0 && threads <= 64);
    for (int i = 0; i < 7; i++)
        OMP_CHECK(seen[i] == 1);
}

static void thread_numbers(void) {
    int count[128] = {0}, level = 0;
#pragma omp target parallel num_threads(128) map(tofrom : count, level)
    {
        count[omp_get_thread_num()]++;
        if (omp_get_thread_num() == 5)
            level = omp_get_level();
    }
    int once = 0;
    for (int i = 0; i < 128; i++)
        once += count[i] == 1;
    OMP_CHECK(once == 128);
    OMP_CHECK(level == 1);
}

static void barriers_and_single(void) {
    int a[64] = {0}, b[64] = {0}, singles = 0;
#pragma omp target parallel num_threads(64) map(tofrom : a, b, singles)
    {
        int me = omp_get_thread_num();
        a[me] = me + 1;
#pragma omp barrier
        b[me] = a[63 - me];
#pragma omp single
        singles++;
    }
    int wrong = 0;
    for (int i = 0; i < 64; i++)
        wrong += b[i] != 64 - i;
    OMP_CHECK(wrong == 0);
    OMP_CHECK(singles == 1);
}

static void private_copies(void) {
    int first = 10, last = 0, own = 3, out[N];
#pragma omp target teams distribute parallel for firstprivate(first) private(own)                  \
    lastprivate(last) map(from                                                                     \
                          : out) map(tofrom                                                        \
                                     : last)
    for (int i = 0; i < N; i++) {
        own = i + first;
        out[i] = own;
        last = own;
    }
    OMP_CHECK(out[0] == 10 && out[N - 1] == N + 9);
    OMP_CHECK(last == N + 9);
    OMP_CHECK(own == 3);
}

static void recursion(void) {
    int result = 0, n = 12;
#pragma omp target map(from : result)
    result = fibonacci(n);
    OMP_CHECK(result == 144);
}

int main(void) {
    omp_need_device();
    runs_on_the_device();
    loops();
    collapsed_loops();
    schedules();
    sequential_and_parallel_parts();
    who_is_who();
    thread_numbers();
    barriers_and_single();
    private_copies();
    recursion();
    omp_finish();
}
