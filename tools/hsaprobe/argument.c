/* SPDX-License-Identifier: MIT */
#include "argument.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "value.h"

#define PRINT_DEFAULT 16
/* Far above any device's memory, far below an overflow. */
#define COUNT_MAX ((size_t)1 << 44)

char *argument_grammar(void) {
    static const struct {
        const char *form;
        const char *meaning;
    } rows[] = {
#define GRAMMAR(form, meaning) {form, meaning},
#include "argument.def"
#undef GRAMMAR
    };
    char *text = xasprintf("Arguments (--arg, once for each, in order or by name):\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *longer = xasprintf("%s  %-22s %s\n", text, rows[i].form, rows[i].meaning);
        free(text);
        text = longer;
    }
    char *all = xasprintf("%sTYPE is one of %s.", text, value_type_names());
    free(text);
    return all;
}

void argument_fini(struct argument *argument) {
    free(argument->text);
    free(argument->name);
    free(argument->bytes);
    free(argument->input_path);
    free(argument->output_path);
    *argument = (struct argument){0};
}

/* A whole number at the start of text; moves *text behind it. */
static bool take_number(const char **text, uint64_t *out_number) {
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)**text))
        return false;
    *out_number = strtoull(*text, &end, 0);
    *text = end;
    return errno == 0;
}

static char *parse_hex(const char *digits, struct argument *argument) {
    size_t length = strlen(digits);
    if (length == 0 || length % 2 || strspn(digits, "0123456789abcdefABCDEF") != length)
        return xstrdup("hex: takes an even number of hexadecimal digits");
    argument->byte_count = length / 2;
    argument->bytes = xcalloc(argument->byte_count, 1);
    for (size_t i = 0; i < argument->byte_count; i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1], 0};
        argument->bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return NULL;
}

static char *parse_pointer(const char *address, struct argument *argument) {
    uint64_t value;
    if (!take_number(&address, &value) || *address)
        return xstrdup("ptr: takes an address such as 0 or 0x7f0000000000");
    memcpy(argument->value, &value, sizeof value);
    argument->type = HSP_VALUE_POINTER;
    return NULL;
}

static char *parse_pattern(char *text, struct argument *argument) {
    const char *number = strchr(text, ':');
    if (number)
        number++;
    if (strcmp(text, "zero") == 0) {
        argument->pattern = PATTERN_ZERO;
    } else if (strcmp(text, "iota") == 0) {
        argument->pattern = PATTERN_IOTA;
    } else if (strncmp(text, "rand:", 5) == 0) {
        argument->pattern = PATTERN_RANDOM;
        if (!take_number(&number, &argument->seed) || *number)
            return xasprintf("rand: takes a seed, not '%s'", text + 5);
    } else if (strncmp(text, "const:", 6) == 0) {
        argument->pattern = PATTERN_CONST;
        const char *why = value_parse(argument->type, number, argument->value);
        if (why)
            return xasprintf("const: '%s' is %s", number, why);
    } else if (text[0] == '@' && text[1]) {
        argument->pattern = PATTERN_FILE;
        argument->input_path = xstrdup(text + 1);
    } else {
        return xasprintf("'%s' is none of zero, iota, rand:SEED, const:VALUE, @FILE", text);
    }
    return NULL;
}

static char *parse_output(const char *text, struct argument *argument) {
    if (strcmp(text, "print") == 0 || strncmp(text, "print:", 6) == 0) {
        uint64_t count = PRINT_DEFAULT;
        const char *number = text[5] ? text + 6 : NULL;
        if (number && (!take_number(&number, &count) || *number || count == 0))
            return xasprintf("print: takes a number of elements, not '%s'", text + 6);
        argument->prints = true;
        argument->print_count = count < argument->count ? count : argument->count;
        return NULL;
    }
    if (!*text || argument->output_path)
        return xstrdup(*text ? "only one file can be written" : "nothing behind '>'");
    argument->output_path = xstrdup(text);
    return NULL;
}

