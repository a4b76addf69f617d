/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct report_section *layers_summary_create(struct report *report, const char *key,
                                             const char *title) {
    static const struct report_column columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"submit", "submit", SOURCE_NONE, FORMAT_PLAIN},
        {"round_trip", "round trip", SOURCE_NONE, FORMAT_PLAIN},
        {"back_to_back", "back to back", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *summary = report_table(report, key, title, columns, COUNT(columns));
    report_limit(summary, AUDIENCE_PEOPLE);
    return summary;
}

int layers_name(struct hsp_samples *samples, const char *kernel, const struct arms *arms,
                bool software) {
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
    for (size_t arm = 1; arm < arms->count; arm++) {
        const char *upper = arms->arms[arm].name;
        const char *lower = arms->arms[arm - 1].name;
        const char *name = "several"; /* an arm between them is missing */
        for (size_t i = 0; i < COUNT(layers); i++)
            if (strcmp(layers[i].arm, upper) == 0 && strcmp(layers[i].minus, lower) == 0)
                name = software ? layers[i].software : layers[i].hardware;
        if (hsp_samples_layer(samples, kernel, name, upper, lower))
            return -ENOMEM;
    }
    return 0;
}

/* Microseconds in the two digits that are printed: the clock steps in some 10 ns. Adding 0 makes
 * -0 a 0. */
static double rounded_us(double ns) {
    return round(ns / 10) / 100 + 0.0;
}

static char *cell(const struct hsp_estimate *estimate) {
    return estimate->round_count
               ? xasprintf("%.2f [%.2f, %.2f]", rounded_us(estimate->value),
                           rounded_us(estimate->interval.low), rounded_us(estimate->interval.high))
               : xstrdup("-");
}

/* The columns. */
static const char *const shown[] = {"submit", "round trip", "back to back"};

static void add_row(struct report_section *summary, const char *workload, const char *name,
                    enum hsp_source source, const struct hsp_estimate *estimates) {
    char *cells[COUNT(shown)];
    for (size_t i = 0; i < COUNT(shown); i++)
        cells[i] = cell(&estimates[i]);
    report_row(summary, report_text(workload), report_text(name), report_text(cells[0]),
               report_text(cells[1]), report_text(cells[2]), report_text(hsp_source_name(source)));
    for (size_t i = 0; i < COUNT(cells); i++)
        free(cells[i]);
}

/* What isn't there stays empty. */
static int add_arm(struct report_section *summary, const struct hsp_samples *samples,
                   const char *workload, const char *arm, const char *name, enum hsp_source source,
                   const char *const *metrics, const struct hsp_bootstrap *bootstrap) {
    struct hsp_estimate estimates[COUNT(shown)] = {0};
    for (size_t i = 0; i < COUNT(shown); i++) {
        const struct hsp_series *series =
            metrics[i] ? hsp_samples_find(samples, workload, arm, metrics[i], 0) : NULL;
        if (series && hsp_estimate_series(series, bootstrap, &estimates[i]) == -ENOMEM)
            return -ENOMEM;
    }
    if (estimates[0].round_count || estimates[1].round_count || estimates[2].round_count)
        add_row(summary, workload, name, source, estimates);
    return 0;
}

static int add_layer(struct report_section *summary, const struct hsp_samples *samples,
                     const struct hsp_named_layer *layer, const struct hsp_bootstrap *bootstrap) {
    struct hsp_estimate estimates[COUNT(shown)] = {0};
    for (size_t i = 0; i < COUNT(shown); i++) {
        const struct hsp_series *upper =
            hsp_samples_find(samples, layer->workload, layer->upper, shown[i], 0);
        const struct hsp_series *lower =
            hsp_samples_find(samples, layer->workload, layer->lower, shown[i], 0);
        if (upper && lower &&
            hsp_estimate_difference(upper, lower, bootstrap, &estimates[i]) == -ENOMEM)
            return -ENOMEM;
    }
    add_row(summary, layer->workload, layer->name, HSP_SOURCE_DERIVED, estimates);
    return 0;
}

/* All layers of the workload that are part of the chain, or are not; the highest first. */
static int add_layers(struct report_section *table, const struct hsp_samples *samples,
                      const char *workload, bool in_chain, const struct hsp_bootstrap *bootstrap) {
    int rc = 0;
    for (size_t i = samples->layer_count; i-- > 0 && !rc;) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        if (strcmp(layer->workload, workload) == 0 && layers_in_chain(samples, layer) == in_chain)
            rc = add_layer(table, samples, layer, bootstrap);
    }
    return rc;
}

/* The lowest arm of the chain and the highest, which is the whole. */
static int add_ends(struct report_section *summary, const struct hsp_samples *samples,
                    const char *workload, const struct hsp_bootstrap *bootstrap) {
    static const char *const caller[] = {"device on caller", "device on caller, round trip", NULL};
    const struct hsp_named_layer *lowest = NULL;
    const struct hsp_named_layer *highest = NULL;
    for (size_t i = 0; i < samples->layer_count; i++) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        if (strcmp(layer->workload, workload) != 0 || !layers_in_chain(samples, layer))
            continue;
        lowest = lowest ? lowest : layer;
        highest = layer;
    }
    if (!lowest)
        return 0;
    char *whole = xasprintf("= whole launch, arm %s", highest->upper);
    int rc = add_arm(summary, samples, workload, lowest->lower, lowest->lower, HSP_SOURCE_MEASURED,
                     shown, bootstrap);
    if (!rc)
        rc = add_arm(summary, samples, workload, highest->upper, whole, HSP_SOURCE_MEASURED, shown,
                     bootstrap);
    if (!rc)
        rc = add_arm(summary, samples, workload, highest->upper, "software GPU on this thread",
                     HSP_SOURCE_MODELLED, caller, bootstrap);
    free(whole);
    return rc;
}

int layers_summary_add(const struct layers_tables *tables, const struct hsp_samples *samples,
                       const char *workload, uint64_t seed) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    int rc = add_layers(tables->summary, samples, workload, true, &bootstrap);
    if (!rc)
        rc = add_ends(tables->summary, samples, workload, &bootstrap);
    return rc ? rc : add_layers(tables->others, samples, workload, false, &bootstrap);
}
