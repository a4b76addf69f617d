/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

int output_open(const char *path, struct output *out_output) {
    if (!path) {
        *out_output = (struct output){.stream = stdout};
        return 0;
    }
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        FILE *stream = S_ISDIR(status.st_mode) ? (errno = EISDIR, NULL) : fopen(path, "we");
        if (!stream)
            return -errno;
        *out_output = (struct output){.stream = stream, .path = xstrdup(path)};
        return 0;
    }
    char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        free(temporary);
        return -error;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    *out_output =
        (struct output){.stream = fdopen(fd, "w"), .path = xstrdup(path), .temporary = temporary};
    if (out_output->stream)
        return 0;
    int error = errno;
    close(fd);
    output_abort(out_output);
    return -error;
}

static void output_free(struct output *output) {
    free(output->path);
    free(output->temporary);
    *output = (struct output){0};
}

int output_commit(struct output *output) {
    errno = 0;
    bool failed = ferror(output->stream) || fflush(output->stream) != 0;
    int error = failed ? (errno ? errno : EIO) : 0;
    /* a full disk may show only at close */
    if (fclose(output->stream) != 0 && !error)
        error = errno;
    if (!error && output->temporary && rename(output->temporary, output->path) != 0)
        error = errno;
    if (error && output->temporary)
        unlink(output->temporary);
    output_free(output);
    return -error;
}

void output_abort(struct output *output) {
    if (output->stream && output->stream != stdout)
        fclose(output->stream);
    if (output->temporary)
        unlink(output->temporary);
    output_free(output);
}
