/* SPDX-License-Identifier: MIT */
// The input is the word of an --arg.
#include "argument.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = calloc(size + 1, 1);
    if (size)
        memcpy(text, data, size);
    struct argument argument;
    char *error = argument_parse(text, &argument);
    if (!error) {
        const size_t bytes = argument_buffer_bytes(&argument);
        if (argument.form == ARGUMENT_BUFFER && argument.pattern != PATTERN_FILE &&
            bytes <= 1 << 16) {
            void *memory = malloc(bytes ? bytes : 1);
            free(argument_fill(&argument, memory));
            free(memory);
        }
        argument_fini(&argument);
    } else if (error[0] == '\0') {
        abort();
    }
    free(error);
    free(text);
    return 0;
}
