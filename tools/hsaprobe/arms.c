/* SPDX-License-Identifier: MIT */
#include "arms.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* HIP's default, ROC_AQL_QUEUE_SIZE in ROCm 5.2 (clr, flags.hpp). */
#define HIP_QUEUE_PACKETS 4096

static arms_choice choice_of(bool (*wanted)(const struct hsp_arm_row *row)) {
    size_t count;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    arms_choice choice = 0;
    for (size_t i = 0; i < count; i++)
        choice |= (arms_choice)wanted(&rows[i]) << i;
    return choice;
}

static bool is_standard(const struct hsp_arm_row *row) {
    return row->is_standard;
}

static bool is_any(const struct hsp_arm_row *row) {
    return row->name != NULL;
}

arms_choice arms_standard(void) {
    return choice_of(is_standard);
}

arms_choice arms_all(void) {
    return choice_of(is_any);
}

arms_choice arms_named(const char *name) {
    size_t count;
    const struct hsp_arm_row *row = hsp_arm_row_find(name);
    return row ? (arms_choice)1 << (row - hsp_arm_rows(&count)) : 0;
}

bool arms_need_table(arms_choice choice) {
    return choice & arms_named("intercept");
}

static void add_missing(struct arms *arms, const char *name, const char *reason) {
    arms->missing[arms->missing_count].name = name;
    arms->missing[arms->missing_count++].reason = xstrdup(reason);
}

const void *arms_hip_symbol(const char *symbol, const char **out_reason) {
    static const char *const places[] = {"../lib", "../" HSP_INSTALL_LIBDIR};
    char *directory = device_executable_directory();
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof places / sizeof *places; i++) {
        char *path = xasprintf("%s/%s/" HSP_HIP_ARMS_FILE, directory ? directory : ".", places[i]);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        free(path);
    }
    free(directory);
    const void *address = library ? dlsym(library, symbol) : NULL;
    if (!address)
        *out_reason = dlerror();
    return address;
}

static const struct hsp_hip_arms *hip_library(const char **out_reason) {
    const struct hsp_hip_arms *hip = arms_hip_symbol(HSP_HIP_ARMS_SYMBOL, out_reason);
    if (!hip || hip->version == HSP_HIP_ARMS_VERSION)
        return hip;
    *out_reason = HSP_HIP_ARMS_FILE " is of another version";
    return NULL;
}

/* HIP's packet is that of an arm of its own, whether or not hip-module was chosen. */
static void read_hip_packet(struct arms *arms) {
    struct hsp_arm arm;
    if (arms->hip->create(arms->hip_context, "hip-module", &arms->launch, &arm,
                          &arms->packet_error))
        return;
    arms->packet_known = arms->hip->read_packet(&arm, &arms->hip_packet, &arms->packet_error) == 0;
    hsp_arm_destroy(&arm);
}

/* The reason why there is no HIP here, or NULL. */
static char *open_hip(struct arms *arms) {
    const char *reason = NULL;
    struct hsp_hip_error error;
    arms->hip = hip_library(&reason);
    if (!arms->hip)
        return xstrdup(reason);
    if (arms->hip->open(&arms->launch, &arms->hip_context, &error))
        return xstrdup(error.text);
    read_hip_packet(arms);
    return NULL;
}

/* The case's queue and argument bytes. */
static hsp_status set_case(const struct launch *launch, struct arms *arms) {
    struct hsp_arm_case *shared = &arms->launch;
    *shared = (struct hsp_arm_case){.agent = launch->agent,
                                    .kernel = launch->kernel,
                                    .image = launch->image,
                                    .code = launch->code,
                                    .geometry = launch->geometry};
    size_t kernarg_bytes = launch->code.kernarg_bytes;
    arms->kernarg = xcalloc(kernarg_bytes, 1);
    shared->kernarg = arms->kernarg;
    /* of HIP's size: each launch writes, and the device reads, a line that was last used as long
     * ago */
    struct hsp_queue_options options = {.size = sizeof options, .packet_count = HIP_QUEUE_PACKETS};
    hsp_status status = hsp_queue_create(launch->agent, &options, &shared->queue);
    if (!status)
        status = hsp_arguments_write(launch->arguments, &launch->geometry, shared->queue,
                                     arms->kernarg, kernarg_bytes);
    return status;
}

