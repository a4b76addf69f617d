/* SPDX-License-Identifier: MIT */
#include "claims/claim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "measure/stats.h"

static enum hsp_verdict judge(const struct hsp_claim_value *value) {
    bool above = value->low > value->limit;
    bool below = value->high < value->limit;
    bool equal = !(value->low < value->limit) && !(value->high > value->limit);
    switch (value->expectation) {
    case HSP_EXPECT_ABOVE:
        return above ? HSP_VERDICT_CONFIRMED : below ? HSP_VERDICT_REFUTED : HSP_VERDICT_UNDECIDED;
    case HSP_EXPECT_BELOW:
        return below ? HSP_VERDICT_CONFIRMED : above ? HSP_VERDICT_REFUTED : HSP_VERDICT_UNDECIDED;
    case HSP_EXPECT_EQUAL:
        return equal ? HSP_VERDICT_CONFIRMED : HSP_VERDICT_REFUTED;
    case HSP_EXPECT_NOTHING:
        break;
    }
    return HSP_VERDICT_UNDECIDED;
}

static void add(struct claim *claim, const char *name, const char *unit,
                struct hsp_claim_value value) {
    struct hsp_claim_result *result = claim->result;
    if (result->value_count == HSP_CLAIM_VALUES_MAX)
        claim_undecided(claim, "more than %d values", HSP_CLAIM_VALUES_MAX);
    snprintf(value.name, sizeof value.name, "%s", name);
    snprintf(value.unit, sizeof value.unit, "%s", unit);
    value.verdict = judge(&value);
    result->values[result->value_count++] = value;
}

void claim_samples(struct claim *claim, const char *name, const char *unit, const double *samples,
                   size_t count, enum hsp_expectation expectation, double limit) {
    struct hsp_summary summary;
    struct hsp_interval interval;
    const struct hsp_bootstrap options = {.seed = 1};
    if (hsp_stats_summarize(samples, count, &summary) ||
        hsp_stats_median_interval(samples, count, &options, &interval))
        claim_undecided(claim, "%s: no samples or no memory", name);
    add(claim, name, unit,
        (struct hsp_claim_value){.value = summary.median,
                                 .low = interval.low,
                                 .high = interval.high,
                                 .sample_count = (uint32_t)count,
                                 .expectation = expectation,
                                 .limit = limit});
}

bool claim_decides(const double *samples, size_t count, enum hsp_expectation expectation,
                   double limit) {
    struct hsp_interval interval;
    const struct hsp_bootstrap options = {.seed = 1};
    if (hsp_stats_median_interval(samples, count, &options, &interval))
        return false;
    const struct hsp_claim_value value = {
        .low = interval.low, .high = interval.high, .expectation = expectation, .limit = limit};
    return judge(&value) != HSP_VERDICT_UNDECIDED;
}

/* Wilson 1927: the shares whose own 95 % range holds what was seen. */
void claim_wilson(uint32_t hits, uint32_t total, double *out_low, double *out_high) {
    const double z = 1.959964;
    double n = total;
    double share = hits / n;
    double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    *out_low = hits ? middle - half : 0;
    *out_high = hits < total ? middle + half : 1;
}

void claim_share(struct claim *claim, const char *name, uint32_t hits, uint32_t total,
                 enum hsp_expectation expectation, double limit) {
    struct hsp_claim_value value = {
        .sample_count = total, .expectation = expectation, .limit = limit};
    if (total == 0)
        claim_undecided(claim, "%s: nothing was tried", name);
    value.value = (double)hits / total;
    claim_wilson(hits, total, &value.low, &value.high);
    add(claim, name, "", value);
}

void claim_counts(struct claim *claim, const char *name, const uint32_t *counts, size_t count,
                  enum hsp_expectation expectation, double limit) {
    double *values = calloc(count ? count : 1, sizeof *values);
    struct hsp_summary summary;
    for (size_t i = 0; values && i < count; i++)
        values[i] = counts[i];
    if (!count || !values || hsp_stats_summarize(values, count, &summary))
        claim_undecided(claim, "%s: nothing was counted", name);
    free(values);
    add(claim, name, "",
        (struct hsp_claim_value){.value = summary.median,
                                 .low = summary.min,
                                 .high = summary.max,
                                 .sample_count = (uint32_t)count,
                                 .expectation = expectation,
                                 .limit = limit});
}

/* Not exit: handlers of a broken runtime could hang, and the parent cleans up. */
void claim_undecided(struct claim *claim, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(claim->result->sentence, sizeof claim->result->sentence, format, args);
    va_end(args);
    _exit(0);
}

void claim_check(struct claim *claim, hsp_status status, const char *what) {
    if (!status)
        return;
    const char *words = hsp_last_error();
    claim_undecided(claim, "%s: %s", what, *words ? words : hsp_status_string(status));
}

void *claim_shared(struct claim *claim, size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        claim_undecided(claim, "no memory to share");
    return memory;
}

double claim_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void claim_pause_us(unsigned microseconds) {
    struct timespec pause = {.tv_sec = microseconds / 1000000,
                             .tv_nsec = (long)(microseconds % 1000000) * 1000};
    nanosleep(&pause, NULL);
}
