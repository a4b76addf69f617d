/* SPDX-License-Identifier: MIT */
/* layers --setup: what comes before a first launch, cold in a fresh process and warm. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers_input.h"
#include "layers_values.h"
#include "memory.h"
#include "restarts.h"
#include "setup_steps.h"

#define WORKLOAD     "setup"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct setup_chain *const chains[] = {&setup_hsa, &setup_hip};

static int add(struct hsp_samples *samples, const char *step, const char *metric,
               const double *values, uint32_t count) {
    struct hsp_series *series =
        hsp_samples_series(samples, WORKLOAD, step, metric, 0, HSP_SOURCE_MEASURED);
    int rc = series ? hsp_series_add(samples, series, 0, 0, values, count, NULL) : -ENOMEM;
    return rc ? failure(EXIT_FAILED, step, "%s", strerror(-rc)) : EXIT_OK;
}

static int timed(const struct setup_step *step, void *state, double *out_ns) {
    uint64_t start_ns = hsp_clock_ns();
    int code = step->run(state);
    *out_ns = (double)(hsp_clock_ns() - start_ns);
    return code;
}

static int run_step(struct hsp_samples *samples, const struct setup_step *step, void *state) {
    double cold_ns;
    double *warm_ns = xcalloc(step->warm_count, sizeof *warm_ns);
    int code = timed(step, state, &cold_ns);
    for (unsigned i = 0; i < step->warm_count && !code; i++) {
        if (step->undo)
            code = step->undo(state);
        if (!code)
            code = timed(step, state, &warm_ns[i]);
    }
    if (!code)
        code = add(samples, step->name, "cold", &cold_ns, 1);
    if (!code)
        code = add(samples, step->name, "warm", warm_ns, step->warm_count);
    free(warm_ns);
    return code;
}

int layers_setup_chain(struct command_context *context, const char *name) {
    for (size_t i = 0; i < COUNT(chains); i++) {
        const struct setup_chain *chain = chains[i];
        if (strcmp(chain->name, name) != 0)
            continue;
        hsp_clock_ns(); /* calibrated before anything is timed */
        void *state = chain->open();
        int code = state ? EXIT_OK : EXIT_FAILED;
        for (size_t j = 0; j < chain->step_count && !code; j++)
            code = run_step(context->samples, &chain->steps[j], state);
        if (state)
            chain->close(state);
        return code;
    }
    return failure(EXIT_USAGE, "--cold", "'%s' is no chain of steps", name);
}

int layers_setup(struct command_context *context, const struct layers_input *input) {
    int code = EXIT_OK;
    for (size_t i = 0; i < COUNT(chains) && !code; i++) {
        char *words[] = {context->argv[0], context->argv[1], (char *)"--cold",
                         (char *)chains[i]->name, NULL};
        code = restarts_run_words(context, words, input->method.process);
    }
    context->print_anyway = true;
    return code;
}

void layers_setup_report(struct report *report, const struct hsp_samples *samples, uint64_t seed) {
    static const struct report_column columns[] = {
        {"step", "step", SOURCE_NONE, FORMAT_PLAIN},
        {"cold_ns", "cold us", SOURCE_MEASURED, FORMAT_US},
        {"cold_low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"cold_high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"warm_ns", "warm us", SOURCE_MEASURED, FORMAT_US},
        {"warm_low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"warm_high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"what", "what is timed", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "setup_costs", "before a first launch, each chain in fresh processes",
                     columns, COUNT(columns));
    for (size_t i = 0; i < COUNT(chains); i++)
        for (size_t j = 0; j < chains[i]->step_count; j++) {
            const struct setup_step *step = &chains[i]->steps[j];
            struct layers_value cold;
            struct layers_value warm;
            if (layers_value_of(hsp_samples_find(samples, WORKLOAD, step->name, "cold", 0), seed,
                                &cold) &&
                layers_value_of(hsp_samples_find(samples, WORKLOAD, step->name, "warm", 0), seed,
                                &warm))
                report_row(table, report_text(step->name), report_real(cold.median),
                           report_real(cold.low), report_real(cold.high), report_real(warm.median),
                           report_real(warm.low), report_real(warm.high), report_text(step->what));
        }
}
