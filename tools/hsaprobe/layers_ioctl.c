/* SPDX-License-Identifier: MIT */
/* The arm ioctl: hsaprobe-ioctl-arm beside this program, told what the other arms launch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layers_input.h"
#include "memory.h"

#define PROGRAM "hsaprobe-ioctl-arm"

/* A word for the shell. */
static char *quoted(const char *word) {
    char *text = xcalloc(4 * strlen(word) + 3, 1);
    char *at = text;
    *at++ = '\'';
    for (; *word; word++)
        at = *word == '\'' ? stpcpy(at, "'\\''") : (*at = *word, at + 1);
    *at = '\'';
    return text;
}

/* The image as a file that the other process inherits; -1 and errno. */
static int image_file(const struct hsp_image *image) {
    int fd = memfd_create("image", 0);
    const char *bytes = image->bytes;
    for (size_t done = 0; fd >= 0 && done < image->size;) {
        ssize_t written = write(fd, bytes + done, image->size - done);
        if (written < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return fd;
}

static char *hexadecimal(const unsigned char *bytes, size_t count) {
    if (count == 0)
        return xstrdup("-");
    char *text = xcalloc(2 * count + 1, 1);
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

static char *append(char *text, char *more) {
    char *longer = xasprintf("%s %s", text, more);
    free(text);
    free(more);
    return longer;
}

/* PROGRAM FILE KERNEL HEADER KERNARG [OFFSET:BYTES...] */
static char *command_line(const struct launch *launch, const struct arms *arms, int image) {
    char *directory = device_executable_directory();
    char *path = xasprintf("%s/" PROGRAM, directory ? directory : ".");
    char *program = quoted(path);
    char *text = xasprintf("exec %s", program);
    text = append(text, xasprintf("/dev/fd/%d", image));
    text = append(text, quoted(launch->kernel->name));
    text = append(text, xasprintf("0x%x", arms->launch.header));
    text = append(text, hexadecimal(arms->kernarg, launch->code.kernarg_bytes));
    for (size_t i = 0; i < launch->buffer_count; i++) {
        const struct launch_buffer *buffer = &launch->buffers[i];
        text = append(text,
                      xasprintf("%u:%zu", launch->kernel->arguments[buffer->position].offset_bytes,
                                buffer->bytes));
    }
    free(program);
    free(path);
    free(directory);
    return text;
}

int layers_ioctl_run(struct command_context *context, const struct layers_input *input,
                     const char *workload, const struct launch *launch, const struct arms *arms) {
    int image = image_file(launch->image);
    if (image < 0)
        return failure(EXIT_FAILED, "arm ioctl", "%s", strerror(errno));
    char *command = command_line(launch, arms, image);
    const struct layers_external external = {.name = "ioctl", .command = command};
    int code = layers_external_run(context, &external, workload, &launch->geometry, &input->method,
                                   &input->rounds);
    free(command);
    close(image);
    return code;
}
