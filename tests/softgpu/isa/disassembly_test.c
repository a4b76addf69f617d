/* SPDX-License-Identifier: MIT */
/// Decoding and disassembly against LLVM's, both ways: random words of every opcode in every
/// encoding and form (plain, literal, SDWA, DPP, with all modifiers). What LLVM reads we read, as
/// the same text; every row and form of ours is read by LLVM. And lib/softgpu/isa/llvm.def, the
/// list of LLVM's mnemonics, is what LLVM says: `disassembly_test --list` prints it anew.
#include "llvm.h"
#include "random_words.h"

#include "softgpu/isa/isa.h"
#include "softgpu/isa/valu_flags.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ITEMS = 1 << 18,
    ROW_VARIANTS = 24,  ///< of each form of an opcode that we have
    OTHER_VARIANTS = 3, ///< of one that we lack
    MAX_NAMES = 4096,
    SHOWN = 40,
    LINE_BYTES = 100,
};

struct item {
    enum sg_format_id id;
    uint32_t opcode;
    enum words_form form;
};

static struct llvm_item llvm[MAX_ITEMS];
static struct item items[MAX_ITEMS];
static size_t item_count;

static bool is_short(enum sg_format_id id) {
    return id == SG_FORMAT_VOP1 || id == SG_FORMAT_VOP2 || id == SG_FORMAT_VOPC;
}

/* An encoding that comes first in formats.def owns the overlap (SOP2 with the other scalar ones).
 */
static bool is_of_format(uint32_t word, enum sg_format_id id) {
    for (uint32_t i = 0; i < SG_FORMAT_COUNT; i++)
        if ((word & sg_formats[i].mask) == sg_formats[i].value)
            return i == (uint32_t)id;
    return false;
}

static void add_items(void) {
    uint64_t random = 0x9e3779b97f4a7c15;
    for (uint32_t id = 0; id < SG_FORMAT_COUNT; id++)
        for (uint32_t opcode = 0; opcode <= sg_formats[id].opcode_mask; opcode++) {
            bool have = sg_level_v2.find[id](opcode) != NULL;
            uint32_t forms = is_short((enum sg_format_id)id) ? 3 : 1;
            uint32_t variants = have ? ROW_VARIANTS : OTHER_VARIANTS;
            for (uint32_t i = 0; i < forms * variants && item_count < MAX_ITEMS; i++) {
                struct item *item = &items[item_count];
                *item = (struct item){(enum sg_format_id)id, opcode, (enum words_form)(i % forms)};
                random_words(item->id, opcode, item->form, i / forms >= variants / 3, &random,
                             llvm[item_count].words);
                item_count += is_of_format(llvm[item_count].words[0], item->id);
            }
        }
}

static bool begins_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What LLVM prints differently on purpose, or decodes though it assembles nothing like it. */
static bool is_excepted(const char *ours, const char *theirs) {
    static const char *const prefixes[] = {
        "s_branch",       "s_cbranch",      "s_call_b64", // we print the target address
        "s_sendmsg",                                      // unnamed messages
        "s_incperflevel", "s_decperflevel", "s_ttracedata",

    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (begins_with(theirs, prefixes[i]))
            return begins_with(ours, prefixes[i]);
    /* A vector register as lane mask or lane number, matrices in scalar registers: LLVM's decoder
     * lets them pass, its assembler refuses them. */
    static const char *const strict[] = {"_co_u32_e64", "v_cndmask_b32_e64", "mfma", "lane_b32"};
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++)
        if (ours[0] == '\0' && strstr(theirs, strict[i]))
            return true;
    if (strstr(theirs, "/*")) // a complaint
        return true;
    return false;
}

static size_t compare_texts(void) {
    size_t wrong = 0, compared = 0;
    for (size_t i = 0; i < item_count; i++) {
        char ours[LLVM_TEXT_BYTES];
        if (llvm[i].text[0] == '\0') // fields that LLVM minds and we ignore
            continue;
        compared++;
        if (sg_isa_disassemble(llvm[i].words, 3, 0, ours, sizeof ours) == 0)
            ours[0] = '\0';
        llvm_squeeze(ours);
        if (strcmp(ours, llvm[i].text) == 0 || is_excepted(ours, llvm[i].text))
            continue;
        if (wrong++ < SHOWN)
            fprintf(stderr, "%s %#x: %08x %08x: ours '%s', LLVM's '%s'\n",
                    sg_formats[items[i].id].name, items[i].opcode, llvm[i].words[0],
                    llvm[i].words[1], ours, llvm[i].text);
    }
    printf("%zu words, %zu decoded by LLVM, %zu wrong\n", item_count, compared, wrong);
    return wrong;
}

static bool has_form(const struct sg_row *row, enum words_form form) {
    return form == WORDS_PLAIN || (form == WORDS_SDWA ? sg_row_has_sdwa(row) : sg_row_has_dpp(row));
}

