/* SPDX-License-Identifier: MIT */
/* Is the whole instrument right: rounds, restarts and intervals together, on a synthetic machine
 * that is as unpleasant as real ones: a stepping clock, noise with a long tail, interrupts, slow
 * drift, and processes that differ, by what all arms share and by what each has to itself. Seeds
 * are fixed: a run that passes once passes always. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "measure/estimate.h"

#define STEP_NS       10 /* of the clock */
#define READ_NS       19
#define PROCESS_COUNT 5
#define ROUND_COUNT   40
#define LAYER_COUNT   5
#define RUN_COUNT     100

struct machine {
    double now_ns;
    double weather; /* slow drift: a factor's logarithm */
    double speed;   /* of this process */
    struct hsp_random random;
};

struct synthetic {
    struct machine *machine;
    double submit_ns;
    double wait_ns;
    double luck;     /* of this arm in this process: a factor */
    double delay_ns; /* injected into the launch: time, whatever the speed */
};

static double uniform(struct hsp_random *random) {
    return ((double)(hsp_random_next(random) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct hsp_random *random) {
    return sqrt(-2 * log(uniform(random))) * cos(2 * M_PI * uniform(random));
}

static uint64_t machine_now(void *state) {
    struct machine *machine = state;
    machine->now_ns += READ_NS;
    return (uint64_t)(machine->now_ns / STEP_NS) * STEP_NS;
}

static void spend(const struct synthetic *arm, double ns) {
    struct machine *machine = arm->machine;
    double cost = ns * arm->luck * machine->speed * exp(machine->weather);
    machine->weather = 0.999 * machine->weather + 0.001 * normal(&machine->random);
    machine->now_ns += cost * (1 - 0.05 * log(uniform(&machine->random)));
    if (uniform(&machine->random) < 0.002)
        machine->now_ns += 5000 + 45000 * uniform(&machine->random);
}

static int synthetic_launch(void *state) {
    const struct synthetic *arm = state;
    spend(arm, arm->submit_ns);
    arm->machine->now_ns += arm->delay_ns;
    return 0;
}

static int synthetic_wait(void *state) {
    const struct synthetic *arm = state;
    spend(arm, arm->wait_ns);
    return 0;
}

static const struct hsp_arm_ops ops = {.launch = synthetic_launch, .wait = synthetic_wait};

static const char *const names[LAYER_COUNT] = {"timer", "device", "thunk", "hsa", "hip"};

/* What the arms cost; `luck` is the spread of an arm's own factor from process to process, `spread`
 * that of the factor that all arms share. */
struct plan {
    size_t arm_count;
    double delay_ns[LAYER_COUNT];
    double spread;
    double submit_ns[LAYER_COUNT];
    double wait_ns[LAYER_COUNT];
    double luck;
};

/* One process of a measurement. */
static void run_process(const struct plan *plan, uint64_t seed, uint32_t process,
                        struct hsp_samples *samples) {
    struct machine machine = {.random = {seed * 1000 + process}};
    struct synthetic states[LAYER_COUNT];
    struct hsp_arm arms[LAYER_COUNT];
    machine.speed = exp(plan->spread * normal(&machine.random));
    for (size_t i = 0; i < plan->arm_count; i++) {
        states[i] =
            (struct synthetic){&machine, plan->submit_ns[i], plan->wait_ns[i],
                               exp(plan->luck * normal(&machine.random)), plan->delay_ns[i]};
        arms[i] = (struct hsp_arm){names[i], &ops, &states[i]};
    }
    const struct hsp_rounds_options options = {
        .round_count = ROUND_COUNT,
        .burst_count = 4,
        .settle_count = 1,
        .seed = seed + process,
        .clock = {.now_ns = machine_now, .state = &machine},
    };
    struct hsp_rounds_result result;
    size_t failed;
    assert_int_equal(hsp_rounds_run(arms, plan->arm_count, &options, &result, &failed), 0);
    assert_int_equal(hsp_samples_take_rounds(samples, "w", 0, process, arms, &result, false), 0);
    hsp_rounds_result_fini(&result);
}

static struct hsp_samples *run_plan(const struct plan *plan, uint64_t seed, uint32_t processes) {
    struct hsp_samples *samples = hsp_samples_create();
    assert_non_null(samples);
    for (uint32_t process = 0; process < processes; process++)
        run_process(plan, seed, process, samples);
    return samples;
}

static struct hsp_estimate difference(const struct hsp_samples *samples, size_t upper, size_t lower,
                                      const char *metric) {
    const struct hsp_bootstrap bootstrap = {.seed = 1, .resample_count = 300};
    struct hsp_estimate estimate;
    assert_int_equal(
        hsp_estimate_difference(hsp_samples_find(samples, "w", names[upper], metric, 0),
                                hsp_samples_find(samples, "w", names[lower], metric, 0), &bootstrap,
                                &estimate),
        0);
    return estimate;
}

static void at_least(size_t count, size_t of, size_t wanted) {
    printf("    %zu of %zu\n", count, of);
    if (count < wanted)
        fail_msg("only %zu of %zu, not %zu", count, of, wanted);
}

/* The number of runs in which the interval of two equal arms' difference covers zero. */
static size_t covers(uint32_t processes, double luck) {
    const struct plan plan = {.arm_count = 2,
                              .submit_ns = {800, 800},
                              .wait_ns = {2000, 2000},
                              .luck = luck,
                              .spread = 0.15};
    size_t covered = 0;
    for (uint64_t seed = 1; seed <= RUN_COUNT; seed++) {
        struct hsp_samples *samples = run_plan(&plan, seed, processes);
        struct hsp_estimate zero = difference(samples, 1, 0, "round trip");
        covered += zero.interval.low <= 0 && zero.interval.high >= 0;
        hsp_samples_destroy(samples);
    }
    return covered;
}

static void equal_arms_differ_by_zero(void **state) {
    (void)state;
    at_least(covers(1, 0), RUN_COUNT, 89);
    at_least(covers(3, 0), RUN_COUNT, 89);
    at_least(covers(PROCESS_COUNT, 0), RUN_COUNT, 89);
}

/* Without the level of the processes this is where intervals are too narrow. */
static void equal_arms_differ_by_zero_though_processes_differ(void **state) {
    (void)state;
    at_least(covers(3, 0.03), RUN_COUNT, 89);
    at_least(covers(PROCESS_COUNT, 0.03), RUN_COUNT, 89);
    at_least(covers(10, 0.003), RUN_COUNT, 89);
}

/* Runs in which a difference between arms is seen as what it is: above zero. */
static size_t finds(double base_ns, double more_ns) {
    const struct plan plan = {.arm_count = 2,
                              .submit_ns = {base_ns, base_ns + more_ns},
                              .wait_ns = {100, 100},
                              .luck = 0.002,
                              .spread = 0.15};
    size_t found = 0;
    for (uint64_t seed = 1; seed <= RUN_COUNT; seed++) {
        struct hsp_samples *samples = run_plan(&plan, seed, PROCESS_COUNT);
        struct hsp_estimate more = difference(samples, 1, 0, "submit");
        found += more.interval.low > 0;
        hsp_samples_destroy(samples);
    }
    return found;
}

static void three_percent_or_50_ns_are_found(void **state) {
    (void)state;
    at_least(finds(600, 50), RUN_COUNT, 95);
    at_least(finds(5000, 150), RUN_COUNT, 95);
}

/* Every arm has what the one below has and a layer of its own. */
static struct plan stack(size_t injected, double delay_ns) {
    static const double layers[LAYER_COUNT] = {0, 90, 200, 40, 400};
    struct plan plan = {.arm_count = LAYER_COUNT, .luck = 0.002, .spread = 0.05};
    double submit = 0;
    for (size_t i = 0; i < LAYER_COUNT; i++) {
        submit += layers[i];
        plan.submit_ns[i] = submit;
        plan.delay_ns[i] = i >= injected ? delay_ns : 0;
        plan.wait_ns[i] = i ? 600 : 0;
    }
    return plan;
}

/* Whether the layers moved as they should: the one with the delay by it, the others not, within 10
 * % of it or 50 ns. */
static bool came_back(size_t injected, double delay_ns, uint64_t seed) {
    const struct plan without = stack(0, 0);
    const struct plan with = stack(injected, delay_ns);
    struct hsp_samples *before = run_plan(&without, seed, PROCESS_COUNT);
    struct hsp_samples *after = run_plan(&with, seed + RUN_COUNT, PROCESS_COUNT);
    double tolerance = fmax(50, delay_ns / 10);
    bool right = true;
    for (size_t layer = 1; layer < LAYER_COUNT; layer++) {
        double moved = difference(after, layer, layer - 1, "round trip").value -
                       difference(before, layer, layer - 1, "round trip").value;
        double wanted = layer == injected ? delay_ns : 0;
        right = right && fabs(moved - wanted) <= tolerance;
    }
    hsp_samples_destroy(before);
    hsp_samples_destroy(after);
    return right;
}

static void a_delay_comes_back_in_its_layer(void **state) {
    (void)state;
    static const double delays[] = {500, 2000};
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
        for (size_t layer = 1; layer < LAYER_COUNT; layer++) {
            size_t right = 0;
            for (uint64_t seed = 1; seed <= 20; seed++)
                right += came_back(layer, delays[i], seed);
            at_least(right, 20, 16);
        }
}

/* The medians of layers need not add up, but the residual is small and its interval tells. */
static void layers_add_up(void **state) {
    (void)state;
    const struct plan plan = stack(0, 0);
    const struct hsp_bootstrap bootstrap = {.seed = 1, .resample_count = 300};
    size_t covered = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct hsp_samples *samples = run_plan(&plan, seed, PROCESS_COUNT);
        const struct hsp_series *chain[LAYER_COUNT];
        struct hsp_estimate residual;
        struct hsp_estimate whole;
        for (size_t i = 0; i < LAYER_COUNT; i++)
            chain[i] = hsp_samples_find(samples, "w", names[i], "submit", 0);
        assert_int_equal(hsp_estimate_residual(chain, LAYER_COUNT, &bootstrap, &residual), 0);
        assert_int_equal(hsp_estimate_series(chain[LAYER_COUNT - 1], &bootstrap, &whole), 0);
        assert_true(fabs(residual.value) < 0.05 * whole.value);
        covered += residual.interval.low <= 0 && residual.interval.high >= 0;
        hsp_samples_destroy(samples);
    }
    at_least(covered, 20, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_arms_differ_by_zero),
        cmocka_unit_test(equal_arms_differ_by_zero_though_processes_differ),
        cmocka_unit_test(three_percent_or_50_ns_are_found),
        cmocka_unit_test(a_delay_comes_back_in_its_layer),
        cmocka_unit_test(layers_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
