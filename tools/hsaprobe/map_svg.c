/* SPDX-License-Identifier: MIT */
/* The stack diagram: a row for each operation, an arrow for each step down the stack. */
#include <string.h>

#include "failure.h"
#include "map_command.h"
#include "output.h"
#include "svg.h"

#define NAME_WIDTH 250.0
#define BOX_WIDTH  70.0
#define GAP        80.0
#define ROW        20.0
#define HEAD       90.0
#define MARGIN     16.0

static const char *const boxes[] = {"program", "HIP", "ROCr", "thunk", "OS", "device"};
enum { BOX_COUNT = sizeof boxes / sizeof *boxes };

static double box_x(size_t box) {
    return NAME_WIDTH + (double)box * (BOX_WIDTH + GAP);
}

/* From one box to the next, or past those that the operation doesn't go through. */
static void draw_arrow(FILE *stream, size_t from, size_t to, double y, uint32_t count) {
    char text[16];
    double begin = box_x(from) + BOX_WIDTH, end = box_x(to);
    const char *class = count ? "axis" : "grid";
    svg_line(stream, begin, y, end, y, class);
    svg_line(stream, end, y, end - 5, y - 3, class);
    svg_line(stream, end, y, end - 5, y + 3, class);
    snprintf(text, sizeof text, "%u", count);
    svg_text(stream, end - GAP / 2, y - 3, SVG_MIDDLE, count ? "label" : "faint", text);
}

static void draw_row(FILE *stream, const char *name, const struct map_flow *flow, double y) {
    svg_text(stream, MARGIN, y + 4, SVG_START, "label", name);
    if (flow->hip)
        draw_arrow(stream, 0, 1, y, flow->hip);
    draw_arrow(stream, flow->hip ? 1 : 0, 2, y, flow->hsa);
    draw_arrow(stream, 2, 3, y, flow->thunk);
    draw_arrow(stream, 3, 4, y, flow->memory + flow->rest + flow->driver);
    draw_arrow(stream, 4, 5, y, flow->driver);
}

static void draw_boxes(FILE *stream, double height) {
    for (size_t i = 0; i < BOX_COUNT; i++) {
        char color[4];
        snprintf(color, sizeof color, "s%zu", i % SVG_COLORS);
        svg_rectangle(stream, box_x(i), HEAD - 26, BOX_WIDTH, 4, color, boxes[i]);
        svg_text(stream, box_x(i) + BOX_WIDTH / 2, HEAD - 30, SVG_MIDDLE, "label", boxes[i]);
        svg_line(stream, box_x(i), HEAD - 22, box_x(i), height - MARGIN, "grid");
        svg_line(stream, box_x(i) + BOX_WIDTH, HEAD - 22, box_x(i) + BOX_WIDTH, height - MARGIN,
                 "grid");
    }
}

static void draw(FILE *stream, const struct hsp_map_counts *counts, bool software) {
    size_t op_count, rows = 0;
    const struct hsp_map_op *ops = hsp_map_ops(&op_count);
    for (size_t op = 0; op < op_count; op++)
        rows += counts->run_counts[op] > 0;
    double height = HEAD + (double)rows * ROW + MARGIN;
    svg_begin(stream, box_x(BOX_COUNT - 1) + BOX_WIDTH + MARGIN, height,
              "What each operation asks of the layers below it",
              "Calls per operation in steady state, from the program through HIP, ROCr and the "
              "thunk to the operating system and the device's driver");
    svg_text(stream, MARGIN, 24, SVG_START, "title",
             "Calls per operation, steady state: what each layer asks of the next");
    svg_text(stream, MARGIN, 42, SVG_START, "faint",
             software ? "OS: ioctls and calls that change mappings or open files; device: ioctls "
                        "answered by the software GPU"
                      : "OS: ioctls and calls that change mappings or open files; device: ioctls "
                        "of the driver");
    draw_boxes(stream, height);
    double y = HEAD;
    for (size_t op = 0; op < op_count; op++) {
        if (!counts->run_counts[op])
            continue;
        struct map_flow flow = map_flow_of(counts, (uint32_t)op, counts->run_counts[op] > 1);
        draw_row(stream, ops[op].name, &flow, y);
        y += ROW;
    }
    svg_end(stream);
}

int map_svg_write(const char *path, const struct hsp_map_counts *counts, bool software) {
    struct output output;
    int error = output_open(path, &output);
    if (!error) {
        draw(output.stream, counts, software);
        error = output_commit(&output);
    }
    return error ? failure(EXIT_FAILED, path, "%s", strerror(-error)) : EXIT_OK;
}
