/* SPDX-License-Identifier: MIT */
/* From struct launch_input to a loaded kernel with bound arguments. */
#include "launch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static int set_geometry(const struct launch_input *input, struct launch *launch) {
    hsp_status status = HSP_OK;
    if (input->in_blocks) {
        status = hsp_geometry_from_blocks(input->grid, input->block, input->shared_bytes,
                                          &launch->geometry);
    } else {
        launch->geometry.dynamic_group_bytes = input->shared_bytes;
        memcpy(launch->geometry.grid, input->grid, sizeof input->grid);
        memcpy(launch->geometry.workgroup, input->block, sizeof input->block);
    }
    launch->geometry.dimension_count = 3; /* as HIP writes every packet */
    if (!status)
        status = hsp_geometry_check(&launch->geometry, launch->kernel, launch->agent);
    return status ? failure_of(status, "geometry") : EXIT_OK;
}

static int set_kernel(struct launch_input *input, struct launch *launch) {
    const char *isa = hsp_agent_isa_name(launch->agent, 0);
    int code =
        input->object ? EXIT_OK : launch_open(input->file, isa, &input->source, &input->object);
    if (code)
        return code;
    hsp_status status =
        hsp_code_object_find_kernel(input->object, isa, input->kernel_name, &launch->kernel);
    if (status)
        return failure_of(status, "code object");
    launch->image = hsp_code_object_image(input->object, launch->kernel->image_index);
    status = hsp_executable_create(input->object, launch->kernel->image_index, launch->agent,
                                   &launch->executable);
    if (!status)
        status = hsp_executable_kernel(launch->executable, launch->kernel, &launch->code);
    return status ? failure_of(status, "code object") : EXIT_OK;
}

static int allocate_buffer(struct launch *launch, const struct argument *argument) {
    const struct hsp_pool *pool = hsp_pool_find(launch->agent, HSP_POOL_COARSE_GRAINED);
    if (!pool)
        return failure(EXIT_FAILED, argument->text, "the device has no memory to allocate from");
    struct launch_buffer *buffer = &launch->buffers[launch->buffer_count];
    *buffer =
        (struct launch_buffer){.argument = argument, .bytes = argument_buffer_bytes(argument)};
    uint64_t largest = hsp_pool_info_get(pool)->alloc_max_bytes;
    if (buffer->bytes > largest)
        return failure(EXIT_FAILED, argument->text,
                       "%zu bytes are more than the %" PRIu64 " that the device can allocate",
                       buffer->bytes, largest);
    hsp_status status = hsp_memory_alloc(pool, buffer->bytes, NULL, 0, &buffer->device);
    if (status)
        return failure_of(status, argument->text);
    launch->buffer_count++;
    buffer->initial = malloc(buffer->bytes);
    if (!buffer->initial)
        return failure(EXIT_FAILED, argument->text, "no host memory for %zu bytes", buffer->bytes);
    char *why = argument_fill(argument, buffer->initial);
    if (!why)
        return EXIT_OK;
    int code = failure(EXIT_FAILED, "--arg", "%s", why);
    free(why);
    return code;
}

/* hidden_hostcall_buffer=u64:0: none that the kernel's author counts. */
static bool supplies_hidden(const struct argument *argument) {
    return argument->name && strncmp(argument->name, "hidden_", 7) == 0;
}

static hsp_status bind(struct launch *launch, const struct argument *argument, uint32_t position) {
    const void *value = argument->value;
    size_t bytes = hsp_value_type_bytes(argument->type);
    enum hsp_value_type type = argument->type;
    if (argument->form == ARGUMENT_BUFFER) {
        value = &launch->buffers[launch->buffer_count - 1].device;
        type = HSP_VALUE_POINTER;
        bytes = sizeof(void *);
    } else if (argument->form == ARGUMENT_HEX) {
        value = argument->bytes;
        bytes = argument->byte_count;
    }
    if (supplies_hidden(argument)) {
        uint64_t service = 0;
        memcpy(&service, value, bytes < sizeof service ? bytes : sizeof service);
        return hsp_arguments_set_hidden(launch->arguments, argument->name, service);
    }
    if (argument->name)
        return hsp_arguments_set_named(launch->arguments, argument->name, type, value, bytes);
    return hsp_arguments_set(launch->arguments, position, type, value, bytes);
}

static uint32_t named_position(const struct hsp_kernel *kernel, const char *name) {
    uint32_t position = 0;
    while (position < kernel->explicit_count && strcmp(kernel->arguments[position].name, name) != 0)
        position++;
    return position;
}

static size_t explicit_count(const struct launch_input *input) {
    size_t count = 0;
    for (size_t i = 0; i < input->argument_count; i++)
        count += !supplies_hidden(&input->arguments[i]);
    return count;
}

