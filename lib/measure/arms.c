/* SPDX-License-Identifier: MIT */
#include "measure/arms.h"

#include <string.h>

static const struct hsp_arm_row rows[] = {
#define ARM(name, place, kernels, standard, minus, layer, create, timed, untimed)                  \
    {name, HSP_ARM_##place, kernels, standard, minus, layer, create, timed, untimed},
#include "measure/arms.def"
#undef ARM
};

const struct hsp_arm_row *hsp_arm_rows(size_t *out_count) {
    *out_count = sizeof rows / sizeof *rows;
    return rows;
}

const struct hsp_arm_row *hsp_arm_row_find(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

const char *hsp_arm_place_name(enum hsp_arm_place place) {
    static const char *const names[] = {"host", "queue", "hip", "process"};
    return names[place];
}
