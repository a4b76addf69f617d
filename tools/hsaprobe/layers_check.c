/* SPDX-License-Identifier: MIT */
/* What the arms left in memory. */
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "memory.h"

/* More than one, so that a kernel that ran once instead of N times is seen. */
#define CHECK_LAUNCHES 3

static void contents_free(void **contents, size_t count) {
    for (size_t i = 0; contents && i < count; i++)
        free(contents[i]);
    free(contents);
}

/* What an arm leaves behind after CHECK_LAUNCHES on fresh buffers. NULL after printing. */
static void **contents_of(const struct launch *launch, const struct hsp_arm *arm) {
    if (launch_reset(launch))
        return NULL;
    int failed = 0;
    for (int i = 0; i < CHECK_LAUNCHES && !failed; i++)
        failed = arm->ops->launch(arm->state) || arm->ops->wait(arm->state);
    if (failed) {
        failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
        return NULL;
    }
    void **contents = xcalloc(launch->buffer_count, sizeof *contents);
    for (size_t i = 0; i < launch->buffer_count; i++) {
        contents[i] = xcalloc(launch->buffers[i].bytes, 1);
        if (launch_read(&launch->buffers[i], contents[i])) {
            contents_free(contents, launch->buffer_count);
            return NULL;
        }
    }
    return contents;
}

/* Position of the first argument that differs, or -1. */
static int difference(const struct launch *launch, void *const *a, void *const *b) {
    for (size_t i = 0; i < launch->buffer_count; i++)
        if (memcmp(a[i], b[i], launch->buffers[i].bytes) != 0)
            return (int)launch->buffers[i].position;
    return -1;
}

static bool wrote(const struct launch *launch, void *const *contents) {
    for (size_t i = 0; i < launch->buffer_count; i++)
        if (memcmp(contents[i], launch->buffers[i].initial, launch->buffers[i].bytes) != 0)
            return true;
    return false;
}

/* What a kernel without a check of its own is compared with: two runs of the lowest arm. */
struct reference {
    void **contents;
    bool repeats; /* both runs left the same */
};

static int reference_init(const struct launch *launch, const struct arms *arms,
                          struct reference *reference) {
    reference->contents = contents_of(launch, &arms->arms[ARM_RING]);
    void **again = reference->contents ? contents_of(launch, &arms->arms[ARM_RING]) : NULL;
    if (again)
        reference->repeats = difference(launch, reference->contents, again) < 0;
    contents_free(again, launch->buffer_count);
    return again ? EXIT_OK : EXIT_FAILED;
}

/* Words for what an arm left; NULL in *out_wrong when it is right or can't be told. */
static const char *judge(const struct launch *launch, const struct reference *reference,
                         void *const *contents, char **out_wrong) {
    *out_wrong = NULL;
    if (!reference->repeats)
        return "not comparable: two runs of arm ring differ";
    int position = difference(launch, reference->contents, contents);
    if (position >= 0)
        *out_wrong = xasprintf("argument %d differs from what arm ring left", position);
    return wrote(launch, contents) ? "as arm ring"
                                   : "as arm ring: it left its buffers as they were";
}

static int check_arm(const struct layers_tables *tables, const char *kernel,
                     const struct launch *launch, const struct hsp_arm *arm, uint64_t launch_count,
                     const struct reference *reference, layers_checker check) {
    void **contents = contents_of(launch, arm);
    if (!contents)
        return EXIT_FAILED;
    char *wrong = NULL;
    const char *right = "as computed on the host";
    if (check)
        wrong = check(launch, contents, CHECK_LAUNCHES);
    else
        right = judge(launch, reference, contents, &wrong);
    bool known = check || reference->repeats;
    report_row(tables->checks, report_text(kernel), report_text(arm->name),
               report_integer(launch_count + CHECK_LAUNCHES),
               known ? report_boolean(!wrong) : report_nothing(),
               report_text(wrong ? wrong : right));
    if (wrong || !known)
        report_limit(tables->checks, AUDIENCE_ALL);
    int code = wrong ? failure(EXIT_FAILED, arm->name, "kernel %s: %s", kernel, wrong) : EXIT_OK;
    free(wrong);
    contents_free(contents, launch->buffer_count);
    return code;
}

int layers_check(const struct layers_tables *tables, const char *kernel,
                 const struct launch *launch, const struct arms *arms,
                 const struct hsp_rounds_result *result, layers_checker check) {
    struct reference reference = {0};
    int code = check ? EXIT_OK : reference_init(launch, arms, &reference);
    for (size_t arm = ARM_RING; arm < arms->count && !code; arm++)
        code = check_arm(tables, kernel, launch, &arms->arms[arm], result->launch_counts[arm],
                         &reference, check);
    contents_free(reference.contents, launch->buffer_count);
    return code;
}
