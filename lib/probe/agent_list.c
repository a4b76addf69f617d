/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "probe/probe.h"

hsp_status hsp_agent_list_init(struct hsp_agent_list *list, const struct hsp_agent *const *agents,
                               size_t count) {
    if (count > hsp_agent_count())
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "a list of %zu agents: there are %zu", count,
                        hsp_agent_count());
    list->count = (uint32_t)count;
    list->handles = count > 0 ? list->few : NULL;
    if (count > sizeof(list->few) / sizeof(list->few[0])) {
        list->handles = malloc(count * sizeof(*list->handles));
        if (!list->handles)
            return hsp_fail_memory("a list of agents");
    }
    for (size_t i = 0; i < count; i++)
        list->handles[i] = agents[i]->handle;
    return HSP_OK;
}

void hsp_agent_list_fini(struct hsp_agent_list *list) {
    if (list->handles != list->few)
        free(list->handles);
}
