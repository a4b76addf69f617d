/* SPDX-License-Identifier: MIT */
#include "probe/isa.h"

#include <stdio.h>
#include <string.h>

#include <hsaprobe/code_object.h>

#define MACH_MASK 0xffu

// EF_AMDGPU_MACH_AMDGCN_*; names are what LLVM prints.
static const char *const processors[256] = {
    [0x020] = "gfx600",
    [0x021] = "gfx601",
    [0x03a] = "gfx602",
    [0x022] = "gfx700",
    [0x023] = "gfx701",
    [0x024] = "gfx702",
    [0x025] = "gfx703",
    [0x026] = "gfx704",
    [0x03b] = "gfx705",
    [0x028] = "gfx801",
    [0x029] = "gfx802",
    [0x02a] = "gfx803",
    [0x03c] = "gfx805",
    [0x02b] = "gfx810",
    [0x02c] = "gfx900",
    [0x02d] = "gfx902",
    [0x02e] = "gfx904",
    [0x02f] = "gfx906",
    [0x030] = "gfx908",
    [0x031] = "gfx909",
    [0x032] = "gfx90c",
    [0x03f] = "gfx90a",
    [0x040] = "gfx940",
    [0x04b] = "gfx941",
    [0x04c] = "gfx942",
    [0x04f] = "gfx950",
    [0x033] = "gfx1010",
    [0x034] = "gfx1011",
    [0x035] = "gfx1012",
    [0x042] = "gfx1013",
    [0x036] = "gfx1030",
    [0x037] = "gfx1031",
    [0x038] = "gfx1032",
    [0x039] = "gfx1033",
    [0x03e] = "gfx1034",
    [0x03d] = "gfx1035",
    [0x045] = "gfx1036",
    [0x041] = "gfx1100",
    [0x046] = "gfx1101",
    [0x047] = "gfx1102",
    [0x044] = "gfx1103",
    [0x043] = "gfx1150",
    [0x04a] = "gfx1151",
    [0x055] = "gfx1152",
    [0x058] = "gfx1153",
    [0x048] = "gfx1200",
    [0x04e] = "gfx1201",
    // Since version 6, code for several processors at once.
    [0x051] = "gfx9-generic",
    [0x052] = "gfx10-1-generic",
    [0x053] = "gfx10-3-generic",
    [0x054] = "gfx11-generic",
    [0x059] = "gfx12-generic",
    [0x05f] = "gfx9-4-generic",
};

// Source: LLVM, AMDGPUUsage, "Generic processors".
static const struct {
    const char *name;
    const char *members; ///< each with a space on both sides
} generics[] = {
    {"gfx9-generic", " gfx900 gfx902 gfx904 gfx906 gfx909 gfx90c "},
    {"gfx9-4-generic", " gfx940 gfx941 gfx942 gfx950 "},
    {"gfx10-1-generic", " gfx1010 gfx1011 gfx1012 gfx1013 "},
    {"gfx10-3-generic", " gfx1030 gfx1031 gfx1032 gfx1033 gfx1034 gfx1035 gfx1036 "},
    {"gfx11-generic", " gfx1100 gfx1101 gfx1102 gfx1103 gfx1150 gfx1151 gfx1152 gfx1153 "},
    {"gfx12-generic", " gfx1200 gfx1201 "},
};

// Two bits each since version 4; one bit each, meaning on, in version 3.
enum { FEATURE_OFF = 2, FEATURE_ON = 3 };
#define XNACK_V4(flags)   (((flags) >> 8) & 3u)
#define SRAMECC_V4(flags) (((flags) >> 10) & 3u)
#define XNACK_V3          0x100u
#define SRAMECC_V3        0x200u

static const char *sign_of(unsigned setting) {
    return setting == FEATURE_ON ? "+" : "-";
}

bool hsp_isa_from_elf(uint32_t e_flags, uint32_t version, char *out_name, size_t name_bytes) {
    const char *processor = processors[e_flags & MACH_MASK];
    if (!processor || version < 3)
        return false;
    unsigned xnack = XNACK_V4(e_flags), sramecc = SRAMECC_V4(e_flags);
    if (version == 3) {
        // Version 3 can't tell "off" from "doesn't care"; only what is on is insisted on.
        xnack = e_flags & XNACK_V3 ? FEATURE_ON : 0;
        sramecc = e_flags & SRAMECC_V3 ? FEATURE_ON : 0;
    }
    snprintf(out_name, name_bytes, "amdgcn-amd-amdhsa--%s%s%s%s%s", processor,
             sramecc >= FEATURE_OFF ? ":sramecc" : "",
             sramecc >= FEATURE_OFF ? sign_of(sramecc) : "", xnack >= FEATURE_OFF ? ":xnack" : "",
             xnack >= FEATURE_OFF ? sign_of(xnack) : "");
    return true;
}

// The part from the processor on: what follows "--", or the last '-' that is not a feature's sign.
static const char *target_of(const char *isa) {
    const char *environment = strstr(isa, "--");
    if (environment)
        return environment + 2;
    if (strncmp(isa, "gfx", 3) == 0)
        return isa;
    const char *end = strchr(isa, ':');
    const char *target = isa;
    for (const char *c = isa; *c && c != end; c++)
        if (*c == '-')
            target = c + 1;
    return target;
}

static size_t processor_length(const char *target) {
    return strcspn(target, ":");
}

uint32_t hsp_isa_feature_count(const char *isa) {
    uint32_t count = 0;
    for (const char *c = isa; *c; c++)
        count += *c == ':';
    return count;
}

// '+', '-' or 0 for a feature of a target such as "gfx90a:xnack-".
static char setting_of(const char *target, const char *feature, size_t length) {
    for (const char *c = strchr(target, ':'); c; c = strchr(c + 1, ':'))
        if (strncmp(c + 1, feature, length) == 0 && (c[1 + length] == '+' || c[1 + length] == '-'))
            return c[1 + length];
    return 0;
}

// Processors that run code for a generic one; NULL when it isn't generic.
static const char *members_of(const char *processor, size_t length) {
    for (size_t i = 0; i < sizeof(generics) / sizeof(generics[0]); i++)
        if (strlen(generics[i].name) == length && strncmp(generics[i].name, processor, length) == 0)
            return generics[i].members;
    return NULL;
}

static bool holds_word(const char *words, const char *word, size_t length) {
    for (const char *at = words; (at = strchr(at, ' ')); at++)
        if (strncmp(at + 1, word, length) == 0 && at[1 + length] == ' ')
            return true;
    return false;
}

const char *hsp_isa_conflict(const char *image_isa, const char *agent_isa) {
    const char *image = target_of(image_isa);
    const char *agent = target_of(agent_isa);
    const size_t length = processor_length(image);
    const bool is_same = length == processor_length(agent) && strncmp(image, agent, length) == 0;
    const char *members = is_same ? NULL : members_of(image, length);
    if (members && !holds_word(members, agent, processor_length(agent)))
        return "the generic processor doesn't cover it";
    if (!is_same && !members)
        return "the processor differs";
    static const struct {
        const char *name;
        const char *conflict;
    } features[] = {{"xnack", "xnack differs"}, {"sramecc", "sramecc differs"}};
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        const char wanted = setting_of(image, features[i].name, strlen(features[i].name));
        if (wanted && wanted != setting_of(agent, features[i].name, strlen(features[i].name)))
            return features[i].conflict;
    }
    return NULL;
}

bool hsp_isa_compatible(const char *image_isa, const char *agent_isa) {
    return hsp_isa_conflict(image_isa, agent_isa) == NULL;
}
