/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/code_object.h>
#include <hsaprobe/descriptor.h>
#include <hsaprobe/disassembly.h>

#include "command.h"
#include "launch.h"
#include "memory.h"

enum { KEY_DISASSEMBLE = 0x400, KEY_ISA };

struct inspect_input {
    const char *file;        ///< unowned
    const char *kernel_name; ///< unowned; NULL: the file alone
    const char *isa;         ///< unowned; NULL: every image
    bool disassembles;
    struct source_options source;
};

static const struct argp_option options[] = {
    {"disassemble", KEY_DISASSEMBLE, NULL, 0,
     "KERNEL's instructions too, with source lines where it was compiled with -g", 1},
    {"isa", KEY_ISA, "NAME", 0,
     "look for KERNEL only in what runs on this, such as gfx90a:xnack-; compile a source for it "
     "(default gfx90a)",
     1},
    SOURCE_OPTIONS,
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct inspect_input *input = state->input;
    switch (key) {
    case KEY_ISA:
        input->isa = arg;
        return 0;
    case KEY_DISASSEMBLE:
        input->disassembles = true;
        return 0;
    case ARGP_KEY_ARG:
        take_file_and_kernel(state, arg, &input->file, &input->kernel_name);
        return 0;
    case ARGP_KEY_END:
        if (!input->file)
            usage_error(state, "FILE is missing");
        if (input->disassembles && !input->kernel_name)
            usage_error(state, "--disassemble: KERNEL is missing");
        return 0;
    default:
        return source_parse(key, arg, &input->source);
    }
}

const struct command_options cmd_inspect_options = {
    .options = options,
    .parse = parse,
    .args_doc = "FILE [KERNEL]",
    .details = "FILE is a code object, an offload bundle, compressed or not, a HIP program or "
               "library, or a source to compile: .hip, .cl (OpenCL C) or .s. KERNEL is a name, a "
               "demangled name, or a prefix that fits one kernel only. Needs no GPU.",
    .input_bytes = sizeof(struct inspect_input),
};

static void field(struct report_section *section, const char *key, const char *title,
                  struct report_value value, enum report_format format) {
    report_field(section, &(struct report_column){key, title, SOURCE_NONE, format}, value);
}

static const char *container_name(enum hsp_container container) {
    static const char *const names[] = {
        [HSP_CONTAINER_ELF] = "code object",
        [HSP_CONTAINER_BUNDLE] = "offload bundle",
        [HSP_CONTAINER_FAT_BINARY] = "fat binary of a host program",
    };
    return names[container];
}

