/* SPDX-License-Identifier: MIT */
/* Checks of libraries, preloads and the environment. */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "doctor.h"
#include "memory.h"

extern char **environ;

/* File behind a library that the loader finds, with links resolved so that its name shows the
 * version; NULL with the loader's words in *out_error. */
static char *library_file(const char *name, const char **out_error) {
    void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (!handle) {
        *out_error = dlerror();
        return NULL;
    }
    struct link_map *map = NULL;
    char *file = NULL;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
        file = realpath(map->l_name, NULL);
    /* not closed: ROCm's libraries don't all survive being unloaded */
    return file ? file : xstrdup(name);
}

/* The loader repeats the name in its message; the reason follows the first colon. */
static const char *reason(const char *error) {
    const char *colon = error ? strchr(error, ':') : NULL;
    return colon ? colon + 2 : "not found";
}

static void check_library(struct finding *finding, const char *name, enum finding_level missing,
                          const char *fix) {
    const char *error = NULL;
    char *file = library_file(name, &error);
    if (file) {
        finding_set(finding, FINDING_OK, "%s", file);
    } else {
        finding_set(finding, missing, "%s: %s", name, reason(error));
        finding_fix(finding, "%s", fix);
    }
    free(file);
}

void doctor_hsa(struct finding *finding) {
    check_library(finding, "libhsa-runtime64.so.1", FINDING_FAIL,
                  "install the HSA runtime (Debian: apt install libhsa-runtime64-1)");
}

void doctor_thunk(struct finding *finding) {
    const char *error = NULL;
    char *file = library_file("libhsakmt.so.1", &error);
    if (file)
        finding_set(finding, FINDING_OK, "%s", file);
    else
        finding_set(finding, FINDING_NOTE,
                    "no libhsakmt.so.1: this HSA runtime has the thunk inside");
    free(file);
}

void doctor_hip(struct finding *finding) {
    static const char *const names[] = {"libamdhip64.so.5", "libamdhip64.so.6", "libamdhip64.so.7",
                                        "libamdhip64.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *error = NULL;
        char *file = library_file(names[i], &error);
        if (file) {
            finding_set(finding, FINDING_OK, "%s", file);
            free(file);
            return;
        }
    }
    finding_set(finding, FINDING_WARN, "libamdhip64 not found: layers has no HIP arms");
    finding_fix(finding, "install HIP (Debian: apt install libamdhip64-5)");
}

void doctor_comgr(struct finding *finding) {
    check_library(finding, "libamd_comgr.so.2", FINDING_WARN,
                  "install comgr, which reads kernel metadata (Debian: apt install libamd-comgr2)");
}

void doctor_softgpu(struct finding *finding) {
    char *file = device_softgpu_library();
    if (file && !device_can_preload(file)) {
        finding_set(finding, FINDING_WARN, "%s: LD_PRELOAD takes no path with a space or colon",
                    file);
        finding_fix(finding, "move this installation to a path without them");
    } else if (file) {
        finding_set(finding, FINDING_OK, "%s", file);
    } else {
        finding_set(finding, FINDING_WARN, "libhsaprobe-softgpu.so is not beside this program");
        finding_fix(finding, "build with -DHSAPROBE_SOFTGPU=ON, or reinstall");
    }
    free(file);
}

void doctor_preload(struct finding *finding) {
    const char *preload = getenv("LD_PRELOAD");
    if (!preload || !*preload) {
        finding_set(finding, FINDING_OK, "not set");
    } else if (device_is_software()) {
        finding_set(finding, FINDING_NOTE, "%s: the software GPU is loaded", preload);
    } else {
        finding_set(finding, FINDING_WARN, "%s: every number includes what it does", preload);
        finding_fix(finding, "unset LD_PRELOAD, unless you want it");
    }
}

/* Tools that put themselves between the layers. */
void doctor_tools(struct finding *finding) {
    static const char *const variables[] = {"HSA_TOOLS_LIB", "ROCP_TOOL_LIBRARIES",
                                            "ROCPROFILER_REGISTER_FORCE_LOAD", "ROCP_METRICS",
                                            "HIP_PROFILE_API"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (!value || !*value)
            continue;
        finding_set(finding, FINDING_WARN, "%s=%s: a tool stands between the layers", variables[i],
                    value);
        finding_fix(finding, "unset %s", variables[i]);
        return;
    }
    if (dlsym(RTLD_DEFAULT, "rocprofiler_configure")) {
        finding_set(finding, FINDING_WARN,
                    "rocprofiler_configure is visible: newer runtimes then skip HSA_TOOLS_LIB");
        finding_fix(finding, "set HSA_TOOLS_DISABLE_REGISTER=1");
        return;
    }
    finding_set(finding, FINDING_OK, "none");
}

static bool changes_results(const char *entry) {
    static const char *const prefixes[] = {
        "HSA_",          "HSAKMT_",  "HIP_",  "ROC_",
        "AMD_LOG_",      "GPU_",     "ROCR_", "AMD_DIRECT_DISPATCH",
        "AMD_OPT_FLUSH", "HSAPROBE_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

void doctor_environment(struct finding *finding) {
    char *list = xstrdup("");
    for (char **entry = environ; *entry; entry++) {
        if (!changes_results(*entry))
            continue;
        char *longer = xasprintf("%s%s%s", list, *list ? " " : "", *entry);
        free(list);
        list = longer;
    }
    if (*list) {
        finding_set(finding, FINDING_NOTE, "%s", list);
        finding_fix(finding, "unset what you don't want: these change how ROCm behaves");
    } else {
        finding_set(finding, FINDING_OK, "no HSA_, HIP_, ROC_ or HSAPROBE_ variable is set");
    }
    free(list);
}
