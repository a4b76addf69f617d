/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <hsaprobe/runtime.h>

#include "abi/softgpu.h"
#include "failure.h"
#include "memory.h"

#define KFD_PATH         "/dev/kfd"
#define SOFTGPU_FILE     "libhsaprobe-softgpu.so"
#define RESTART_VARIABLE "HSAPROBE_RESTARTED"

bool device_choice_parse(const char *text, struct device_choice *out_choice) {
    if (strcmp(text, "soft") == 0) {
        *out_choice = (struct device_choice){.kind = DEVICE_SOFT};
        return true;
    }
    if (strcmp(text, "hw") == 0) {
        *out_choice = (struct device_choice){.kind = DEVICE_HW};
        return true;
    }
    if (strncmp(text, "hw:", 3) == 0 && text[3]) {
        *out_choice = (struct device_choice){.kind = DEVICE_HW, .selector = text + 3};
        return true;
    }
    return false;
}

static const struct abi_softgpu *softgpu(void) {
    return dlsym(RTLD_DEFAULT, ABI_SOFTGPU_SYMBOL);
}

bool device_is_software(void) {
    return softgpu() != NULL;
}

static char *executable_path(void) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    return xstrdup(path);
}

const void *device_software_address(void) {
    return softgpu();
}

char *device_executable_directory(void) {
    char *path = executable_path();
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        *slash = 0;
    return path;
}

char *device_installed(const char *file) {
    static const char *const places[] = {"../lib", "../" HSP_INSTALL_LIBDIR, "..", NULL};
    char *directory = device_executable_directory();
    char *found = NULL;
    for (size_t i = 0; directory && places[i] && !found; i++) {
        char *candidate = xasprintf("%s/%s/%s", directory, places[i], file);
        found = realpath(candidate, NULL);
        free(candidate);
    }
    free(directory);
    return found;
}

char *device_softgpu_library(void) {
    return device_installed(SOFTGPU_FILE);
}

bool device_can_preload(const char *library) {
    return !strpbrk(library, ": ");
}

