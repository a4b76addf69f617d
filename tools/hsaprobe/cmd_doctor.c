/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "doctor.h"
#include "memory.h"

const struct command_options cmd_doctor_options = {
    .details = "Needs no GPU and changes nothing. Exits with 0 when kernels can run here, on "
               "hardware or on the software GPU, and with 1 when they can't.",
};

static const struct {
    const char *name;
    void (*check)(struct finding *finding);
} checks[] = {
#define CHECK(name, function) {name, function},
#include "doctor.def"
#undef CHECK
};

static const char *level_name(enum finding_level level) {
    static const char *const names[] = {[FINDING_OK] = "ok",
                                        [FINDING_NOTE] = "note",
                                        [FINDING_WARN] = "warning",
                                        [FINDING_FAIL] = "fail"};
    return names[level];
}

void finding_set(struct finding *finding, enum finding_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    free(finding->text);
    finding->text = xvasprintf(format, args);
    finding->level = level;
    va_end(args);
}

void finding_fix(struct finding *finding, const char *format, ...) {
    va_list args;
    va_start(args, format);
    free(finding->fix);
    finding->fix = xvasprintf(format, args);
    va_end(args);
}

int cmd_doctor(struct command_context *context) {
    static const struct report_column columns[] = {
        {"check", "check", SOURCE_NONE, FORMAT_PLAIN},
        {"level", "result", SOURCE_NONE, FORMAT_PLAIN},
        {"finding", "what was found", SOURCE_NONE, FORMAT_PLAIN},
        {"fix", "fix", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(context->report, "checks", NULL, columns, sizeof columns / sizeof *columns);
    bool usable = true;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct finding finding = {0};
        checks[i].check(&finding);
        report_row(table, report_text(checks[i].name), report_text(level_name(finding.level)),
                   report_text(finding.text ? finding.text : ""),
                   finding.fix ? report_text(finding.fix) : report_nothing());
        usable = usable && finding.level != FINDING_FAIL;
        free(finding.text);
        free(finding.fix);
    }
    struct report_section *verdict = report_fields(context->report, "verdict", NULL);
    report_field(verdict, &(struct report_column){"usable", "usable", SOURCE_NONE, FORMAT_PLAIN},
                 report_boolean(usable));
    context->print_anyway = true;
    return usable ? EXIT_OK : EXIT_FAILED;
}
