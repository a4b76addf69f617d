/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

/* A file in the directory of `path`, which gets its name at the end. */
static int open_nameless(const char *path, struct output *output) {
    char *directory = xstrdup(path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0; /* keeps the root's own slash */
    int fd = open(slash ? directory : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    free(directory);
    if (fd >= 0) {
        output->nameless = true;
        output->temporary = xasprintf("%s.%d", path, (int)getpid());
    }
    return fd;
}

static int open_temporary(const char *path, struct output *output) {
    char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        free(temporary);
        errno = error;
        return -1;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    output->temporary = temporary;
    return fd;
}

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
    struct output output = {.path = xstrdup(path)};
    int fd = open_nameless(path, &output);
    if (fd < 0)
        fd = open_temporary(path, &output);
    if (fd >= 0)
        output.stream = fdopen(fd, "w");
    if (output.stream) {
        *out_output = output;
        return 0;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    output_abort(&output);
    return -error;
}

static void output_free(struct output *output) {
    free(output->path);
    free(output->temporary);
    *output = (struct output){0};
}

/* Gives a nameless file its temporary name. Returns 0 or an errno. */
static int give_name(struct output *output) {
    char *self = xasprintf("/proc/self/fd/%d", fileno(output->stream));
    unlink(output->temporary); /* of a process that had our number and was killed right here */
    int error = linkat(AT_FDCWD, self, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) ? errno : 0;
    free(self);
    output->nameless = error != 0;
    return error;
}

/* Why a write in the middle failed, which stdio doesn't keep: the next one fails alike. */
static int reason(FILE *stream) {
    return write(fileno(stream), "\n", 1) < 0 ? errno : EIO;
}

int output_commit(struct output *output) {
    int error = ferror(output->stream)   ? reason(output->stream)
                : fflush(output->stream) ? errno
                                         : 0;
    if (!error && output->nameless)
        error = give_name(output);
    /* a full disk may show only at close */
    if (fclose(output->stream) != 0 && !error)
        error = errno;
    if (!error && output->temporary && rename(output->temporary, output->path) != 0)
        error = errno;
    if (error && output->temporary && !output->nameless)
        unlink(output->temporary);
    output_free(output);
    return -error;
}

void output_abort(struct output *output) {
    if (output->stream && output->stream != stdout)
        fclose(output->stream);
    if (output->temporary && !output->nameless)
        unlink(output->temporary);
    output_free(output);
}
