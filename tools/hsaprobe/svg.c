/* SPDX-License-Identifier: MIT */
#include "svg.h"

#include <stdbool.h>
#include <string.h>

/* Colours after Okabe and Ito, told apart by colour-blind readers too; lighter on dark ground.
 * Each is said twice: programs that don't know variables (librsvg, Inkscape) take the first. */
static const char style[] =
    "<style>\n"
    ":root{--ground:#ffffff;--ink:#1f2328;--faint:#59636e;--grid:#d1d9e0;"
    "--c0:#0072b2;--c1:#d55e00;--c2:#00795a;--c3:#b5559a;--c4:#9a6700;--c5:#57606a}\n"
    "@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--faint:#9198a1;"
    "--grid:#3d444d;--c0:#56b4e9;--c1:#ff9d57;--c2:#3fd0a4;--c3:#e79fcf;--c4:#e6c229;"
    "--c5:#9aa4ae}}\n"
    "text{font:12px system-ui,sans-serif;fill:#1f2328;fill:var(--ink)}\n"
    ".title{font-size:15px;font-weight:600}\n"
    ".faint{fill:#59636e;fill:var(--faint);font-size:11px}\n"
    ".ground{fill:#ffffff;fill:var(--ground)}\n"
    ".axis{stroke:#1f2328;stroke:var(--ink)}\n"
    ".grid{stroke:#d1d9e0;stroke:var(--grid)}\n"
    ".whisker{stroke:#1f2328;stroke:var(--ink);stroke-width:1.5}\n"
    "path{fill:none;stroke-width:2}\n"
    ".s0{fill:#0072b2;fill:var(--c0)}\n"
    ".s1{fill:#d55e00;fill:var(--c1)}\n"
    ".s2{fill:#00795a;fill:var(--c2)}\n"
    ".s3{fill:#b5559a;fill:var(--c3)}\n"
    ".s4{fill:#9a6700;fill:var(--c4)}\n"
    ".s5{fill:#57606a;fill:var(--c5)}\n"
    ".l0{stroke:#0072b2;stroke:var(--c0)}\n"
    ".l1{stroke:#d55e00;stroke:var(--c1)}\n"
    ".l2{stroke:#00795a;stroke:var(--c2)}\n"
    ".l3{stroke:#b5559a;stroke:var(--c3)}\n"
    ".l4{stroke:#9a6700;stroke:var(--c4)}\n"
    ".l5{stroke:#57606a;stroke:var(--c5)}\n"
    "</style>\n";

/* Bytes of the UTF-8 sequence at `text`, 0 where it is none that XML can have. */
static size_t sequence(const char *text) {
    unsigned char lead = (unsigned char)text[0];
    size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (lead > 0xf4 || (lead < 0x20 && !strchr("\t\n\r", lead)))
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
    unsigned char next = length > 1 ? (unsigned char)text[1] : 0;
    bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
    bool beyond = (lead == 0xed && next >= 0xa0) || (lead == 0xf4 && next >= 0x90);
    bool noncharacter = lead == 0xef && next == 0xbf && (unsigned char)text[2] >= 0xbe;
    return overlong || beyond || noncharacter ? 0 : length;
}

static void escape(FILE *stream, const char *text) {
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    while (*text) {
        size_t length = sequence(text);
        const char *entity = length ? NULL : "?";
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (*text == entities[i].character)
                entity = entities[i].entity;
        if (entity)
            fputs(entity, stream);
        else
            fwrite(text, 1, length, stream);
        text += length ? length : 1;
    }
}

static void element(FILE *stream, const char *name, const char *text) {
    fprintf(stream, "<%s>", name);
    escape(stream, text);
    fprintf(stream, "</%s>", name);
}

void svg_begin(FILE *stream, double width, double height, const char *title,
               const char *description) {
    fprintf(stream,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
            "height=\"%.0f\" role=\"img\">\n",
            width, height, width, height);
    element(stream, "title", title);
    element(stream, "desc", description);
    fputc('\n', stream);
    fputs(style, stream);
    svg_rectangle(stream, 0, 0, width, height, "ground", NULL);
}

void svg_end(FILE *stream) {
    fputs("</svg>\n", stream);
}

void svg_text(FILE *stream, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text) {
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(stream, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y,
            anchors[anchor], class);
    escape(stream, text);
    fputs("</text>\n", stream);
}

void svg_rectangle(FILE *stream, double x, double y, double width, double height, const char *class,
                   const char *title) {
    fprintf(stream, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"", x, y,
            width, height, class);
    if (!title) {
        fputs("/>\n", stream);
        return;
    }
    fputc('>', stream);
    element(stream, "title", title);
    fputs("</rect>\n", stream);
}

void svg_line(FILE *stream, double x1, double y1, double x2, double y2, const char *class) {
    fprintf(stream, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1,
            y1, x2, y2, class);
}

void svg_curve(FILE *stream, const double *points, size_t count, size_t color, const char *title) {
    fprintf(stream, "<path class=\"l%zu\" d=\"", color % SVG_COLORS);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%s%.1f %.1f", i ? "L" : "M", points[2 * i], points[2 * i + 1]);
    fputs("\">", stream);
    element(stream, "title", title);
    fputs("</path>\n", stream);
}