/* Behind the type: "[COUNT]", "=PATTERN", ">OUTPUT" any number of times. */
static char *parse_buffer(const char *text, struct argument *argument) {
    uint64_t count;
    const char *at = text + 1;
    if (!take_number(&at, &count) || *at != ']' || count == 0 || count > COUNT_MAX)
        return xstrdup("between [ and ] stands the number of elements, at least 1");
    argument->count = count;
    char *rest = xstrdup(at + 1);
    char *output = strchr(rest, '>');
    char *why = NULL;
    if (output)
        *output++ = 0;
    if (*rest == '=')
        why = parse_pattern(rest + 1, argument);
    else if (*rest)
        why = xasprintf("'%s' behind ] is neither =PATTERN nor >OUTPUT", rest);
    while (!why && output) {
        char *next = strchr(output, '>');
        if (next)
            *next++ = 0;
        why = parse_output(output, argument);
        output = next;
    }
    free(rest);
    return why;
}

static char *parse_spec(const char *text, struct argument *argument) {
    size_t word = strcspn(text, ":[");
    if (word == 3 && strncmp(text, "ptr:", 4) == 0) {
        argument->form = ARGUMENT_POINTER;
        return parse_pointer(text + 4, argument);
    }
    if (word == 3 && strncmp(text, "hex:", 4) == 0) {
        argument->form = ARGUMENT_HEX;
        argument->type = HSP_VALUE_BYTES;
        return parse_hex(text + 4, argument);
    }
    if (!value_type_find(text, word, &argument->type))
        return xasprintf("'%.*s' is no type; those are: %s ptr hex", (int)word, text,
                         value_type_names());
    if (text[word] == '[') {
        argument->form = ARGUMENT_BUFFER;
        return parse_buffer(text + word, argument);
    }
    if (text[word] != ':')
        return xasprintf("behind '%s' stands :VALUE or [COUNT]", text);
    argument->form = ARGUMENT_SCALAR;
    const char *why = value_parse(argument->type, text + word + 1, argument->value);
    return why ? xasprintf("'%s' is %s", text + word + 1, why) : NULL;
}

char *argument_parse(const char *text, struct argument *out_argument) {
    struct argument argument = {.text = xstrdup(text)};
    size_t name = 0;
    if (isalpha((unsigned char)text[0]) || text[0] == '_')
        while (isalnum((unsigned char)text[name]) || text[name] == '_')
            name++;
    if (name && text[name] == '=') {
        argument.name = strndup(text, name);
        text += name + 1;
    }
    char *why = parse_spec(text, &argument);
    if (why)
        argument_fini(&argument);
    else
        *out_argument = argument;
    return why;
}

size_t argument_buffer_bytes(const struct argument *argument) {
    if (argument->form != ARGUMENT_BUFFER)
        return 0;
    return argument->count * hsp_value_type_bytes(argument->type);
}

static char *fill_from_file(const struct argument *argument, void *memory) {
    size_t bytes = argument_buffer_bytes(argument);
    FILE *file = fopen(argument->input_path, "re");
    if (!file)
        return xasprintf("%s: %s", argument->input_path, strerror(errno));
    char *why = NULL;
    errno = 0;
    if (fread(memory, 1, bytes, file) != bytes)
        why = errno ? xasprintf("%s: %s", argument->input_path, strerror(errno))
                    : xasprintf("%s: shorter than the %zu bytes of '%s'", argument->input_path,
                                bytes, argument->text);
    else if (fgetc(file) != EOF)
        why = xasprintf("%s: longer than the %zu bytes of '%s'", argument->input_path, bytes,
                        argument->text);
    fclose(file);
    return why;
}

char *argument_fill(const struct argument *argument, void *memory) {
    switch (argument->pattern) {
    case PATTERN_ZERO:
        memset(memory, 0, argument_buffer_bytes(argument));
        break;
    case PATTERN_IOTA:
        value_fill_iota(argument->type, memory, argument->count);
        break;
    case PATTERN_RANDOM:
        value_fill_random(argument->type, argument->seed, memory, argument->count);
        break;
    case PATTERN_CONST:
        value_fill_const(argument->type, argument->value, memory, argument->count);
        break;
    case PATTERN_FILE:
        return fill_from_file(argument, memory);
    }
    return NULL;
}