static void make_arm(struct arms *arms, const struct hsp_arm_row *row, const char *no_hip) {
    struct hsp_arm *arm = &arms->arms[arms->count];
    struct hsp_hip_error error;
    const char *reason = NULL;
    if (row->place == HSP_ARM_HIP) {
        if (no_hip)
            reason = no_hip;
        else if (arms->hip->create(arms->hip_context, row->name, &arms->launch, arm, &error))
            reason = error.text;
    } else {
        hsp_status status = row->create(&arms->launch, arm);
        if (status)
            reason = *hsp_last_error() ? hsp_last_error() : hsp_status_string(status);
    }
    if (reason)
        add_missing(arms, row->name, reason);
    else
        arms->rows[arms->count++] = row;
}

int arms_init(const struct launch *launch, arms_choice choice, uint16_t header,
              struct arms *out_arms) {
    *out_arms = (struct arms){.packet_error = {"there is no HIP arm"}};
    hsp_status status = set_case(launch, out_arms);
    if (status)
        return failure_of(status, "arms");
    char *no_hip = open_hip(out_arms);
    if (!header)
        header = out_arms->packet_known ? out_arms->hip_packet.dispatch.header
                                        : hsp_arm_header(HSA_FENCE_SCOPE_AGENT);
    out_arms->launch.header = header;
    status = hsp_arm_ring_create(&out_arms->launch, &out_arms->ring);
    size_t count;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    for (size_t i = 0; i < count && !status; i++)
        if (choice >> i & 1 && rows[i].place != HSP_ARM_PROCESS)
            make_arm(out_arms, &rows[i], no_hip);
    free(no_hip);
    return status ? failure_of(status, "arms") : EXIT_OK;
}

void arms_fini(struct arms *arms) {
    for (size_t i = 0; i < arms->count; i++)
        hsp_arm_destroy(&arms->arms[i]);
    hsp_arm_destroy(&arms->ring);
    if (arms->hip)
        arms->hip->close(arms->hip_context);
    hsp_queue_destroy(arms->launch.queue);
    for (size_t i = 0; i < arms->missing_count; i++)
        free(arms->missing[i].reason);
    free(arms->kernarg);
    *arms = (struct arms){0};
}

static bool is_there(const struct arms *arms, const char *name) {
    for (size_t i = 0; i < arms->count; i++)
        if (strcmp(arms->arms[i].name, name) == 0)
            return true;
    return false;
}

/* "packet, doorbell, %s" */
static int name_layer(struct hsp_samples *samples, const char *workload,
                      const struct hsp_arm_row *row, const char *lower, bool software) {
    const char *place = strstr(row->layer, "%s");
    char *name = strcmp(row->minus, lower) != 0 ? xstrdup("several") /* one between is missing */
                 : place ? xasprintf("%.*s%s%s", (int)(place - row->layer), row->layer,
                                     software ? "software GPU" : "device", place + 2)
                         : xstrdup(row->layer);
    int rc = hsp_samples_layer(samples, workload, name, row->name, lower);
    free(name);
    return rc;
}

int arms_layers(const struct arms *arms, const char *workload, bool software,
                struct hsp_samples *samples) {
    const char *lower = NULL;
    int rc = 0;
    for (size_t i = 0; i < arms->count && !rc; i++) {
        const struct hsp_arm_row *row = arms->rows[i];
        if (!row->is_standard)
            continue;
        if (lower)
            rc = name_layer(samples, workload, row, lower, software);
        lower = row->name;
    }
    for (size_t i = 0; i < arms->count && !rc; i++) {
        const struct hsp_arm_row *row = arms->rows[i];
        if (!row->is_standard && row->minus && is_there(arms, row->minus))
            rc = name_layer(samples, workload, row, row->minus, software);
    }
    return rc;
}