/* What the library refuses is said in the command's own words where that helps. */
static int check_arguments(const struct launch_input *input, const struct launch *launch) {
    const struct hsp_kernel *kernel = launch->kernel;
    const char *unserved = hsp_arguments_unserved(launch->arguments, 0);
    hsp_status status = hsp_arguments_check(launch->arguments);
    if (!status)
        return EXIT_OK;
    if (!unserved || explicit_count(input) < kernel->explicit_count)
        return failure_of(status, kernel->name);
    failure(EXIT_USAGE, kernel->name, "asks for %s, which must be supplied", unserved);
    char *words = xstrdup("");
    for (uint32_t i = 0; (unserved = hsp_arguments_unserved(launch->arguments, i)); i++) {
        char *longer = xasprintf("%s --arg %s=u64:0", words, unserved);
        free(words);
        words = longer;
    }
    hint("for a kernel that lists but never uses it, as at -O0:%s", words);
    free(words);
    return EXIT_USAGE;
}

static int set_arguments(const struct launch_input *input, struct launch *launch) {
    const struct hsp_kernel *kernel = launch->kernel;
    if (explicit_count(input) > kernel->explicit_count) {
        failure(EXIT_USAGE, kernel->name, "takes %u arguments, %zu were given",
                kernel->explicit_count, explicit_count(input));
        return EXIT_USAGE;
    }
    hsp_status status = hsp_arguments_create(kernel, &launch->arguments);
    if (status)
        return failure_of(status, kernel->name);
    launch->buffers = xcalloc(input->argument_count, sizeof *launch->buffers);
    uint32_t position = 0;
    for (size_t i = 0; i < input->argument_count; i++) {
        const struct argument *argument = &input->arguments[i];
        int code = EXIT_OK;
        if (argument->form == ARGUMENT_BUFFER) {
            code = allocate_buffer(launch, argument);
            if (code)
                return code;
            launch->buffers[launch->buffer_count - 1].position =
                argument->name ? named_position(kernel, argument->name) : position;
        }
        status = bind(launch, argument, position);
        if (status)
            return failure_of(status, argument->text);
        position += !argument->name;
    }
    return check_arguments(input, launch);
}

/* OpenCL's local pointers take LDS, which their sizes say. */
static int add_local_bytes(struct launch *launch) {
    uint32_t *bytes = &launch->geometry.dynamic_group_bytes;
    if (__builtin_add_overflow(*bytes, hsp_arguments_local_bytes(launch->arguments), bytes))
        *bytes = UINT32_MAX; /* which the check refuses */
    hsp_status status = hsp_geometry_check(&launch->geometry, launch->kernel, launch->agent);
    return status ? failure_of(status, "geometry") : EXIT_OK;
}

int launch_prepare(struct launch_input *input, const struct hsp_agent *agent,
                   struct launch *out_launch) {
    *out_launch = (struct launch){.agent = agent};
    int code = set_kernel(input, out_launch);
    if (!code)
        code = set_geometry(input, out_launch);
    if (!code)
        code = set_arguments(input, out_launch);
    if (!code)
        code = add_local_bytes(out_launch);
    return code;
}

void launch_fini(struct launch *launch) {
    for (size_t i = 0; i < launch->buffer_count; i++) {
        hsp_memory_free(launch->buffers[i].device);
        free(launch->buffers[i].initial);
    }
    free(launch->buffers);
    hsp_arguments_destroy(launch->arguments);
    hsp_executable_destroy(launch->executable);
    *launch = (struct launch){0};
}

int launch_reset(const struct launch *launch) {
    for (size_t i = 0; i < launch->buffer_count; i++) {
        const struct launch_buffer *buffer = &launch->buffers[i];
        hsp_status status = hsp_memory_copy(buffer->device, buffer->initial, buffer->bytes);
        if (status)
            return failure_of(status, buffer->argument->text);
    }
    return EXIT_OK;
}

int launch_read(const struct launch_buffer *buffer, void *out_bytes) {
    hsp_status status = hsp_memory_copy(out_bytes, buffer->device, buffer->bytes);
    return status ? failure_of(status, buffer->argument->text) : EXIT_OK;
}

static void field(struct report_section *section, const char *key, const char *title,
                  struct report_value value, enum report_format format) {
    report_field(section, &(struct report_column){key, title, SOURCE_NONE, format}, value);
}

static char *sizes_text(const uint32_t sizes[3]) {
    return xasprintf("%u,%u,%u", sizes[0], sizes[1], sizes[2]);
}

void launch_describe(const struct launch *launch, struct report *report) {
    struct report_section *section = report_fields(report, "kernel", NULL);
    char *grid = sizes_text(launch->geometry.grid);
    char *block = sizes_text(launch->geometry.workgroup);
    field(section, "name", "kernel", report_text(launch->kernel->demangled), FORMAT_PLAIN);
    field(section, "isa", "built for", report_text(launch->image->isa), FORMAT_PLAIN);
    field(section, "grid", "work-items", report_text(grid), FORMAT_PLAIN);
    field(section, "workgroup", "of those in a block", report_text(block), FORMAT_PLAIN);
    field(section, "kernarg_bytes", "kernel arguments", report_integer(launch->code.kernarg_bytes),
          FORMAT_BYTES);
    field(section, "group_bytes", "LDS of a block",
          report_integer(launch->code.group_bytes + launch->geometry.dynamic_group_bytes),
          FORMAT_BYTES);
    field(section, "private_bytes", "scratch of a work-item",
          report_integer(launch->code.private_bytes), FORMAT_BYTES);
    free(grid);
    free(block);
}
