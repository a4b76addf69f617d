/* SPDX-License-Identifier: MIT */
/// How experiments are run and judged, with experiments that touch no GPU.
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "claims/claim.h"

static struct hsp_claim_setup hardware = {.kernel_directory = ""};

/* What an experiment tells the test. */
static struct board {
    pid_t pid;
    char scratch[64];
} * board;

static struct hsp_claim_result run_within(void (*experiment)(struct claim *), char class_letter,
                                          const struct hsp_claim_setup *setup,
                                          uint32_t limit_seconds) {
    const struct hsp_claim claim = {.id = "T",
                                    .topic = "test",
                                    .class_letter = class_letter,
                                    .when_confirmed = "yes",
                                    .when_refuted = "no",
                                    .needs = "hardware",
                                    .experiment = experiment,
                                    .limit_seconds = limit_seconds};
    struct hsp_claim_result result;
    hsp_claim_run(&claim, setup, &result);
    return result;
}

static struct hsp_claim_result run(void (*experiment)(struct claim *), char class_letter,
                                   const struct hsp_claim_setup *setup) {
    return run_within(experiment, class_letter, setup, 300);
}

static void two_hold(struct claim *claim) {
    const uint32_t counts[] = {4, 5, 6};
    claim_counts(claim, "above", counts, 3, HSP_EXPECT_ABOVE, 3.5);
    claim_counts(claim, "below", counts, 3, HSP_EXPECT_BELOW, 6.5);
    claim_counts(claim, "of no interest", counts, 3, HSP_EXPECT_NOTHING, 0);
}

static void one_fails(struct claim *claim) {
    const uint32_t counts[] = {4, 5, 6};
    claim_counts(claim, "above", counts, 3, HSP_EXPECT_ABOVE, 6.5);
    claim_counts(claim, "below", counts, 3, HSP_EXPECT_BELOW, 6.5);
    claim_counts(claim, "unclear", counts, 3, HSP_EXPECT_BELOW, 5);
}

static void one_unclear(struct claim *claim) {
    const uint32_t counts[] = {4, 5, 6};
    claim_counts(claim, "unclear", counts, 3, HSP_EXPECT_BELOW, 5);
    claim_counts(claim, "below", counts, 3, HSP_EXPECT_BELOW, 6.5);
}

static void unequal(struct claim *claim) {
    const uint32_t counts[] = {5, 5, 6};
    claim_counts(claim, "equal", counts, 3, HSP_EXPECT_EQUAL, 5);
}

static void nothing_predicted(struct claim *claim) {
    const uint32_t count = 1;
    claim_counts(claim, "of no interest", &count, 1, HSP_EXPECT_NOTHING, 0);
}

static void verdict_follows_from_the_predictions(void **state) {
    (void)state;
    struct hsp_claim_result result = run(two_hold, 'U', &hardware);
    assert_int_equal(result.verdict, HSP_VERDICT_CONFIRMED);
    assert_string_equal(result.sentence, "yes");
    assert_int_equal(result.value_count, 3);
    assert_true(result.values[0].low == 4 && result.values[0].high == 6);
    result = run(one_fails, 'U', &hardware);
    assert_int_equal(result.verdict, HSP_VERDICT_REFUTED);
    assert_string_equal(result.sentence, "no");
    assert_int_equal(run(one_unclear, 'U', &hardware).verdict, HSP_VERDICT_UNDECIDED);
    assert_int_equal(run(unequal, 'U', &hardware).verdict, HSP_VERDICT_REFUTED);
    assert_int_equal(run(nothing_predicted, 'U', &hardware).verdict, HSP_VERDICT_UNDECIDED);
}

static void software_does_not_decide_for_hardware(void **state) {
    (void)state;
    struct hsp_claim_setup software = {.kernel_directory = "", .software = true};
    assert_int_equal(run(two_hold, 'U', &software).verdict, HSP_VERDICT_CONFIRMED);
    struct hsp_claim_result result = run(two_hold, 'H', &software);
    assert_int_equal(result.verdict, HSP_VERDICT_UNDECIDED);
    assert_non_null(strstr(result.sentence, "hardware"));
    assert_int_equal(result.value_count, 3);
    assert_int_equal(run(two_hold, 'H', &hardware).verdict, HSP_VERDICT_CONFIRMED);
    software.control = true;
    assert_int_equal(run(one_fails, 'H', &software).verdict, HSP_VERDICT_REFUTED);
}

static void crash(struct claim *claim) {
    two_hold(claim);
    fprintf(stderr, "first line\nassertion of the runtime\n");
    abort();
}

