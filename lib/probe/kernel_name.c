/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/code_object.h"
#include "probe/isa.h"

#define CANDIDATES_MAX 6

/// Kernels that a name could mean; no duplicates of the same mangled name.
struct candidates {
    const struct hsp_kernel *items[CANDIDATES_MAX];
    size_t count; ///< also those beyond CANDIDATES_MAX
};

/// A name to look for and the images to look in.
struct search {
    struct hsp_code_object *object;
    const char *agent_isa; ///< NULL: all images
    const char *name;
};

// A demangled name without the return type that templates carry: "void f<int>(int*)".
static const char *skip_return_type(const char *demangled) {
    return strncmp(demangled, "void ", 5) == 0 ? demangled + 5 : demangled;
}

// Length of "f<int>" in "f<int>(int*, int)": up to the '(' outside of all brackets. A name may hold
// "(anonymous namespace)".
static size_t base_length(const char *signature) {
    static const char anonymous[] = "(anonymous namespace)";
    int depth = 0;
    for (size_t i = 0; signature[i]; i++) {
        if (strncmp(signature + i, anonymous, sizeof(anonymous) - 1) == 0)
            i += sizeof(anonymous) - 2;
        else if (signature[i] == '<')
            depth++;
        else if (signature[i] == '>')
            depth--;
        else if (signature[i] == '(' && depth == 0)
            return i;
    }
    return strlen(signature);
}

static bool is_exact_name(const struct hsp_kernel *kernel, const char *name) {
    return strcmp(kernel->name, name) == 0 || strcmp(kernel->symbol, name) == 0;
}

static bool is_exact_signature(const struct hsp_kernel *kernel, const char *name) {
    return strcmp(kernel->demangled, name) == 0 ||
           strcmp(skip_return_type(kernel->demangled), name) == 0;
}

static bool is_base_name(const struct hsp_kernel *kernel, const char *name) {
    const char *signature = skip_return_type(kernel->demangled);
    const size_t length = base_length(signature);
    return strlen(name) == length && strncmp(signature, name, length) == 0;
}

static bool is_prefix(const struct hsp_kernel *kernel, const char *name) {
    const size_t length = strlen(name);
    return strncmp(kernel->name, name, length) == 0 ||
           strncmp(skip_return_type(kernel->demangled), name, length) == 0;
}

typedef bool (*matcher)(const struct hsp_kernel *kernel, const char *name);

static const matcher matchers[] = {is_exact_name, is_exact_signature, is_base_name, is_prefix};

// Whether an image takes part: per bundle the best one for the agent.
static bool image_is_searched(const struct search *search, size_t index) {
    if (!search->agent_isa)
        return true;
    const struct hsp_image *images = search->object->images;
    const struct hsp_image *image = &images[index];
    if (!hsp_isa_compatible(image->isa, search->agent_isa))
        return false;
    for (size_t i = 0; i < search->object->image_count; i++) {
        if (i == index || images[i].bundle_index != image->bundle_index ||
            !hsp_isa_compatible(images[i].isa, search->agent_isa))
            continue;
        const uint32_t mine = hsp_isa_feature_count(image->isa);
        const uint32_t other = hsp_isa_feature_count(images[i].isa);
        if (other > mine || (other == mine && i < index))
            return false;
    }
    return true;
}

static void add_candidate(struct candidates *candidates, const struct hsp_kernel *kernel) {
    const size_t kept = candidates->count < CANDIDATES_MAX ? candidates->count : CANDIDATES_MAX;
    for (size_t i = 0; i < kept; i++)
        if (strcmp(candidates->items[i]->name, kernel->name) == 0)
            return;
    if (candidates->count < CANDIDATES_MAX)
        candidates->items[candidates->count] = kernel;
    candidates->count++;
}

