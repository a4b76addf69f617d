/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "command.h"
#include "layers_svg.h"
#include "samples_file.h"

static bool write_text(const struct command_context *context, FILE *stream) {
    return report_write_text(context->report, stream);
}

static bool write_json(const struct command_context *context, FILE *stream) {
    return report_write_json(context->report, stream);
}

static bool write_csv(const struct command_context *context, FILE *stream) {
    return report_write_csv(context->report, stream);
}

static bool write_jsonl(const struct command_context *context, FILE *stream) {
    return samples_write(context->samples, context->report, stream);
}

static bool write_svg(const struct command_context *context, FILE *stream) {
    return layers_svg_write(context->samples, context->report, stream);
}

static const struct {
    struct output_format format;
    enum command_formats first; /* of the sets of formats that has it */
} table[] = {
    {{"text", write_text}, FORMATS_NONE},  {{"json", write_json}, FORMATS_TEXT_JSON},
    {{"csv", write_csv}, FORMATS_TABLE},   {{"jsonl", write_jsonl}, FORMATS_SAMPLES},
    {{"svg", write_svg}, FORMATS_SAMPLES},
};

const struct output_format *format_find(enum command_formats formats, const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (formats >= table[i].first && strcmp(table[i].format.name, name) == 0)
            return &table[i].format;
    return NULL;
}

const char *format_names(enum command_formats formats) {
    static const char *const names[] = {
        [FORMATS_NONE] = "text",
        [FORMATS_TEXT_JSON] = "text|json",
        [FORMATS_TABLE] = "text|json|csv",
        [FORMATS_SAMPLES] = "text|json|jsonl|csv|svg",
    };
    return names[formats];
}
