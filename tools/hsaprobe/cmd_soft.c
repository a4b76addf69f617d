/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"
#include "program.h"
#include "soft_list.h"

/* As a shell reports them. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

enum {
    KEY_VRAM = 0x100,
    KEY_CUS,
    KEY_GPUS,
    KEY_DOORBELL,
    KEY_TRACE,
    KEY_WORKERS,
    KEY_ISA,
    KEY_LIST
};

struct soft_input {
    char **program; ///< argv of the program, ends with NULL
    bool list;      ///< no program: say what the software GPU executes
};

static const struct argp_option options[] = {
    {"vram", KEY_VRAM, "SIZE", 0,
     "memory of each GPU, with K, M, G or T (default: half of RAM, at most 64G)", 0},
    {"cus", KEY_CUS, "N", 0, "compute units of each GPU, 1 to 104 (default 104)", 0},
    {"gpus", KEY_GPUS, "N", 0, "GPUs, 1 to 8, on PCIe without bridges (default 1)", 0},
    {"doorbell", KEY_DOORBELL, "MODE", 0,
     "how doorbells are noticed: auto, trap, uffd or spin (default auto)", 0},
    {"workers", KEY_WORKERS, "N", 0,
     "threads of each GPU that run work-groups (default: one per processor)", 0},
    {"isa", KEY_ISA, "LEVEL", 0,
     "interpreter built for v2, v3 or v4 of x86-64 (default: the best here)", 0},
    {"trace", KEY_TRACE, "LIST", 0, "print a line per ioctl, packet or insn (comma-separated)", 0},
    {"list", KEY_LIST, NULL, 0,
     "run nothing: say which instructions of gfx90a are executed, with --format and -o", 0},
    {0},
};

static bool word_in(const char *word, size_t length, const char *const *list) {
    for (; *list; list++)
        if (strlen(*list) == length && strncmp(*list, word, length) == 0)
            return true;
    return false;
}

static void check_trace(const struct argp_state *state, const char *list) {
    static const char *const kinds[] = {"ioctl", "packet", "insn", NULL};
    for (const char *word = list;; word++) {
        size_t length = strcspn(word, ",");
        if (!word_in(word, length, kinds))
            usage_error(state, "--trace: '%.*s' is none of ioctl, packet, insn", (int)length, word);
        word += length;
        if (!*word)
            return;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    static const char *const modes[] = {"auto", "trap", "uffd", "spin", NULL};
    static const char *const levels[] = {"v2", "v3", "v4", NULL};
    struct soft_input *input = state->input;
    unsigned long long bytes;
    switch (key) {
    case KEY_VRAM:
        if (!parse_size(arg, &bytes) || bytes == 0)
            usage_error(state, "--vram: '%s' is not a size such as 512M or 16G", arg);
        setenv("HSAPROBE_SOFT_VRAM", arg, 1);
        return 0;
    case KEY_CUS:
        parse_count(state, "--cus", arg, 1, 104);
        setenv("HSAPROBE_SOFT_CUS", arg, 1);
        return 0;
    case KEY_GPUS:
        parse_count(state, "--gpus", arg, 1, 8);
        setenv("HSAPROBE_SOFT_GPUS", arg, 1);
        return 0;
    case KEY_WORKERS:
        parse_count(state, "--workers", arg, 1, 256);
        setenv("HSAPROBE_SOFT_WORKERS", arg, 1);
        return 0;
    case KEY_DOORBELL:
        if (!word_in(arg, strlen(arg), modes))
            usage_error(state, "--doorbell: '%s' is none of auto, trap, uffd, spin", arg);
        setenv("HSAPROBE_SOFT_DOORBELL", arg, 1);
        return 0;
    case KEY_ISA:
        if (!word_in(arg, strlen(arg), levels))
            usage_error(state, "--isa: '%s' is none of v2, v3, v4", arg);
        setenv("HSAPROBE_SOFT_ISA", arg, 1);
        return 0;
    case KEY_TRACE:
        check_trace(state, arg);
        setenv("HSAPROBE_SOFT_TRACE", arg, 1);
        return 0;
    case KEY_LIST:
        input->list = true;
        return 0;
    case ARGP_KEY_ARG:
        if (input->list)
            usage_error(state, "--list runs no program");
        input->program = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        if (input->list)
            return 0;
        usage_error(state, "no program to run");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct command_options cmd_soft_options = {
    .options = options,
    .parse = parse,
    .args_doc = "[--] PROGRAM [ARG...]\n--list",
    .details =
        "PROGRAM and everything that it starts see one gfx90a GPU, or N; each process has its "
        "own. One that is linked statically or setuid doesn't, and that is said. The exit code is "
        "the program's; 127 when there is no such program, 126 when it can't be executed, 77 "
        "when the software GPU isn't there.",
    .input_bytes = sizeof(struct soft_input),
    .stops_at_first_word = true,
};

int cmd_soft(struct command_context *context) {
    const struct soft_input *input = context->input;
    if (input->list) {
#ifdef HSP_HAVE_SOFTGPU
        return soft_list(context->report);
#else
        return failure(EXIT_NO_DEVICE, "soft", "built with -DHSAPROBE_SOFTGPU=OFF");
#endif
    }
    const char *name = input->program[0];
    char *library = device_softgpu_library();
    if (!library) {
        failure(EXIT_NO_DEVICE, "soft",
                "libhsaprobe-softgpu.so is not in ../lib beside this program");
        hint("this hsaprobe was built with -DHSAPROBE_SOFTGPU=OFF, or moved away from its library");
        return EXIT_NO_DEVICE;
    }
    if (!device_can_preload(library))
        return failure(EXIT_NO_DEVICE, "soft",
                       "'%s' can't be preloaded: LD_PRELOAD takes no path with a space or colon",
                       library);
    if (!device_is_software()) { /* nested calls keep the first preload */
        char *preload = device_preload_value(library, getenv("LD_PRELOAD"));
        setenv("LD_PRELOAD", preload, 1);
        free(preload);
    }
    free(library);
    const char *reason = program_without_preload(name);
    if (reason)
        failure(EXIT_OK, name, "%s: it doesn't see the software GPU", reason);
    execvp(name, input->program);
    int error = errno;
    return failure(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, name, "%s",
                   strerror(error));
}
