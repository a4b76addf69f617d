/* SPDX-License-Identifier: MIT */
/* soft --list: what of gfx90a's instruction set the software GPU executes, from its own tables. */
#include <string.h>

#include "command.h"
#include "soft_list.h"
#include "softgpu/isa/isa.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static double percent(const struct sg_isa_coverage *row) {
    return 100.0 * row->done_count / row->llvm_count;
}

static void report_encodings(struct report *report, const struct sg_isa_coverage *rows,
                             size_t count) {
    static const struct report_column columns[] = {
        {"encoding", "encoding", SOURCE_NONE, FORMAT_PLAIN},
        {"llvm_count", "mnemonics of LLVM 15", SOURCE_DERIVED, FORMAT_PLAIN},
        {"done_count", "executed", SOURCE_DERIVED, FORMAT_PLAIN},
        {"percent", "%", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "encodings", "gfx90a instructions", columns, COUNT(columns));
    for (size_t i = 0; i < count; i++)
        report_row(table, report_text(rows[i].encoding), report_integer(rows[i].llvm_count),
                   report_integer(rows[i].done_count), report_real(percent(&rows[i])));
}

static void report_missing(void *context, const char *name) {
    report_row(context, report_text(name));
}

int soft_list(struct report *report) {
    static const struct report_column columns[] = {
        {"mnemonic", "mnemonic", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct sg_isa_coverage rows[SG_ISA_COVERAGE_MAX];
    size_t count = sg_isa_coverage(rows);
    const struct sg_isa_coverage *all = &rows[count - 1];
    report_encodings(report, rows, count);
    if (all->done_count < all->llvm_count) {
        struct report_section *missing =
            report_table(report, "missing", "not yet done", columns, COUNT(columns));
        report_limit(missing, AUDIENCE_DETAILS);
        sg_isa_missing(report_missing, missing);
    }
    report_note(report, "%u of %u are executed in every encoding that LLVM 15 reads: %.1f %%",
                all->done_count, all->llvm_count, percent(all));
    return EXIT_OK;
}
