/* SPDX-License-Identifier: MIT */
/* Reductions of every operator and type, atomics in every form, and a user's own reduction. */
#include "omp_e2e.h"

enum { N = 10000 };

struct pair {
    double sum;
    int largest;
};

static struct pair pair_join(struct pair a, struct pair b) {
    return (struct pair){a.sum + b.sum, a.largest > b.largest ? a.largest : b.largest};
}
#pragma omp declare reduction(join                                                                 \
                              : struct pair                                                        \
                              : omp_out = pair_join(omp_out, omp_in))                              \
    initializer(omp_priv = (struct pair){0, 0})

static int values[N];

static void sums(void) {
    int i32 = 5;
    long i64 = 0;
    float f32 = 0;
    double f64 = 0.25;
#pragma omp target teams distribute parallel for map(to : values)                                  \
    map(tofrom : i32, i64, f32, f64) reduction(+ : i32, i64, f32, f64)
    for (int i = 0; i < N; i++) {
        i32 += values[i];
        i64 += (long)values[i] << 32;
        f32 += 1;
        f64 += values[i] * 0.5;
    }
    const long sum = (long)N * (N + 1) / 2;
    OMP_CHECK(i32 == sum + 5);
    OMP_CHECK(i64 == sum << 32);
    OMP_CHECK(f32 == N);
    OMP_CHECK(f64 == (double)sum / 2 + 0.25);
}

static void extremes(void) {
    int least = 1 << 30, most = -1;
    double low = 1e30, high = -1e30;
#pragma omp target teams distribute parallel for map(to                                            \
                                                     : values) map(tofrom                          \
                                                                   : least, most, low, high)       \
    reduction(min                                                                                  \
              : least, low) reduction(max                                                          \
                                      : most, high)
    for (int i = 0; i < N; i++) {
        int value = values[i] ^ 0x155;
        double real = -value;
        least = value < least ? value : least;
        most = value > most ? value : most;
        low = real < low ? real : low;
        high = real > high ? real : high;
    }
    int wanted_least = 1 << 30, wanted_most = -1;
    for (int i = 0; i < N; i++) {
        int value = values[i] ^ 0x155;
        wanted_least = value < wanted_least ? value : wanted_least;
        wanted_most = value > wanted_most ? value : wanted_most;
    }
    OMP_CHECK(least == wanted_least && most == wanted_most);
    OMP_CHECK(low == -wanted_most && high == -wanted_least);
}

static void bits_and_truth(void) {
    unsigned xor_all = 0, or_all = 0, and_all = ~0u;
    int every = 1, any = 0;
    double product = 1;
#pragma omp target teams distribute parallel for map(to : values)                                  \
    map(tofrom : xor_all, or_all, and_all, every, any, product) reduction(^ : xor_all)             \
    reduction(| : or_all) reduction(& : and_all) reduction(&& : every) reduction(|| : any)         \
    reduction(* : product)
    for (int i = 0; i < N; i++) {
        unsigned value = (unsigned)values[i] | 0x10000;
        xor_all ^= value;
        or_all |= value;
        and_all &= value;
        every = every && value;
        any = any || value == 0x10007;
        product *= i % 1000 ? 1 : 2;
    }
    unsigned wanted_xor = 0, wanted_or = 0;
    for (int i = 0; i < N; i++) {
        wanted_xor ^= (unsigned)values[i] | 0x10000;
        wanted_or |= (unsigned)values[i] | 0x10000;
    }
    OMP_CHECK(xor_all == wanted_xor && or_all == wanted_or && and_all == 0x10000);
    OMP_CHECK(every && any);
    OMP_CHECK(product == 1024);
}

static void own_reduction(void) {
    struct pair all = {0, 0};
#pragma omp target teams distribute parallel for map(to                                            \
                                                     : values) map(tofrom                          \
                                                                   : all) reduction(join           \
                                                                                    : all)
    for (int i = 0; i < N; i++)
        all = pair_join(all, (struct pair){values[i], values[i]});
    OMP_CHECK(all.sum == (double)N * (N + 1) / 2);
    OMP_CHECK(all.largest == N);
}

static void atomics(void) {
    int count = 0, most = 0, tickets[N];
    double total = 0;
    float small = 0;
    long wide = 0;
#pragma omp target teams distribute parallel for map(tofrom                                        \
                                                     : count, total, small, wide, most)            \
    map(from                                                                                       \
        : tickets)
    for (int i = 0; i < N; i++) {
#pragma omp atomic capture
        tickets[i] = count++;
#pragma omp atomic update
        total += 0.5;
#pragma omp atomic
        small += 1;
#pragma omp atomic seq_cst
        wide += 1L << 33;
#pragma omp atomic
        most |= i;
    }
    static char taken[N];
    for (int i = 0; i < N; i++)
        if (tickets[i] >= 0 && tickets[i] < N)
            taken[tickets[i]] = 1;
    int all_taken = 0;
    for (int i = 0; i < N; i++)
        all_taken += taken[i];
    OMP_CHECK(count == N && all_taken == N);
    OMP_CHECK(total == N * 0.5 && small == N);
    OMP_CHECK(wide == (long)N << 33 && most == 0x3fff);
}

/* One thread hands a value to another of its team: what a release and an acquire are for. */
static void flags(void) {
    int data = 0, flag = 0, seen = 0;
#pragma omp target parallel num_threads(128) map(tofrom : data, flag, seen)
    {
        if (omp_get_thread_num() == 0) {
            data = 42;
#pragma omp atomic write release
            flag = 1;
        } else if (omp_get_thread_num() == 64) {
            int ready = 0;
            while (!ready) {
#pragma omp atomic read acquire
                ready = flag;
            }
            seen = data;
        }
    }
    OMP_CHECK(seen == 42);
}

int main(void) {
    omp_need_device();
    for (int i = 0; i < N; i++)
        values[i] = i + 1;
    sums();
    extremes();
    bits_and_truth();
    own_reduction();
    atomics();
    flags();
    omp_finish();
}
