/* SPDX-License-Identifier: MIT */
/// Elements of an SVG picture that reads on light and on dark ground: colours are classes, whose
/// values follow the reader's colour scheme.
///
/// Coordinates are pixels, down and to the right. All text is escaped; what XML can't have becomes
/// '?'. Write errors stay in the stream.
#ifndef TOOL_SVG_H
#define TOOL_SVG_H

#include <stddef.h>
#include <stdio.h>

/// As many colours of series as there are ("s0", "s1", ...); they repeat.
#define SVG_COLORS 6

/// Opens the picture: size, style, title and description (for readers that don't see it).
void svg_begin(FILE *stream, double width, double height, const char *title,
               const char *description);
void svg_end(FILE *stream);

/// Where text stands relative to its point.
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
/// Text with its base line at y. Classes: "title", "label", "faint".
void svg_text(FILE *stream, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text);
/// A filled rectangle; its tooltip is `title` (may be NULL).
void svg_rectangle(FILE *stream, double x, double y, double width, double height, const char *class,
                   const char *title);
/// A line. Classes: "axis", "grid", "whisker".
void svg_line(FILE *stream, double x1, double y1, double x2, double y2, const char *class);
/// A line through points (x, y, x, y, ...) in the colour of series `color`.
void svg_curve(FILE *stream, const double *points, size_t count, size_t color, const char *title);

#endif
