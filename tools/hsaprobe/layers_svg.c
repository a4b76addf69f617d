/* SPDX-License-Identifier: MIT */
#include "layers_svg.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "measure/estimate.h"
#include "memory.h"
#include "svg.h"

#define WIDTH        860.0
#define LEFT         240.0 /* of the drawing; names stand left of it */
#define RIGHT        780.0
#define BAR          22.0 /* from bar to bar */
#define CURVE_HEIGHT 200.0
#define METRIC       "round trip"

/* The layers of a workload, lowest first. */
struct bars {
    const char *workload;
    const struct hsp_named_layer *layers[32];
    struct hsp_estimate estimates[32];
    size_t colors[32]; /* that of the upper arm's curve */
    size_t count;
};

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Whether a series is one of the workload's curves; they have colours in their order. */
static bool is_curve(const struct hsp_series *series, const char *workload) {
    return series->gap_ns == 0 && series->value_count > 0 &&
           strcmp(series->workload, workload) == 0 && strcmp(series->metric, METRIC) == 0;
}

static size_t color_of(const struct hsp_samples *samples, const char *workload, const char *arm) {
    size_t color = 0;
    for (size_t i = 0; i < samples->series_count; i++) {
        if (!is_curve(samples->series[i], workload))
            continue;
        if (strcmp(samples->series[i]->arm, arm) == 0)
            break;
        color++;
    }
    return color;
}

static struct bars bars_of(const struct hsp_samples *samples, const char *workload) {
    struct bars bars = {.workload = workload};
    const struct hsp_bootstrap bootstrap = {.seed = 1};
    for (size_t i = 0; i < samples->layer_count && bars.count < 32; i++) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        if (strcmp(layer->workload, workload) != 0 || !layers_in_chain(samples, layer))
            continue;
        const struct hsp_series *upper =
            hsp_samples_find(samples, workload, layer->upper, METRIC, 0);
        const struct hsp_series *lower =
            hsp_samples_find(samples, workload, layer->lower, METRIC, 0);
        if (!upper || !lower ||
            hsp_estimate_difference(upper, lower, &bootstrap, &bars.estimates[bars.count]))
            continue;
        bars.colors[bars.count] = color_of(samples, workload, layer->upper);
        bars.layers[bars.count++] = layer;
    }
    return bars;
}

