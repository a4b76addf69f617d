/* SPDX-License-Identifier: MIT */
#include "trace/packets.h"
#include "trace/table.h"
#include "trace/trace.h"

static const struct hook {
    const char *name;
    uint8_t details[2];
    trace_hook before, after;
} hooks[] = {
#define none                                        TRACE_NO_DETAIL
#define HOOK(name, detail0, detail1, before, after) {#name, {detail0, detail1}, before, after},
#include "trace/hooks.def"
#undef none
};

void trace_hooks_set(struct trace_function *function, const char *name) {
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        if (strcmp(hooks[i].name, name) != 0)
            continue;
        memcpy(function->details, hooks[i].details, sizeof function->details);
        function->before = hooks[i].before;
        function->after = hooks[i].after;
        return;
    }
}