/* Their runtimes refuse to start when anything is loaded before them. */
static bool must_come_first(const char *entry, size_t length) {
    static const char *const names[] = {"libasan.so", "libtsan.so", "libclang_rt.",
                                        "libhsaprobe-trace.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (memmem(entry, length, names[i], strlen(names[i])))
            return true;
    return false;
}

char *device_preload_value(const char *library, const char *existing) {
    if (!existing || !*existing)
        return xstrdup(library);
    const char *rest = existing;
    for (;;) {
        size_t length = strcspn(rest, ": ");
        if (length == 0 || !must_come_first(rest, length))
            break;
        rest += length;
        rest += strspn(rest, ": ");
    }
    return xasprintf("%.*s%s%s%s%s", (int)(rest - existing), existing,
                     rest > existing && rest[-1] != ':' && rest[-1] != ' ' ? ":" : "", library,
                     *rest ? ":" : "", rest);
}

/* Replaces the process by itself on the software GPU, with a line that says why unless the user
 * asked for it. Returns only on failure. */
static int restart(char **argv, const char *reason) {
    static const char what[] = "software GPU";
    if (getenv(RESTART_VARIABLE))
        return failure(EXIT_NO_DEVICE, what,
                       "restarted with it preloaded, but it is not there (a static or stripped "
                       "environment, or LD_PRELOAD is ignored here)");
    if (getauxval(AT_SECURE))
        return failure(EXIT_NO_DEVICE, what,
                       "a set-user-ID or privileged program can't preload it");
    char *library = device_softgpu_library();
    if (!library) {
        failure(EXIT_NO_DEVICE, what, SOFTGPU_FILE " is not beside this program's installation");
        hint("build with -DHSAPROBE_SOFTGPU=ON, or run on a machine with an AMD GPU");
        return EXIT_NO_DEVICE;
    }
    char *path = executable_path();
    if (!path || !device_can_preload(library)) {
        failure(EXIT_NO_DEVICE, what, "can't be preloaded from '%s': %s", library,
                path ? "LD_PRELOAD takes no path with a space or colon" : "/proc is not mounted");
        free(library);
        free(path);
        return EXIT_NO_DEVICE;
    }
    char *preload = device_preload_value(library, getenv("LD_PRELOAD"));
    setenv("LD_PRELOAD", preload, 1);
    setenv(RESTART_VARIABLE, "1", 1);
    if (reason)
        fprintf(stderr, "hsaprobe: %s\n", reason);
    execv(path, argv);
    int code = failure(EXIT_FAILED, what, "restarting %s: %s", path, strerror(errno));
    free(preload);
    free(library);
    free(path);
    return code;
}

static int need_hardware(void) {
    if (device_is_software()) {
        failure(EXIT_USAGE, "--device hw", "the software GPU is preloaded into this process");
        hint("unset LD_PRELOAD, or run without `hsaprobe soft --`");
        return EXIT_USAGE;
    }
    if (access(KFD_PATH, R_OK | W_OK) == 0)
        return EXIT_OK;
    int error = errno;
    failure(EXIT_NO_DEVICE, "AMD GPU", KFD_PATH ": %s", strerror(error));
    if (error == EACCES)
        hint("join the groups that own it: sudo usermod -aG render,video $USER, then log in again");
    else
        hint("use --device soft to run on the software GPU");
    return EXIT_NO_DEVICE;
}

int device_prepare(const struct device_choice *choice, char **argv) {
    if (choice->kind == DEVICE_HW)
        return need_hardware();
    if (device_is_software()) {
        unsetenv(RESTART_VARIABLE); /* it has done its work */
        return EXIT_OK;
    }
    if (choice->kind == DEVICE_SOFT)
        return restart(argv, NULL);
    if (access(KFD_PATH, F_OK) == 0)
        return need_hardware();
    return restart(argv, "no AMD GPU here (" KFD_PATH "): running on the software gfx90a GPU");
}

/* A bad variable is the whole story: what the runtime makes of the refusal only hides it. */
static bool software_refuses(void) {
    const struct abi_softgpu *soft = softgpu();
    return soft && soft->size >= sizeof *soft && !soft->options_are_valid();
}

int device_open(const struct device_choice *choice, struct device *out_device) {
    if (software_refuses())
        return EXIT_USAGE;
    hsp_status status = hsp_runtime_init();
    if (status)
        return failure_of(status, "HSA runtime");
    const struct hsp_agent *agent = NULL;
    status = hsp_agent_select(choice->selector, &agent);
    if (status) {
        int code = failure_of(status, "device");
        hsp_runtime_shutdown();
        return code;
    }
    struct device device = {.agent = agent, .doorbell_mode = "", .variant = ""};
    const struct abi_softgpu *soft = softgpu();
    if (soft && soft->version == ABI_SOFTGPU_VERSION) {
        device.doorbell_mode = soft->doorbell_mode();
        device.variant = soft->variant();
        device.caller_ns = soft->caller_ns;
    }
    device.software = soft != NULL;
    *out_device = device;
    return EXIT_OK;
}

void device_close(struct device *device) {
    if (device->agent)
        hsp_runtime_shutdown();
    *device = (struct device){0};
}

enum report_source device_source(const struct device *device) {
    return device->software ? SOURCE_MODELLED : SOURCE_MEASURED;
}

void device_describe(const struct device *device, struct report *report) {
    const struct hsp_agent_info *info = hsp_agent_info_get(device->agent);
    struct report_section *manifest = report_manifest(report);
#define FIELD(key, title, value)                                                                   \
    report_field(manifest, &(struct report_column){key, title, SOURCE_NONE, FORMAT_PLAIN}, value)
    FIELD("device", "on", report_text(info->name));
    FIELD("product", "", report_text(info->product));
    FIELD("uuid", "", report_text(info->uuid));
    FIELD("software", "software", report_boolean(device->software));
    if (device->software) {
        FIELD("doorbell", "doorbell", report_text(device->doorbell_mode));
        FIELD("interpreter", "interpreter", report_text(device->variant));
    }
#undef FIELD
}
