/* SPDX-License-Identifier: MIT */
/* What of LLVM's list the tables implement. Both are small: plain searches. */
#include "softgpu/isa/format.h"
#include "softgpu/isa/isa.h"

#include <string.h>

/* LLVM's mnemonics with their encodings and forms, comma-separated. */
static const char *const llvm_names[] = {
#define LLVM_NAME(name, ...) #name,
#include "softgpu/isa/llvm.def"
};
static const char *const llvm_encodings[] = {
#define LLVM_NAME(name, ...) #__VA_ARGS__,
#include "softgpu/isa/llvm.def"
};
enum { NAME_COUNT = sizeof llvm_names / sizeof *llvm_names };

static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

/* One mnemonic in one encoding or form. */
struct search {
    const char *name;
    const char *encoding;
    bool found;
};

static void search_row(void *context, const struct sg_isa_row_info *row) {
    struct search *search = context;
    if (!row->implemented || strcmp(row->name, search->name) != 0)
        return;
    if (strcmp(search->encoding, "SDWA") == 0)
        search->found |= row->has_sdwa;
    else if (strcmp(search->encoding, "DPP") == 0)
        search->found |= row->has_dpp;
    else
        search->found |= strcmp(row->encoding, search->encoding) == 0;
}

static bool is_done(const char *name, const char *encoding) {
    struct search search = {name, encoding, false};
    sg_isa_rows(search_row, &search);
    return search.found;
}

static uint32_t list_encodings(const char *encodings[SG_ISA_COVERAGE_MAX]) {
    uint32_t count = 0;
    for (; count < SG_FORMAT_COUNT; count++)
        encodings[count] = sg_formats[count].name;
    encodings[count++] = "SDWA";
    encodings[count++] = "DPP";
    return count;
}

static bool is_done_everywhere(uint32_t name) {
    const char *encodings[SG_ISA_COVERAGE_MAX];
    uint32_t count = list_encodings(encodings);
    for (uint32_t i = 0; i < count; i++)
        if (has_word(llvm_encodings[name], encodings[i]) &&
            !is_done(llvm_names[name], encodings[i]))
            return false;
    return true;
}

static void add(struct sg_isa_coverage *row, bool done) {
    row->llvm_count++;
    row->done_count += done;
}

size_t sg_isa_coverage(struct sg_isa_coverage rows[SG_ISA_COVERAGE_MAX]) {
    const char *encodings[SG_ISA_COVERAGE_MAX];
    uint32_t count = list_encodings(encodings);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (struct sg_isa_coverage){.encoding = encodings[i]};
        for (uint32_t name = 0; name < NAME_COUNT; name++)
            if (has_word(llvm_encodings[name], encodings[i]))
                add(&rows[i], is_done(llvm_names[name], encodings[i]));
    }
    rows[count] = (struct sg_isa_coverage){.encoding = "all"};
    for (uint32_t name = 0; name < NAME_COUNT; name++)
        add(&rows[count], is_done_everywhere(name));
    return count + 1;
}

void sg_isa_missing(void (*visit)(void *context, const char *name), void *context) {
    for (uint32_t name = 0; name < NAME_COUNT; name++)
        if (!is_done_everywhere(name))
            visit(context, llvm_names[name]);
}