/* A step of 1, 2 or 5 times a power of ten that divides `range` into at most 8. */
static double step_of(double range) {
    double step = pow(10, floor(log10(range / 8)));
    static const double factors[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (range / (step * factors[i]) <= 8)
            return step * factors[i];
    return step * 10;
}

static void draw_axis(FILE *stream, double top, double bottom, double low, double high) {
    double step = step_of(high - low);
    for (double at = ceil(low / step) * step; at <= high + step / 1000; at += step) {
        double x = LEFT + (at - low) / (high - low) * (RIGHT - LEFT);
        char *text = xasprintf("%g", round(at / step) * step / 1000 + 0.0);
        svg_line(stream, x, top, x, bottom, fabs(at) < step / 1000 ? "axis" : "grid");
        svg_text(stream, x, bottom + 14, SVG_MIDDLE, "faint", text);
        free(text);
    }
    svg_text(stream, RIGHT + 30, bottom + 14, SVG_START, "faint", "us");
}

/* The highest layer on top, as calls go. Returns the y below the drawing. */
static double draw_bars(FILE *stream, const struct bars *bars, double top) {
    double low = 0;
    double high = 1;
    for (size_t i = 0; i < bars->count; i++) {
        low = fmin(low, bars->estimates[i].interval.low);
        high = fmax(high, bars->estimates[i].interval.high);
    }
    double scale = (RIGHT - LEFT) / (high - low);
    double bottom = top + (double)bars->count * BAR + 4;
    draw_axis(stream, top, bottom, low, high);
    for (size_t i = 0; i < bars->count; i++) {
        const struct hsp_named_layer *layer = bars->layers[bars->count - 1 - i];
        const struct hsp_estimate *estimate = &bars->estimates[bars->count - 1 - i];
        double y = top + (double)i * BAR + 4;
        double from = LEFT + (fmin(0, estimate->value) - low) * scale;
        char *title = xasprintf("%s (%s less %s): %.3f us, 95%% interval %.3f to %.3f", layer->name,
                                layer->upper, layer->lower, estimate->value / 1e3,
                                estimate->interval.low / 1e3, estimate->interval.high / 1e3);
        char *value = xasprintf("%.2f", estimate->value / 1e3);
        size_t color = bars->colors[bars->count - 1 - i];
        char class[] = {'s', (char)('0' + color % SVG_COLORS), 0};
        double whisker_low = LEFT + (estimate->interval.low - low) * scale;
        double whisker_high = LEFT + (estimate->interval.high - low) * scale;
        svg_text(stream, LEFT - 8, y + 12, SVG_END, "label", layer->name);
        svg_rectangle(stream, from, y, fabs(estimate->value) * scale, BAR - 6, class, title);
        svg_line(stream, whisker_low, y + 8, whisker_high, y + 8, "whisker");
        svg_line(stream, whisker_low, y + 4, whisker_low, y + 12, "whisker");
        svg_line(stream, whisker_high, y + 4, whisker_high, y + 12, "whisker");
        svg_text(stream, fmax(whisker_high, from + fabs(estimate->value) * scale) + 6, y + 12,
                 SVG_START, "label", value);
        free(title);
        free(value);
    }
    return bottom + 30;
}

/* Percentiles on a scale that gives each further nine the same room. */
static double nines(double percent) {
    return -log10(1 - percent / 100);
}

/* The y of the curves: logarithmic between `low` and `high`. */
struct curves {
    double top;
    double low;
    double high;
    double widest; /* nines(highest percentile) */
};

static double curve_x(const struct curves *curves, double percent) {
    return LEFT + nines(percent) / curves->widest * (RIGHT - LEFT);
}

static double curve_y(const struct curves *curves, double value) {
    double part = log(fmax(value, curves->low) / curves->low) / log(curves->high / curves->low);
    return curves->top + CURVE_HEIGHT * (1 - part);
}

static void draw_curve_axes(FILE *stream, const struct curves *curves) {
    static const double percents[] = {0, 50, 90, 99, 99.9, 99.99};
    double bottom = curves->top + CURVE_HEIGHT;
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        if (nines(percents[i]) > curves->widest)
            break;
        char *text = i ? xasprintf("p%g", percents[i]) : xstrdup("min");
        double x = curve_x(curves, percents[i]);
        svg_line(stream, x, curves->top, x, bottom, "grid");
        svg_text(stream, x, bottom + 14, SVG_MIDDLE, "faint", text);
        free(text);
    }
    for (double decade = pow(10, ceil(log10(curves->low))); decade <= curves->high; decade *= 10) {
        char *text = xasprintf("%g us", decade / 1000);
        double y = curve_y(curves, decade);
        svg_line(stream, LEFT, y, RIGHT, y, "grid");
        svg_text(stream, LEFT - 8, y + 4, SVG_END, "faint", text);
        free(text);
    }
    svg_line(stream, LEFT, bottom, RIGHT, bottom, "axis");
    svg_line(stream, LEFT, curves->top, LEFT, bottom, "axis");
}

/* One arm's curve, and its name in the column on the left. */
static void draw_curve(FILE *stream, const struct curves *curves, const struct hsp_series *series,
                       size_t color) {
    enum { STEPS = 60 };
    double points[2 * (STEPS + 1)];
    double *sorted = xcalloc(series->value_count, sizeof *sorted);
    memcpy(sorted, series->values, series->value_count * sizeof *sorted);
    qsort(sorted, series->value_count, sizeof *sorted, compare_doubles);
    for (int i = 0; i <= STEPS; i++) {
        double percent = 100 * (1 - pow(10, -curves->widest * i / STEPS));
        points[2 * i] = curve_x(curves, percent);
        points[2 * i + 1] =
            curve_y(curves, hsp_stats_percentile(sorted, series->value_count, percent));
    }
    free(sorted);
    svg_curve(stream, points, STEPS + 1, color, series->arm);
    double y = curves->top + 16 + 18 * (double)color;
    char class[] = {'s', (char)('0' + color % SVG_COLORS), 0};
    svg_rectangle(stream, 24, y - 9, 14, 10, class, NULL);
    svg_text(stream, 46, y, SVG_START, "label", series->arm);
}

