/* SPDX-License-Identifier: MIT */
/// HSAPROBE_SOFT_TRACE prints a line per ioctl, packet or instruction, decoded by name, and only of
/// the kinds that were asked for; a word it doesn't know is refused with a line that says so.
#include "e2e.h"

#include <string.h>
#include <unistd.h>

static int child(void) {
    struct e2e e2e;
    if (hsa_init() != HSA_STATUS_SUCCESS) {
        return 3;
    }
    HSA(hsa_shut_down());
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    e2e_vector_add(&e2e, queue, 1);
    e2e_close();
    return 0;
}

/// The child writes more than e2e_child keeps, so a filter of the lines runs as its output.
static int lines_with(const char *kinds, const char *text) {
    char command[8192];
    int count = -1;
    setenv("HSAPROBE_SOFT_TRACE", kinds, 1);
    snprintf(command, sizeof command,
             "/proc/%d/exe child 2>&1 | grep -a '^softgpu: ' | grep -acE '%s'", (int)getpid(),
             text);
    FILE *pipe = popen(command, "r");
    CHECK(pipe && fscanf(pipe, "%d", &count) == 1, "%s", command);
    pclose(pipe);
    return count;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        return child();
    }
    CHECK(lines_with("ioctl", "CREATE_QUEUE") >= 1, "ioctl: no CREATE_QUEUE");
    CHECK(lines_with("ioctl", "ALLOC_MEMORY_OF_GPU") >= 5, "ioctl: few ALLOC_MEMORY_OF_GPU");
    CHECK(lines_with("ioctl", "s_endpgm|v_add_f32") == 0, "ioctl: prints instructions");
    CHECK(lines_with("packet", "[Dd]ispatch|DISPATCH") >= 1, "packet: no dispatch");
    CHECK(lines_with("packet", "CREATE_QUEUE") == 0, "packet: prints ioctls");
    CHECK(lines_with("insn", "s_endpgm") >= 4, "insn: a wave of 4 didn't end");
    CHECK(lines_with("insn", "v_add_f32") >= 1, "insn: no v_add_f32");
    CHECK(lines_with("ioctl,insn", "CREATE_QUEUE|s_endpgm") >= 2, "two kinds");

    struct e2e_child result;
    setenv("HSAPROBE_SOFT_TRACE", "ioctl,nonsense", 1);
    e2e_child("child", 20, NULL, NULL, &result);
    CHECK(result.status != 0, "ran with a bad value");
    CHECK(strstr(result.output, "HSAPROBE_SOFT_TRACE") && strstr(result.output, "nonsense"), "%s",
          result.output);
    return 0;
}
