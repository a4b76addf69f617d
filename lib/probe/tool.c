/* SPDX-License-Identifier: MIT */
#include "probe/tool.h"

#include <hsaprobe/base.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOLS_VARIABLE            "HSA_TOOLS_LIB"
#define DISABLE_REGISTER_VARIABLE "HSA_TOOLS_DISABLE_REGISTER"

static _Atomic(const struct hsp_api_table *) tool_table;

/// Order among tools; the lower, the earlier. Any will do: the library only looks.
HSP_API extern const uint32_t HSA_AMD_TOOL_PRIORITY;
const uint32_t HSA_AMD_TOOL_PRIORITY = 50;

/// The runtime's entry points of a tool.
HSP_API bool OnLoad(const struct hsp_api_table *table, uint64_t runtime_version,
                    uint64_t failed_count, const char *const *failed);
HSP_API void OnUnload(void);

bool OnLoad(const struct hsp_api_table *table, uint64_t runtime_version, uint64_t failed_count,
            const char *const *failed) {
    (void)runtime_version;
    (void)failed_count;
    (void)failed;
    atomic_store(&tool_table, table);
    return true;
}

void OnUnload(void) {
    atomic_store(&tool_table, NULL);
}

const struct hsp_api_table *hsp_tool_table(void) {
    return atomic_load(&tool_table);
}

static bool copy_variable(const char *name, char **out_copy) {
    const char *value = getenv(name);
    *out_copy = value ? strdup(value) : NULL;
    return !value || *out_copy;
}

// The runtime splits the list at spaces outside quotation marks; those of the user come first.
static char *list_with_own_path(const char *tools) {
    Dl_info self;
    if (!dladdr((void *)OnLoad, &self) || !self.dli_fname || strpbrk(self.dli_fname, "\"\\"))
        return NULL;
    char *list = NULL;
    const bool has_others = tools && tools[0];
    if (asprintf(&list, "%s%s\"%s\"", has_others ? tools : "", has_others ? " " : "",
                 self.dli_fname) < 0)
        return NULL;
    return list;
}

bool hsp_tool_enter(struct hsp_tool_environment *saved) {
    *saved = (struct hsp_tool_environment){0};
    char *list = NULL;
    if (copy_variable(TOOLS_VARIABLE, &saved->tools) &&
        copy_variable(DISABLE_REGISTER_VARIABLE, &saved->disable_register))
        list = list_with_own_path(saved->tools);
    saved->is_entered = list && setenv(TOOLS_VARIABLE, list, 1) == 0;
    free(list);
    if (saved->is_entered && setenv(DISABLE_REGISTER_VARIABLE, "1", 1) == 0)
        return true;
    hsp_tool_leave(saved);
    return false;
}

static void restore(const char *name, char *value) {
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

void hsp_tool_leave(struct hsp_tool_environment *saved) {
    if (saved->is_entered) {
        restore(TOOLS_VARIABLE, saved->tools);
        restore(DISABLE_REGISTER_VARIABLE, saved->disable_register);
    }
    free(saved->tools);
    free(saved->disable_register);
    *saved = (struct hsp_tool_environment){0};
}
