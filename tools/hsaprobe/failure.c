/* SPDX-License-Identifier: MIT */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure(int code, const char *what, const char *why, ...) {
    fflush(stdout);
    flockfile(stderr);
    fprintf(stderr, "hsaprobe: %s: ", what);
    va_list args;
    va_start(args, why);
    vfprintf(stderr, why, args);
    va_end(args);
    fputc('\n', stderr);
    funlockfile(stderr);
    return code;
}

void hint(const char *format, ...) {
    flockfile(stderr);
    fputs("hint: ", stderr);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* What the user typed is usage; what the machine lacks is 77; everything else failed. */
static int code_of(hsp_status status) {
    static const struct {
        hsp_status status;
        int code;
    } codes[] = {
        {HSP_ERROR_NO_DEVICE, EXIT_NO_DEVICE},    {HSP_ERROR_NO_RUNTIME, EXIT_NO_DEVICE},
        {HSP_ERROR_INVALID_ARGUMENT, EXIT_USAGE}, {HSP_ERROR_AMBIGUOUS, EXIT_USAGE},
        {HSP_ERROR_NOT_FOUND, EXIT_USAGE},        {HSP_ERROR_KERNEL_ARGUMENT, EXIT_USAGE},
        {HSP_ERROR_GEOMETRY, EXIT_USAGE},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return EXIT_FAILED;
}

int failure_of(hsp_status status, const char *what) {
    const char *why = hsp_last_error();
    int code = failure(code_of(status), what, "%s", *why ? why : hsp_status_string(status));
    const char *advice = hsp_last_hint();
    if (*advice)
        hint("%s", advice);
    return code;
}