/* Every row of ours was confirmed by LLVM in each form that we claim. */
static size_t check_confirmation(void) {
    size_t wrong = 0;
    for (size_t i = 0; i < item_count;) {
        uint32_t confirmed[3] = {0};
        const struct item *item = &items[i];
        const struct sg_row *row = sg_level_v2.find[item->id](item->opcode);
        for (; i < item_count && items[i].id == item->id && items[i].opcode == item->opcode; i++)
            confirmed[items[i].form] += llvm[i].text[0] != '\0';
        for (uint32_t form = 0; row && form < (is_short(item->id) ? 3 : 1); form++)
            if (!confirmed[form] && has_form(row, (enum words_form)form)) {
                static const char *const forms[] = {"plain", "SDWA", "DPP"};
                fprintf(stderr, "%s %#x %s (%s): not an instruction to LLVM\n",
                        sg_formats[item->id].name, item->opcode, row->name, forms[form]);
                wrong++;
            }
    }
    return wrong;
}

/* ---- the list of mnemonics ---- */

struct name {
    char text[64];
    uint32_t encodings; ///< bit n: sg_formats[n]; then SDWA and DPP
    uint32_t first;     ///< the format that it was first seen in
};

static struct name names[MAX_NAMES];
static size_t name_count;
static const char *const form_names[] = {"SDWA", "DPP"};

static struct name *find_name(const char *text, uint32_t format) {
    for (size_t i = 0; i < name_count; i++)
        if (strcmp(names[i].text, text) == 0)
            return &names[i];
    struct name *name = &names[name_count++];
    if (name_count > MAX_NAMES)
        abort();
    snprintf(name->text, sizeof name->text, "%s", text);
    name->first = format;
    return name;
}

static void collect_names(void) {
    static const char *const suffixes[] = {"_e32", "_e64", "_sdwa", "_dpp"};
    for (size_t i = 0; i < item_count; i++) {
        char text[64];
        size_t length = strcspn(llvm[i].text, " ");
        if (length == 0 || length >= sizeof text)
            continue;
        memcpy(text, llvm[i].text, length);
        text[length] = '\0';
        for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
            size_t bytes = strlen(suffixes[k]);
            if (length > bytes && strcmp(text + length - bytes, suffixes[k]) == 0)
                text[length - bytes] = '\0';
        }
        struct name *name = find_name(text, items[i].id);
        uint32_t form = items[i].form;
        name->encodings |= 1u << (form == WORDS_PLAIN ? (uint32_t)items[i].id
                                                      : SG_FORMAT_COUNT + form - WORDS_SDWA);
    }
}

static void print_name(const struct name *name, char *line, size_t bytes) {
    size_t at = (size_t)snprintf(line, bytes, "LLVM_NAME(%s", name->text);
    for (uint32_t i = 0; i < SG_FORMAT_COUNT + 2; i++)
        if (name->encodings >> i & 1)
            at += (size_t)snprintf(line + at, bytes - at, ", %s",
                                   i < SG_FORMAT_COUNT ? sg_formats[i].name
                                                       : form_names[i - SG_FORMAT_COUNT]);
    snprintf(line + at, bytes - at, ")");
}

static size_t check_list(void) {
    static const char *const known[] = {
#define LLVM_NAME(...) "LLVM_NAME(" #__VA_ARGS__ ")",
#include "softgpu/isa/llvm.def"
    };
    size_t known_count = sizeof known / sizeof *known, wrong = name_count != known_count;
    for (size_t i = 0; i < name_count && i < known_count; i++) {
        char line[256];
        print_name(&names[i], line, sizeof line);
        if (strcmp(line, known[i]) != 0 && wrong++ < SHOWN)
            fprintf(stderr, "llvm.def has %s where LLVM gives %s\n", known[i], line);
    }
    printf("%zu mnemonics of LLVM, %zu in llvm.def\n", name_count, known_count);
    return wrong;
}

static void print_list(void) {
    printf(
        "/* SPDX-License-Identifier: MIT */\n"
        "/* LLVM_NAME(mnemonic, encodings and forms): what LLVM 15 reads for gfx90a. Derived, not "
        "edited:\n"
        " * printed by softgpu_isa_disassembly --list, and compared with LLVM by that test. */\n"
        "// clang-format off\n");
    size_t column = 0;
    for (size_t i = 0; i < name_count; i++) {
        char text[256];
        print_name(&names[i], text, sizeof text);
        bool fits = column && column + 1 + strlen(text) <= LINE_BYTES;
        printf("%s%s", fits ? " " : column ? "\n" : "", text);
        column = fits ? column + 1 + strlen(text) : strlen(text);
    }
    printf("\n// clang-format on\n#undef LLVM_NAME\n");
}

int main(int argc, char **argv) {
    add_items();
    llvm_disassemble(llvm, item_count);
    collect_names();
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        print_list();
        return 0;
    }
    size_t wrong = compare_texts() + check_confirmation() + check_list();
    return wrong != 0;
}