static double draw_curves(FILE *stream, const struct hsp_samples *samples, const char *workload,
                          double top) {
    struct curves curves = {.top = top, .low = INFINITY, .high = 1};
    size_t most = 0;
    for (size_t pass = 0, color = 0; pass < 2; pass++) {
        for (size_t i = 0; i < samples->series_count; i++) {
            const struct hsp_series *series = samples->series[i];
            if (!is_curve(series, workload))
                continue;
            if (pass == 1) {
                draw_curve(stream, &curves, series, color++);
                continue;
            }
            most = series->value_count > most ? series->value_count : most;
            for (size_t j = 0; j < series->value_count; j++) {
                curves.low = fmin(curves.low, series->values[j]);
                curves.high = fmax(curves.high, series->values[j]);
            }
        }
        if (pass == 0) {
            curves.low = fmax(1, isfinite(curves.low) ? curves.low : 1);
            curves.high = fmax(curves.high, 10 * curves.low);
            curves.widest = fmax(1, log10((double)most)); /* not beyond the last sample */
            draw_curve_axes(stream, &curves);
        }
    }
    return top + CURVE_HEIGHT + 40;
}

/* One line: device, software or not, doorbell mode, processor, commit. */
static char *caption_of(const struct report *report) {
    char *caption = xstrdup("");
    static const char *const wanted[] = {"device", "software", "doorbell", "cpu", "commit"};
    const struct report_section *manifest = report->manifest;
    for (size_t i = 0; i < manifest->column_count; i++)
        for (size_t j = 0; j < sizeof wanted / sizeof *wanted; j++) {
            if (strcmp(manifest->columns[i].key, wanted[j]) != 0)
                continue;
            char *value = report_value_text(&manifest->values[i], manifest->columns[i].format);
            char *longer = xasprintf("%s%s%s %s", caption, *caption ? ", " : "", wanted[j], value);
            free(value);
            free(caption);
            caption = longer;
        }
    return caption;
}

/* The workloads that have layers, in their order; at most `capacity`. */
static size_t workloads_of(const struct hsp_samples *samples, const char **out, size_t capacity) {
    size_t count = 0;
    for (size_t i = 0; i < samples->layer_count; i++) {
        bool known = false;
        for (size_t j = 0; j < count; j++)
            known = known || strcmp(out[j], samples->layers[i].workload) == 0;
        if (!known && count < capacity)
            out[count++] = samples->layers[i].workload;
    }
    return count;
}

bool layers_svg_write(const struct hsp_samples *samples, const struct report *report,
                      FILE *stream) {
    const char *workloads[64];
    size_t count = workloads_of(samples, workloads, sizeof workloads / sizeof *workloads);
    double height = 60;
    for (size_t i = 0; i < count; i++)
        height +=
            30 + (double)bars_of(samples, workloads[i]).count * BAR + 34 + 24 + CURVE_HEIGHT + 40;
    char *caption = caption_of(report);
    errno = 0;
    svg_begin(stream, WIDTH, height, "What each layer adds to a launch", caption);
    double y = 30;
    for (size_t i = 0; i < count; i++) {
        struct bars bars = bars_of(samples, workloads[i]);
        if (bars.count) {
            char *title = xasprintf("%s: what each layer adds to a %s", workloads[i], METRIC);
            svg_text(stream, 24, y, SVG_START, "title", title);
            y = draw_bars(stream, &bars, y + 10) + 14;
            free(title);
        }
        svg_text(stream, 24, y, SVG_START, "label", METRIC " of each arm by percentile");
        y = draw_curves(stream, samples, workloads[i], y + 10) + 10;
    }
    svg_text(stream, 24, height - 14, SVG_START, "faint", caption);
    svg_end(stream);
    free(caption);
    return !ferror(stream);
}
