/* SPDX-License-Identifier: MIT */
/// hsa_init and hsa_shut_down, again and again: the same agents each time, and no descriptor lost.
#include "e2e.h"

#include <dirent.h>

static hsa_status_t count_agent(hsa_agent_t agent, void *data) {
    (void)agent;
    ++*(int *)data;
    return HSA_STATUS_SUCCESS;
}

static int open_files(void) {
    DIR *files = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(files)) {
        ++count;
    }
    closedir(files);
    return count;
}

int main(void) {
    struct e2e e2e;
    int agents_at_first = 0;
    int files_at_first = 0;
    for (int round = 0; round < 20; ++round) {
        int agents = 0;
        e2e_open(&e2e);
        HSA(hsa_iterate_agents(count_agent, &agents));
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        HSA(hsa_queue_destroy(queue));
        e2e_close();
        // The first rounds open what ROCr keeps for good.
        if (round == 2) {
            agents_at_first = agents;
            files_at_first = open_files();
        } else if (round > 2) {
            CHECK(agents == agents_at_first, "%d agents, %d before", agents, agents_at_first);
            CHECK(open_files() <= files_at_first, "%d files in round %d, %d before", open_files(),
                  round, files_at_first);
        }
    }
    return 0;
}
