/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct report_section *layers_summary_create(struct report *report) {
    static const struct report_column columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"submit", "submit", SOURCE_NONE, FORMAT_PLAIN},
        {"round_trip", "round trip", SOURCE_NONE, FORMAT_PLAIN},
        {"back_to_back", "back to back", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *summary = report_table(
        report, "summary", "what each layer adds to a launch, us: median [95% interval]", columns,
        COUNT(columns));
    report_limit(summary, AUDIENCE_PEOPLE);
    return summary;
}

const char *layers_name(const struct arms *arms, size_t upper, bool software) {
    static const struct {
        const char *arm;
        const char *minus;
        const char *hardware;
        const char *software;
    } layers[] = {
        {"ring", "timer", "packet, doorbell, device", "packet, doorbell, software GPU"},
        {"hsa", "ring", "HSA runtime calls", "HSA runtime calls"},
        {"hip-module", "hsa", "HIP runtime", "HIP runtime"},
        {"hip", "hip-module", "HIP kernel lookup", "HIP kernel lookup"},
    };
    for (size_t i = 0; i < COUNT(layers); i++)
        if (strcmp(layers[i].arm, arms->arms[upper].name) == 0 &&
            strcmp(layers[i].minus, arms->arms[upper - 1].name) == 0)
            return software ? layers[i].software : layers[i].hardware;
    return "several"; /* an arm between them is missing */
}

/* Microseconds in the two digits that are printed: the clock steps in some 10 ns. Adding 0 makes
 * -0 a 0. */
static double rounded_us(double ns) {
    return round(ns / 10) / 100 + 0.0;
}

static char *cell(const struct layers_estimate *estimate) {
    return estimate ? xasprintf("%.2f [%.2f, %.2f]", rounded_us(estimate->median),
                                rounded_us(estimate->low), rounded_us(estimate->high))
                    : xstrdup("-");
}

/* The last three may be NULL. */
static void add(struct report_section *summary, const char *kernel, const char *layer,
                enum report_source source, const struct layers_estimate *submit,
                const struct layers_estimate *round_trip,
                const struct layers_estimate *back_to_back) {
    char *cells[] = {cell(submit), cell(round_trip), cell(back_to_back)};
    report_row(summary, report_text(kernel), report_text(layer), report_text(cells[0]),
               report_text(cells[1]), report_text(cells[2]),
               report_text(report_source_name(source)));
    for (size_t i = 0; i < COUNT(cells); i++)
        free(cells[i]);
}

static void add_metrics(struct report_section *summary, const char *kernel, const char *layer,
                        enum report_source source, const struct layers_estimate *metrics) {
    add(summary, kernel, layer, source, &metrics[HSP_METRIC_SUBMIT],
        &metrics[HSP_METRIC_ROUND_TRIP], &metrics[HSP_METRIC_BACK_TO_BACK]);
}

void layers_summary_add(struct report_section *summary, const char *kernel, const struct arms *arms,
                        const struct layers_estimates *estimates, bool software) {
    size_t top = arms->count - 1;
    for (size_t arm = top; arm >= ARM_RING; arm--)
        add_metrics(summary, kernel, layers_name(arms, arm, software), SOURCE_DERIVED,
                    estimates->layers[arm]);
    add_metrics(summary, kernel, "timer", SOURCE_MEASURED, estimates->arms[ARM_TIMER]);
    char *whole = xasprintf("= whole launch, arm %s", arms->arms[top].name);
    add_metrics(summary, kernel, whole, SOURCE_MEASURED, estimates->arms[top]);
    free(whole);
    if (software)
        add(summary, kernel, "software GPU on this thread", SOURCE_MODELLED,
            &estimates->arms[top][HSP_METRIC_CALLER],
            &estimates->arms[top][HSP_METRIC_CALLER_ROUND_TRIP], NULL);
}