static hsp_status collect(const struct search *search, matcher matches,
                          struct candidates *candidates) {
    for (size_t i = 0; i < search->object->image_count; i++) {
        if (!image_is_searched(search, i))
            continue;
        const struct hsp_kernel *kernels;
        size_t count = 0;
        const hsp_status status = hsp_code_object_kernels(search->object, i, &kernels, &count);
        if (status != HSP_OK)
            return status;
        for (size_t k = 0; k < count; k++)
            if (matches(&kernels[k], search->name))
                add_candidate(candidates, &kernels[k]);
    }
    return HSP_OK;
}

// Names as the user would write them: the shortest that is unique is the demangled signature.
static void list_candidates(const struct candidates *candidates, char *text, size_t bytes) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < candidates->count && i < CANDIDATES_MAX && used < bytes; i++) {
        const int length = snprintf(text + used, bytes - used, "%s%s", i ? ", " : "",
                                    skip_return_type(candidates->items[i]->demangled));
        used += length > 0 ? (size_t)length : 0;
    }
    if (candidates->count > CANDIDATES_MAX && used < bytes)
        snprintf(text + used, bytes - used, " and %zu more", candidates->count - CANDIDATES_MAX);
}

// Levenshtein distance of two words, cut at 64 characters each.
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    enum { MAX = 64 };
    size_t row[MAX + 1];
    a_length = a_length < MAX ? a_length : MAX;
    b_length = b_length < MAX ? b_length : MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            const size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = changed < shorter ? changed : shorter;
        }
    }
    return row[b_length];
}

static bool is_near(const struct hsp_kernel *kernel, const char *name) {
    const char *signature = skip_return_type(kernel->demangled);
    const size_t length = base_length(signature);
    const size_t name_length = strlen(name);
    return strcasestr(signature, name) != NULL ||
           distance(signature, length, name, name_length) <= 1 + name_length / 3;
}

static bool is_any(const struct hsp_kernel *kernel, const char *name) {
    (void)kernel, (void)name;
    return true;
}

static hsp_status refuse_unknown(const struct search *search) {
    struct candidates near = {0}, all = {0};
    hsp_status status = collect(search, is_near, &near);
    if (status == HSP_OK)
        status = collect(search, is_any, &all);
    if (status != HSP_OK)
        return status;
    char list[640];
    if (all.count == 0)
        return hsp_fail(HSP_ERROR_NOT_FOUND, "%s has no kernel '%s': it has no kernels at all",
                        search->object->name, search->name);
    list_candidates(near.count ? &near : &all, list, sizeof(list));
    return hsp_fail(HSP_ERROR_NOT_FOUND, "%s has no kernel '%s': %s %s%s", search->object->name,
                    search->name, near.count ? "did you mean" : "it has", list,
                    near.count ? "?" : "");
}

static hsp_status check_searched(const struct search *search) {
    size_t unused;
    if (!search->name || !search->name[0])
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%s: a kernel's name is missing",
                        search->object->name);
    return search->agent_isa ? hsp_code_object_select(search->object, search->agent_isa, &unused)
                             : HSP_OK;
}

hsp_status hsp_code_object_find_kernel(struct hsp_code_object *object, const char *agent_isa,
                                       const char *name, const struct hsp_kernel **out_kernel) {
    const struct search search = {.object = object, .agent_isa = agent_isa, .name = name};
    hsp_status status = check_searched(&search);
    if (status != HSP_OK)
        return status;
    for (size_t i = 0; i < sizeof(matchers) / sizeof(matchers[0]); i++) {
        struct candidates found = {0};
        status = collect(&search, matchers[i], &found);
        if (status != HSP_OK)
            return status;
        if (found.count == 1) {
            *out_kernel = found.items[0];
            return HSP_OK;
        }
        if (found.count > 1) {
            char list[640];
            list_candidates(&found, list, sizeof(list));
            return hsp_fail(HSP_ERROR_AMBIGUOUS, "kernel '%s' is ambiguous in %s: %s", name,
                            object->name, list);
        }
    }
    return refuse_unknown(&search);
}
