/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "commit.h" /* made by commit.cmake at every build */
#include "manifest_libraries.h"
#include "memory.h"

/* More than this at the beginning is somebody else's work. */
#define LOAD_WARNING_PER_CPU 0.25

extern char **environ;

const char *manifest_commit(void) {
    return HSP_COMMIT;
}

/* The first line, without its end; NULL when it can't be read. */
static char *first_line(const char *root, const char *path) {
    char *name = xasprintf("%s%s", root, path);
    FILE *file = fopen(name, "re");
    free(name);
    char *line = NULL;
    size_t capacity = 0;
    if (file && getline(&line, &capacity, file) > 0)
        line[strcspn(line, "\n")] = 0;
    else
        free(line), line = NULL;
    if (file)
        fclose(file);
    return line;
}

/* The value of the first line "KEY : VALUE" of cpuinfo. */
static char *cpuinfo(const char *root, const char *key) {
    char *name = xasprintf("%s/proc/cpuinfo", root);
    FILE *file = fopen(name, "re");
    free(name);
    char *line = NULL;
    size_t capacity = 0;
    char *value = NULL;
    while (file && !value && getline(&line, &capacity, file) > 0) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0 ||
            !isspace((unsigned char)line[strlen(key)]))
            continue;
        line[strcspn(line, "\n")] = 0;
        value = xstrdup(colon + 1 + strspn(colon + 1, " \t"));
    }
    free(line);
    if (file)
        fclose(file);
    return value;
}

static char *or_unknown(char *text) {
    return text ? text : xstrdup("unknown");
}

/* "0-3,8" */
static char *affinity(unsigned *out_count) {
    cpu_set_t set;
    char *text = xstrdup("");
    *out_count = 0;
    if (sched_getaffinity(0, sizeof set, &set))
        return text;
    *out_count = (unsigned)CPU_COUNT(&set);
    for (size_t first = 0; first < CPU_SETSIZE; first++) {
        size_t last = first;
        if (!CPU_ISSET(first, &set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
            last++;
        char *longer = last > first ? xasprintf("%s%s%zu-%zu", text, *text ? "," : "", first, last)
                                    : xasprintf("%s%s%zu", text, *text ? "," : "", first);
        free(text);
        text = longer;
        first = last;
    }
    return text;
}

static char *smt(const char *root) {
    char *active = first_line(root, "/sys/devices/system/cpu/smt/active");
    const char *word = !active ? "unknown" : strcmp(active, "1") == 0 ? "on" : "off";
    free(active);
    return xstrdup(word);
}

static char *governor(const char *root) {
    char *name = first_line(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    return name ? name : xstrdup("none");
}

void manifest_machine_read(const char *root, struct manifest_machine *out_machine) {
    struct manifest_machine machine = {.cpu = or_unknown(cpuinfo(root, "model name")),
                                       .governor = governor(root),
                                       .smt = smt(root)};
    machine.affinity = affinity(&machine.usable_count);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    machine.online_count = online > 0 ? (unsigned)online : 0;
    char *flags = cpuinfo(root, "flags");
    machine.is_virtual = flags && strstr(flags, " hypervisor");
    free(flags);
    struct utsname kernel;
    machine.kernel = xstrdup(uname(&kernel) == 0 ? kernel.release : "unknown");
    char *load = first_line(root, "/proc/loadavg");
    if (load)
        load[strcspn(load, " ")] = 0;
    machine.load = or_unknown(load);
    *out_machine = machine;
}

void manifest_machine_fini(struct manifest_machine *machine) {
    free(machine->cpu);
    free(machine->governor);
    free(machine->smt);
    free(machine->affinity);
    free(machine->kernel);
    free(machine->load);
    *machine = (struct manifest_machine){0};
}

void manifest_warn(const struct manifest_machine *machine, struct report *report) {
    const char *governor_name = machine->governor;
    if (strcmp(governor_name, "performance") != 0 && strcmp(governor_name, "none") != 0)
        report_note(report,
                    "warning: the frequency governor is %s: clocks change during the measurement",
                    governor_name);
    if (strcmp(machine->smt, "on") == 0)
        report_note(report, "warning: SMT is on: two threads may share a core");
    if (machine->is_virtual)
        report_note(report, "warning: this is a virtual machine: its host takes time unseen");
    if (machine->usable_count == 1)
        report_note(report, "warning: one usable processor: all threads share it");
    if (strtod(machine->load, NULL) > LOAD_WARNING_PER_CPU * machine->online_count)
        report_note(report, "warning: the machine was busy at the beginning: load %s",
                    machine->load);
}

#define FIELD(key, title, value, source)                                                           \
    report_field(manifest, &(struct report_column){key, title, source, FORMAT_PLAIN}, value)

static void add_machine(struct report_section *manifest, const struct manifest_machine *machine) {
    FIELD("cpu", "", report_text(machine->cpu), SOURCE_NONE);
    FIELD("online_processors", "", report_integer(machine->online_count), SOURCE_NONE);
    FIELD("affinity", "", report_text(machine->affinity), SOURCE_NONE);
    FIELD("governor", "", report_text(machine->governor), SOURCE_NONE);
    FIELD("smt", "", report_text(machine->smt), SOURCE_NONE);
    FIELD("virtual_machine", "", report_boolean(machine->is_virtual), SOURCE_NONE);
    FIELD("kernel", "", report_text(machine->kernel), SOURCE_NONE);
    FIELD("load", "", report_text(machine->load), SOURCE_MEASURED);
    FIELD("page_bytes", "", report_integer(sysconf(_SC_PAGESIZE)), SOURCE_NONE);
    FIELD("commit", "", report_text(manifest_commit()), SOURCE_NONE);
}

static bool is_ours(const char *variable) {
    static const char *const prefixes[] = {"HSA_", "HIP_", "GPU_",     "ROCR_",
                                           "ROC_", "AMD_", "HSAPROBE_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void add_environment(struct report *report) {
    static const struct report_column columns[] = {
        {"variable", "variable", SOURCE_NONE, FORMAT_PLAIN},
        {"setting", "value", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "environment", "variables that steer what was measured", columns,
                     sizeof columns / sizeof *columns);
    report_limit(table, AUDIENCE_DETAILS);
    for (char **variable = environ; *variable; variable++) {
        char *equals = strchr(*variable, '=');
        if (!equals || !is_ours(*variable))
            continue;
        char *name = xasprintf("%.*s", (int)(equals - *variable), *variable);
        report_row(table, report_text(name), report_text(equals + 1));
        free(name);
    }
}

void manifest_add(struct report *report) {
    struct manifest_machine machine;
    manifest_machine_read("", &machine);
    add_machine(report_manifest(report), &machine);
    manifest_warn(&machine, report);
    manifest_machine_fini(&machine);
    manifest_add_libraries(report);
    add_environment(report);
}
