/* SPDX-License-Identifier: MIT */
/* layers --list: the arms. */
#include <stdlib.h>
#include <string.h>

#include "layers_input.h"
#include "memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* "signal: profiling on" */
static char *isolates(const struct hsp_arm_row *row) {
    const char *place = row->layer ? strstr(row->layer, "%s") : NULL;
    if (!row->layer)
        return xstrdup("-");
    return place ? xasprintf("%.*sdevice%s (less %s)", (int)(place - row->layer), row->layer,
                             place + 2, row->minus)
                 : xasprintf("%s (less %s)", row->layer, row->minus);
}

int layers_list(struct report *report) {
    static const struct report_column columns[] = {
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"place", "where", SOURCE_NONE, FORMAT_PLAIN},
        {"standard", "usual", SOURCE_NONE, FORMAT_PLAIN},
        {"kernel_count", "kernels", SOURCE_NONE, FORMAT_PLAIN},
        {"isolates", "isolates", SOURCE_NONE, FORMAT_PLAIN},
    };
    static const struct report_column words[] = {
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"timed", "timed as submit", SOURCE_NONE, FORMAT_PLAIN},
        {"untimed", "not timed", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *arms =
        report_table(report, "arms", "arms of a launch, lowest first", columns, COUNT(columns));
    struct report_section *timed =
        report_table(report, "timed", "what is timed", words, COUNT(words));
    size_t count;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char *text = isolates(&rows[i]);
        report_row(arms, report_text(rows[i].name), report_text(hsp_arm_place_name(rows[i].place)),
                   report_boolean(rows[i].is_standard), report_integer(rows[i].kernel_count),
                   report_text(text));
        report_row(timed, report_text(rows[i].name), report_text(rows[i].timed),
                   report_text(rows[i].untimed));
        free(text);
    }
    return EXIT_OK;
}
