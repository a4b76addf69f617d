/* SPDX-License-Identifier: MIT */
// Memory and a signal of one process serve another: it reads what the first wrote, writes back,
// and wakes it.
#include "live.h"

#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 1024 };

struct letter {
    struct hsp_ipc_handle memory;
    struct hsp_ipc_handle signal;
};

// The other process. Its runtime begins after the fork.
static int be_other(int from) {
    struct letter letter;
    if (read(from, &letter, sizeof(letter)) != sizeof(letter))
        return 0; // the first one skips
    const struct hsp_agent *gpu = live_gpu();
    void *memory = NULL;
    hsa_signal_t signal = {0};
    OK(hsp_memory_import(&letter.memory, WORDS * sizeof(uint32_t), &gpu, 1, &memory));
    OK(hsp_signal_import(&letter.signal, &signal));
    struct hsp_memory_info info;
    OK(hsp_memory_info_get(memory, &info));
    CHECK(info.kind == HSP_MEMORY_IPC && info.bytes >= WORDS * sizeof(uint32_t));
    uint32_t words[WORDS];
    OK(hsp_memory_copy(words, memory, sizeof(words)));
    for (uint32_t i = 0; i < WORDS; i++) {
        CHECK(words[i] == 3 * i, "word %u is %u", i, words[i]);
        words[i] += 1;
    }
    OK(hsp_memory_copy(memory, words, sizeof(words)));
    hsp_signal_subtract_acq_rel(signal, 1);
    OK(hsp_memory_detach(memory));
    hsp_signal_destroy(signal);
    hsp_runtime_shutdown();
    return 0;
}

static void be_first(int to) {
    const struct hsp_agent *gpu = live_gpu();
    uint32_t words[WORDS];
    void *memory = NULL;
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] = 3 * i;
    OK(hsp_memory_alloc(live_device_pool(gpu), sizeof(words), NULL, 0, &memory));
    OK(hsp_memory_copy(memory, words, sizeof(words)));
    const struct hsp_signal_options options = {.size = sizeof(options), .ipc = true};
    hsa_signal_t signal = {0}, plain = {0};
    OK(hsp_signal_create(1, &options, &signal));
    OK(hsp_signal_create(1, NULL, &plain));
    struct letter letter;
    OK(hsp_memory_export(memory, sizeof(words), &letter.memory));
    OK(hsp_signal_export(signal, &letter.signal));
    struct hsp_ipc_handle none;
    CHECK(HSP_STATUS_DOMAIN(hsp_signal_export(plain, &none)) == HSP_DOMAIN_HSA);
    CHECK(write(to, &letter, sizeof(letter)) == sizeof(letter));
    OK(hsp_signal_wait(signal, HSP_CONDITION_EQ, 0, LIVE_WAIT_NS, HSP_WAIT_BLOCKED, NULL));
    OK(hsp_memory_copy(words, memory, sizeof(words)));
    for (uint32_t i = 0; i < WORDS; i++)
        CHECK(words[i] == 3 * i + 1, "word %u is %u", i, words[i]);
    OK(hsp_memory_detach(NULL));
    hsp_signal_destroy(plain);
    hsp_signal_destroy(signal);
    OK(hsp_memory_free(memory));
}

int main(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        close(ends[1]);
        return be_other(ends[0]);
    }
    close(ends[0]);
    be_first(ends[1]);
    int status = -1;
    CHECK(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    hsp_runtime_shutdown();
    return 0;
}
