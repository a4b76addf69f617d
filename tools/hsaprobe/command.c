/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <string.h>

#define COMMAND(name, needs, formats, summary)                                                     \
    int cmd_##name(struct command_context *context);                                               \
    extern const struct command_options cmd_##name##_options;
#include "cmd.def"
#undef COMMAND

static const struct command table[] = {
#define COMMAND(name, needs, formats, summary)                                                     \
    {#name, summary, cmd_##name, needs, formats, &cmd_##name##_options},
#include "cmd.def"
#undef COMMAND
};

const struct command *commands(size_t *out_count) {
    *out_count = sizeof table / sizeof *table;
    return table;
}

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
