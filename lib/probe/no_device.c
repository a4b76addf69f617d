/* SPDX-License-Identifier: MIT */
#include "probe/no_device.h"

#include <errno.h>
#include <fcntl.h>
#include <hsaprobe/launch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_NO_DEVICE = 77 };

static bool is_plain(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("_./=:,@%+-", byte));
}

// The words that the process was started with; those of an interpreter (python3 experiment.py) are
// useless without the rest. False when they need quoting or don't fit.
static bool read_command_line(char *text, size_t text_bytes) {
    const int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    const ssize_t length = read(file, text, text_bytes);
    close(file);
    if (length < 2 || (size_t)length == text_bytes || text[length - 1] != '\0')
        return false;
    for (ssize_t i = 0; i < length - 1; i++) {
        if (text[i] == '\0' && text[i + 1] != '\0')
            text[i] = ' ';
        else if (!is_plain(text[i]))
            return false;
    }
    return true;
}

hsp_status hsp_hint_software_gpu(hsp_status status) {
    char text[HSP_ERROR_TEXT_BYTES - 64];
    return hsp_hint(status, "run it on the software GPU: hsaprobe soft -- %s",
                    read_command_line(text, sizeof(text)) ? text : program_invocation_name);
}

bool hsp_has_driver(void) {
    return access("/dev/kfd", R_OK | W_OK) == 0;
}

void hsp_check(hsp_status status) {
    if (status == HSP_OK)
        return;
    const bool is_missing =
        status == HSP_ERROR_NO_DEVICE || status == HSP_ERROR_NO_RUNTIME ||
        (status == HSP_STATUS(HSP_DOMAIN_HSA, HSA_STATUS_ERROR_OUT_OF_RESOURCES) &&
         !hsp_has_driver());
    const char *why = hsp_last_error();
    const char *hint = hsp_last_hint();
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program_invocation_name, *why ? why : hsp_status_string(status));
    if (*hint)
        fprintf(stderr, "hint: %s\n", hint);
    exit(is_missing ? EXIT_NO_DEVICE : EXIT_FAILURE);
}
