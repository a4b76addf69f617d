/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "command.h"

const struct command_options cmd_completion_options = {
    .details = "Use it with: source <(hsaprobe completion)",
};

static void print_options(const struct argp_option *options) {
    for (; options && (options->name || options->key || options->doc); options++)
        if (options->name && !(options->flags & (OPTION_HIDDEN | OPTION_DOC)))
            printf(" --%s", options->name);
}

int cmd_completion(struct command_context *context) {
    (void)context;
    size_t count;
    const struct command *table = commands(&count);
    puts("_hsaprobe() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} options\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("        options=\"help");
    for (size_t i = 0; i < count; i++)
        printf(" %s", table[i].name);
    puts(" --help --version\"\n    else\n        case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < count; i++) {
        printf("        %s) options=\"", table[i].name);
        print_options(table[i].options->options);
        print_options(command_common_options(&table[i]));
        puts(" \" ;;");
    }
    puts("        esac\n"
         "    fi\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _hsaprobe hsaprobe");
    return EXIT_OK;
}