/* Hangs, and so does a child of its own; both have a file. */
static void hang(struct claim *claim) {
    (void)claim;
    char path[128];
    snprintf(board->scratch, sizeof board->scratch, "%s", getenv("TMPDIR"));
    snprintf(path, sizeof path, "%s/left", board->scratch);
    fclose(fopen(path, "w"));
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    board->pid = pid;
    for (;;)
        pause();
}

static void give_up(struct claim *claim) {
    two_hold(claim);
    claim_undecided(claim, "no %s", "strace");
}

static void failures_are_undecided_with_the_reason(void **state) {
    (void)state;
    struct hsp_claim_result result = run(crash, 'U', &hardware);
    assert_int_equal(result.verdict, HSP_VERDICT_UNDECIDED);
    assert_non_null(strstr(result.sentence, "Aborted"));
    assert_non_null(strstr(result.sentence, "assertion of the runtime"));
    assert_null(strstr(result.sentence, "first line"));
    assert_int_equal(result.value_count, 3);
    result = run(give_up, 'U', &hardware);
    assert_int_equal(result.verdict, HSP_VERDICT_UNDECIDED);
    assert_string_equal(result.sentence, "no strace");
    result = run(NULL, 'U', &hardware);
    assert_string_equal(result.sentence, "needs hardware");
}

/* A zombie until init reaps it: dead is what counts. */
static bool is_dead(pid_t pid) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return true;
    if (!fgets(text, sizeof text, file))
        text[0] = 0;
    fclose(file);
    const char *name_end = strrchr(text, ')');
    return !name_end || name_end[2] == 'Z' || name_end[2] == 'X';
}

static void a_hang_ends_and_leaves_nothing(void **state) {
    (void)state;
    struct hsp_claim_result result = run_within(hang, 'U', &hardware, 2);
    assert_int_equal(result.verdict, HSP_VERDICT_UNDECIDED);
    assert_non_null(strstr(result.sentence, "took longer than 2 s"));
    assert_int_not_equal(board->pid, 0);
    while (!is_dead(board->pid)) /* the kill was sent; CTest's timeout is the limit */
        usleep(1000);
    struct stat status;
    assert_int_equal(stat(board->scratch, &status), -1);
}

/* Ctrl-C: the process that runs an experiment dies of it, and nothing is left. */
static void a_signal_ends_the_experiment_first(void **state) {
    (void)state;
    char scratch[] = "/tmp/hsaprobe-test-XXXXXX";
    assert_non_null(mkdtemp(scratch));
    board->pid = 0;
    const pid_t runner = fork();
    if (runner == 0) {
        setenv("TMPDIR", scratch, 1);
        signal(SIGINT, SIG_DFL);
        run(hang, 'U', &hardware);
        _exit(1);
    }
    while (!*(volatile pid_t *)&board->pid)
        usleep(1000);
    kill(runner, SIGINT);
    int status;
    assert_int_equal(waitpid(runner, &status, 0), runner);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    const bool was_empty = rmdir(scratch) == 0;
    if (!was_empty)
        kill(board->pid, SIGKILL); /* or it would outlive the test */
    assert_true(was_empty);
    while (!is_dead(board->pid))
        usleep(1000);
}

static void shares_have_wilsons_interval(void **state) {
    (void)state;
    double low, high;
    claim_wilson(8, 10, &low, &high); /* worked example: 0.490 to 0.943 */
    assert_true(fabs(low - 0.4902) < 1e-3 && fabs(high - 0.9433) < 1e-3);
    claim_wilson(0, 40, &low, &high);
    assert_true(low == 0 && fabs(high - 0.0876) < 1e-3);
    claim_wilson(40, 40, &low, &high);
    assert_true(high == 1 && fabs(low - 0.9124) < 1e-3);
}

static void every_claim_can_be_found(void **state) {
    (void)state;
    size_t count;
    const struct hsp_claim *claims = hsp_claims(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(hsp_claim_find(claims[i].id), &claims[i]);
        assert_ptr_equal(hsp_claim_find(claims[i].topic), &claims[i]);
        assert_non_null(strchr("UKH", claims[i].class_letter));
        assert_true(!claims[i].experiment ||
                    (*claims[i].when_confirmed && *claims[i].when_refuted));
    }
    assert_ptr_equal(hsp_claim_find("h3"), hsp_claim_find("wait"));
    assert_null(hsp_claim_find("H99"));
}

int main(void) {
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_follows_from_the_predictions),
        cmocka_unit_test(software_does_not_decide_for_hardware),
        cmocka_unit_test(failures_are_undecided_with_the_reason),
        cmocka_unit_test(a_hang_ends_and_leaves_nothing),
        cmocka_unit_test(a_signal_ends_the_experiment_first),
        cmocka_unit_test(shares_have_wilsons_interval),
        cmocka_unit_test(every_claim_can_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