/* An image whose metadata can't be read is told by a note; the others are still shown. */
static void report_images(struct report *report, struct hsp_code_object *object) {
    static const struct report_column columns[] = {
        {"image", "image", SOURCE_NONE, FORMAT_PLAIN},
        {"isa", "instruction set", SOURCE_NONE, FORMAT_PLAIN},
        {"kind", "kind", SOURCE_NONE, FORMAT_PLAIN},
        {"version", "version", SOURCE_NONE, FORMAT_PLAIN},
        {"bundle", "bundle", SOURCE_NONE, FORMAT_PLAIN},
        {"offset", "offset", SOURCE_NONE, FORMAT_HEX},
        {"size_bytes", "size", SOURCE_NONE, FORMAT_BYTES},
        {"packed", "packed", SOURCE_NONE, FORMAT_PLAIN},
        {"kernels", "kernels", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "images", "images", columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < hsp_code_object_image_count(object); i++) {
        const struct hsp_image *image = hsp_code_object_image(object, i);
        size_t count = 0;
        hsp_status status = hsp_code_object_kernel_count(object, i, &count);
        if (status)
            report_note(report, "image %zu: %s", i, hsp_last_error());
        report_row(table, report_integer(i), report_text(image->isa), report_text(image->kind),
                   report_integer(image->version), report_integer(image->bundle_index),
                   report_integer(image->offset), report_integer(image->size),
                   report_boolean(image->is_packed),
                   status ? report_nothing() : report_integer(count));
    }
}

static void report_kernels(struct report *report, struct hsp_code_object *object) {
    static const struct report_column columns[] = {
        {"image", "image", SOURCE_NONE, FORMAT_PLAIN},
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arguments", "arguments", SOURCE_NONE, FORMAT_PLAIN},
        {"kernarg_bytes", "kernarg", SOURCE_NONE, FORMAT_BYTES},
        {"group_bytes", "LDS", SOURCE_NONE, FORMAT_BYTES},
        {"private_bytes", "scratch", SOURCE_NONE, FORMAT_BYTES},
        {"sgprs", "SGPRs", SOURCE_NONE, FORMAT_PLAIN},
        {"vgprs", "VGPRs", SOURCE_NONE, FORMAT_PLAIN},
        {"agprs", "AGPRs", SOURCE_NONE, FORMAT_PLAIN},
        {"workgroup_max_size", "largest group", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "kernels", "kernels", columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < hsp_code_object_image_count(object); i++) {
        const struct hsp_kernel *kernel;
        for (size_t k = 0; (kernel = hsp_code_object_kernel(object, i, k)); k++)
            report_row(table, report_integer(i), report_text(kernel->demangled),
                       report_integer(kernel->explicit_count),
                       report_integer(kernel->kernarg_bytes), report_integer(kernel->group_bytes),
                       report_integer(kernel->private_bytes), report_integer(kernel->sgpr_count),
                       report_integer(kernel->vgpr_count), report_integer(kernel->agpr_count),
                       report_integer(kernel->workgroup_max_size));
    }
}

static void report_kernel(struct report *report, const struct hsp_kernel *kernel) {
    struct report_section *section = report_fields(report, "kernel", "kernel");
    const uint32_t *required = kernel->workgroup_required;
    field(section, "name", "name", report_text(kernel->name), FORMAT_PLAIN);
    field(section, "demangled", "demangled", report_text(kernel->demangled), FORMAT_PLAIN);
    field(section, "symbol", "descriptor's symbol", report_text(kernel->symbol), FORMAT_PLAIN);
    field(section, "language", "language", report_text(kernel->language), FORMAT_PLAIN);
    field(section, "image", "image", report_integer(kernel->image_index), FORMAT_PLAIN);
    field(section, "wavefront_size", "wavefront", report_integer(kernel->wavefront_size),
          FORMAT_PLAIN);
    field(section, "sgpr_spills", "SGPRs spilled", report_integer(kernel->sgpr_spill_count),
          FORMAT_PLAIN);
    field(section, "vgpr_spills", "VGPRs spilled", report_integer(kernel->vgpr_spill_count),
          FORMAT_PLAIN);
    field(section, "kernarg_align", "kernarg alignment", report_integer(kernel->kernarg_align),
          FORMAT_BYTES);
    field(section, "dynamic_stack", "stack grows while running",
          report_boolean(kernel->uses_dynamic_stack), FORMAT_PLAIN);
    field(section, "whole_groups_only", "whole work-groups only",
          report_boolean(kernel->whole_groups_only), FORMAT_PLAIN);
    if (required[0]) {
        char *text = xasprintf("%u,%u,%u", required[0], required[1], required[2]);
        field(section, "workgroup_required", "work-group must be", report_text(text), FORMAT_PLAIN);
        free(text);
    }
}

static void report_arguments(struct report *report, const struct hsp_kernel *kernel) {
    static const struct report_column columns[] = {
        {"position", "position", SOURCE_NONE, FORMAT_PLAIN},
        {"name", "name", SOURCE_NONE, FORMAT_PLAIN},
        {"type", "type", SOURCE_NONE, FORMAT_PLAIN},
        {"kind", "kind", SOURCE_NONE, FORMAT_PLAIN},
        {"offset_bytes", "offset", SOURCE_NONE, FORMAT_PLAIN},
        {"size_bytes", "size", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "arguments", "arguments (hidden ones are filled by hsaprobe)", columns,
                     sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        report_row(table, i < kernel->explicit_count ? report_integer(i) : report_nothing(),
                   *argument->name ? report_text(argument->name) : report_nothing(),
                   *argument->type_name ? report_text(argument->type_name) : report_nothing(),
                   report_text(argument->value_kind), report_integer(argument->offset_bytes),
                   report_integer(argument->size_bytes));
    }
}

static void report_descriptor(struct report *report, const struct hsp_descriptor *descriptor) {
    static const struct report_column columns[] = {
        {"word", "word", SOURCE_NONE, FORMAT_PLAIN},
        {"field", "field", SOURCE_NONE, FORMAT_PLAIN},
        {"bit", "bit", SOURCE_NONE, FORMAT_PLAIN},
        {"bit_count", "bits", SOURCE_NONE, FORMAT_PLAIN},
        {"value", "value", SOURCE_NONE, FORMAT_HEX},
        {"meaning", "meaning", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table = report_table(report, "descriptor", "kernel descriptor", columns,
                                                sizeof columns / sizeof *columns);
    struct hsp_descriptor_field row;
    for (size_t i = 0; hsp_descriptor_field_get(descriptor, i, &row); i++)
        report_row(table, report_text(row.word), report_text(row.name), report_integer(row.bit),
                   report_integer(row.bit_count), report_integer(row.value),
                   report_text(row.meaning));
    if (!hsp_descriptor_reserved_is_zero(descriptor))
        report_note(report, "the kernel descriptor has reserved bits set");
}

static char *words_text(const struct hsp_instruction *instruction) {
    char *text = xstrdup("");
    for (uint32_t at = 0; at + 4 <= instruction->byte_count; at += 4) {
        uint32_t word;
        memcpy(&word, (const char *)instruction->bytes + at, sizeof word);
        char *longer = xasprintf("%s%s%08x", text, *text ? " " : "", word);
        free(text);
        text = longer;
    }
    return text;
}

/* A label stands as "L1"; the last word of a branch is replaced by the one that it goes to. */
static char *instruction_text(const struct hsp_instruction *instruction) {
    const char *last = strrchr(instruction->text, ' ');
    if (!instruction->target || !last)
        return xstrdup(instruction->text);
    return xasprintf("%.*s L%u", (int)(last - instruction->text), instruction->text,
                     instruction->target);
}

static void report_instruction(struct report_section *table,
                               const struct hsp_instruction *instruction, bool shows_source) {
    char *label = instruction->label ? xasprintf("L%u", instruction->label) : NULL;
    char *words = words_text(instruction);
    char *text = instruction_text(instruction);
    char *source = shows_source ? xasprintf("%s:%u", instruction->file, instruction->line) : NULL;
    report_row(table, report_integer(instruction->offset),
               label ? report_text(label) : report_text(""), report_text(text), report_text(words),
               source ? report_text(source) : report_text(""));
    free(label);
    free(words);
    free(text);
    free(source);
}

static int report_code(struct report *report, struct hsp_code_object *object,
                       const struct hsp_kernel *kernel) {
    static const struct report_column columns[] = {
        {"offset", "offset", SOURCE_NONE, FORMAT_HEX},
        {"label", "label", SOURCE_NONE, FORMAT_PLAIN},
        {"instruction", "instruction", SOURCE_NONE, FORMAT_PLAIN},
        {"words", "words", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct hsp_disassembly *disassembly = NULL;
    hsp_status status = hsp_disassembly_create(object, kernel, &disassembly);
    if (status)
        return failure_of(status, "disassembly");
    struct report_section *table =
        report_table(report, "code", "code", columns, sizeof columns / sizeof *columns);
    const struct hsp_instruction *instruction, *before = NULL;
    for (size_t i = 0; (instruction = hsp_disassembly_at(disassembly, i)); i++) {
        /* A line is said once, where it begins. */
        bool is_new = !before || before->line != instruction->line ||
                      strcmp(before->file, instruction->file) != 0;
        report_instruction(table, instruction, instruction->line && is_new);
        before = instruction;
    }
    hsp_disassembly_destroy(disassembly);
    return EXIT_OK;
}

static int inspect_kernel(struct report *report, struct hsp_code_object *object,
                          const struct inspect_input *input) {
    const struct hsp_kernel *kernel;
    hsp_status status =
        hsp_code_object_find_kernel(object, input->isa, input->kernel_name, &kernel);
    if (status)
        return failure_of(status, "code object");
    report_kernel(report, kernel);
    report_arguments(report, kernel);
    struct hsp_descriptor descriptor;
    status = hsp_descriptor_read(object, kernel, &descriptor);
    if (status)
        return failure_of(status, "kernel descriptor");
    report_descriptor(report, &descriptor);
    return input->disassembles ? report_code(report, object, kernel) : EXIT_OK;
}

int cmd_inspect(struct command_context *context) {
    struct inspect_input *input = context->input;
    struct hsp_code_object *object = NULL;
    int code =
        launch_open(input->file, input->isa ? input->isa : "gfx90a", &input->source, &object);
    source_options_fini(&input->source);
    if (code)
        return code;
    struct report_section *section = report_fields(context->report, "file", NULL);
    field(section, "name", "file", report_text(input->file), FORMAT_PLAIN);
    field(section, "container", "form",
          report_text(container_name(hsp_code_object_container(object))), FORMAT_PLAIN);
    report_images(context->report, object);
    if (input->kernel_name)
        code = inspect_kernel(context->report, object, input);
    else
        report_kernels(context->report, object);
    hsp_code_object_close(object);
    return code;
}
