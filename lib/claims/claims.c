/* SPDX-License-Identifier: MIT */
#include "claims/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claims/claim.h"
#include "claims/experiments.h"

static const struct hsp_claim table[] = {
#define CLAIM(id, topic, class, experiment, limit, claim, mechanism, confirms, refutes, yes, no,   \
              needs)                                                                               \
    {#id, #topic, claim, mechanism, class, confirms, refutes, yes, no, needs, experiment, limit},
#include "claims/claims.def"
#undef CLAIM
};

const char *hsp_verdict_name(enum hsp_verdict verdict) {
    static const char *const names[] = {[HSP_VERDICT_UNDECIDED] = "undecided",
                                        [HSP_VERDICT_CONFIRMED] = "confirmed",
                                        [HSP_VERDICT_REFUTED] = "refuted"};
    return names[verdict];
}

const struct hsp_claim *hsp_claims(size_t *out_count) {
    *out_count = sizeof table / sizeof *table;
    return table;
}

const struct hsp_claim *hsp_claim_find(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcasecmp(table[i].id, name) == 0 || strcmp(table[i].topic, name) == 0)
            return &table[i];
    return NULL;
}

/* What an experiment's process starts from. */
struct run {
    struct claim claim;
    char scratch[64];
    int talk;       /* what it prints goes here */
    sigset_t stops; /* end the experiment, and then this process */
    sigset_t mask;  /* the caller's */
};

static int experiment_main(void *data) {
    struct run *run = data;
    sigprocmask(SIG_SETMASK, &run->mask, NULL);
    setenv("TMPDIR", run->scratch, 1);
    dup2(run->talk, STDOUT_FILENO);
    dup2(run->talk, STDERR_FILENO);
    run->claim.row->experiment(&run->claim);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where) {
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* The last line that the process printed: often an assertion's. */
static void last_line(int talk, char *out_text, size_t bytes) {
    char tail[512];
    off_t end = lseek(talk, 0, SEEK_END);
    off_t begin = end > (off_t)sizeof tail - 1 ? end - (off_t)sizeof tail + 1 : 0;
    ssize_t length = pread(talk, tail, sizeof tail - 1, begin);
    if (length < 0)
        length = 0;
    while (length > 0 && tail[length - 1] == '\n')
        length--;
    tail[length] = 0;
    const char *line = strrchr(tail, '\n');
    snprintf(out_text, bytes, "%.*s", (int)bytes - 1, line ? line + 1 : tail);
}

static void explain_death(const struct claim_child *child, const struct run *run,
                          struct hsp_claim_result *result) {
    char line[160];
    char what[64];
    if (child->timed_out)
        snprintf(what, sizeof what, "took longer than %u s", run->claim.row->limit_seconds);
    else if (WIFSIGNALED(child->status))
        snprintf(what, sizeof what, "was ended by %s", strsignal(WTERMSIG(child->status)));
    else
        snprintf(what, sizeof what, "ended with code %d", WEXITSTATUS(child->status));
    last_line(run->talk, line, sizeof line);
    snprintf(result->sentence, sizeof result->sentence, "the experiment %s%s%s", what,
             *line ? ": " : "", line);
    result->verdict = HSP_VERDICT_UNDECIDED;
}

/* All predictions hold: confirmed; one is contradicted: refuted. */
static void decide(const struct hsp_claim *claim, const struct hsp_claim_setup *setup,
                   struct hsp_claim_result *result) {
    enum hsp_verdict verdict = HSP_VERDICT_CONFIRMED;
    size_t predicted_count = 0;
    for (size_t i = 0; i < result->value_count; i++) {
        const struct hsp_claim_value *value = &result->values[i];
        if (value->expectation == HSP_EXPECT_NOTHING)
            continue;
        predicted_count++;
        if (value->verdict == HSP_VERDICT_REFUTED || verdict == HSP_VERDICT_REFUTED)
            verdict = HSP_VERDICT_REFUTED;
        else if (value->verdict == HSP_VERDICT_UNDECIDED)
            verdict = HSP_VERDICT_UNDECIDED;
    }
    const char *sentence = verdict == HSP_VERDICT_CONFIRMED ? claim->when_confirmed
                           : verdict == HSP_VERDICT_REFUTED
                               ? claim->when_refuted
                               : "the intervals hold the limits: measure on a quieter machine";
    if (predicted_count == 0) {
        verdict = HSP_VERDICT_UNDECIDED;
        sentence = "the experiment measured nothing";
    }
    result->verdict = verdict;
    snprintf(result->sentence, sizeof result->sentence, "%s", sentence);
    if (setup->software && claim->class_letter != 'U' && !setup->control) {
        result->verdict = HSP_VERDICT_UNDECIDED;
        snprintf(result->sentence, sizeof result->sentence, "the mechanics work; deciding needs %s",
                 claim->needs);
    }
}

static void run_experiment(struct run *run, struct hsp_claim_result *result) {
    struct claim_child child =
        claim_in_child(experiment_main, run, run->claim.row->limit_seconds, &run->stops);
    result->seconds = child.seconds;
    if (child.timed_out || !WIFEXITED(child.status) || WEXITSTATUS(child.status))
        explain_death(&child, run, result);
    else if (!result->sentence[0]) /* claim_undecided has said why */
        decide(run->claim.row, run->claim.setup, result);
}

/* Ctrl-C and the like wait until nothing of the experiment is left. */
static void hold_stops(struct run *run) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    sigemptyset(&run->stops);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&run->stops, numbers[i]);
    sigprocmask(SIG_BLOCK, &run->stops, &run->mask);
}

void hsp_claim_run(const struct hsp_claim *claim, const struct hsp_claim_setup *setup,
                   struct hsp_claim_result *out_result) {
    *out_result = (struct hsp_claim_result){.verdict = HSP_VERDICT_UNDECIDED};
    if (!claim->experiment) {
        snprintf(out_result->sentence, sizeof out_result->sentence, "needs %s", claim->needs);
        return;
    }
    const char *temporary = getenv("TMPDIR");
    struct run run = {.claim = {.row = claim, .setup = setup}, .talk = -1};
    snprintf(run.scratch, sizeof run.scratch, "%.40s/hsaprobe-claim-XXXXXX",
             temporary && strlen(temporary) <= 40 ? temporary : "/tmp");
    struct hsp_claim_result *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hold_stops(&run);
    run.talk = memfd_create("hsaprobe-claim", MFD_CLOEXEC);
    if (shared == MAP_FAILED || run.talk < 0 || !mkdtemp(run.scratch)) {
        snprintf(out_result->sentence, sizeof out_result->sentence, "no room to run it: %s",
                 strerror(errno));
    } else {
        run.claim.result = shared;
        run_experiment(&run, shared);
        *out_result = *shared;
        nftw(run.scratch, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
    if (run.talk >= 0)
        close(run.talk);
    if (shared != MAP_FAILED)
        munmap(shared, sizeof *shared);
    sigprocmask(SIG_SETMASK, &run.mask, NULL);
}
