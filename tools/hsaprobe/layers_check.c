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

/* What an arm leaves behind after `count` launches on fresh buffers. NULL after printing. */
static void **contents_of(const struct launch *launch, const struct hsp_arm *arm, uint32_t count) {
    if (launch_reset(launch))
        return NULL;
    int failed = 0;
    for (uint32_t i = 0; i < count && !failed; i++)
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

/* What a kernel without a check of its own is compared with: two runs of arm ring. */
struct reference {
    uint32_t kernel_count; /* runs of the kernel in each; 0: not there */
    void **contents;
    bool repeats; /* both runs left the same */
};

static void reference_fini(const struct launch *launch, struct reference *reference) {
    contents_free(reference->contents, launch->buffer_count);
    *reference = (struct reference){0};
}

/* For arms that run the kernel so often. Returns an exit code. */
static int reference_need(const struct launch *launch, const struct arms *arms,
                          uint32_t kernel_count, struct reference *reference) {
    if (reference->kernel_count == kernel_count)
        return EXIT_OK;
    reference_fini(launch, reference);
    reference->contents = contents_of(launch, &arms->ring, kernel_count);
    void **again = reference->contents ? contents_of(launch, &arms->ring, kernel_count) : NULL;
    if (again) {
        reference->repeats = difference(launch, reference->contents, again) < 0;
        reference->kernel_count = kernel_count;
    }
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
                     const struct launch *launch, const struct hsp_arm *arm, uint64_t kernel_count,
                     uint32_t check_count, const struct reference *reference,
                     layers_checker check) {
    void **contents = contents_of(launch, arm, CHECK_LAUNCHES);
    if (!contents)
        return EXIT_FAILED;
    char *wrong = NULL;
    const char *right = "as computed on the host";
    if (check)
        wrong = check(launch, contents, check_count);
    else
        right = judge(launch, reference, contents, &wrong);
    bool known = check || reference->repeats;
    report_row(tables->checks, report_text(kernel), report_text(arm->name),
               report_integer(kernel_count + check_count),
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
    int code = EXIT_OK;
    for (size_t i = 0; i < arms->count && !code; i++) {
        uint32_t kernel_count = arms->rows[i]->kernel_count;
        if (kernel_count == 0)
            continue;
        if (!check)
            code = reference_need(launch, arms, CHECK_LAUNCHES * kernel_count, &reference);
        if (!code)
            code = check_arm(tables, kernel, launch, &arms->arms[i],
                             result->launch_counts[i] * kernel_count, CHECK_LAUNCHES * kernel_count,
                             &reference, check);
    }
    reference_fini(launch, &reference);
    return code;
}
