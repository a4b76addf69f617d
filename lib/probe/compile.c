/* SPDX-License-Identifier: MIT */
#include <hsaprobe/compile.h>

#include <amd_comgr.h>
#include <errno.h>
#include <glob.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "probe/code_object.h"
#include "probe/compile_cache.h"
#include "probe/probe.h"

/// One compilation. Words are options of clang; those that are ours are owned.
struct compilation {
    const struct hsp_compile_options *options;
    const char *name;
    char isa[HSP_ISA_NAME_BYTES];
    char resources[256]; ///< clang's own folder; "" when not found
    amd_comgr_action_info_t action;
};

static const char *const optimize_default = "-O3";

static const struct {
    const char *ending;
    enum hsp_language language;
} endings[] = {
    {".hip", HSP_LANGUAGE_HIP},   {".cu", HSP_LANGUAGE_HIP},     {".cpp", HSP_LANGUAGE_HIP},
    {".cl", HSP_LANGUAGE_OPENCL}, {".s", HSP_LANGUAGE_ASSEMBLY},
};

enum hsp_language hsp_code_object_language(const char *name) {
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strcmp(ending, endings[i].ending) == 0)
            return endings[i].language;
    return HSP_LANGUAGE_NONE;
}

// The LLVM that comgr uses, when that is a library of its own: its version says which clang's
// headers fit.
static int find_llvm(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    const char *library = strstr(info->dlpi_name, "/libLLVM-");
    return library && sscanf(library, "/libLLVM-%d", (int *)data) == 1;
}

static void find_resources(char *out_path, size_t bytes) {
    int version = 0;
    char pattern[96] = "/opt/rocm/llvm/lib/clang/*/include/opencl-c.h";
    out_path[0] = '\0';
    if (dl_iterate_phdr(find_llvm, &version))
        snprintf(pattern, sizeof(pattern), "/usr/lib/llvm-%d/lib/clang/*/include/opencl-c.h",
                 version);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    const char *path = found.gl_pathv[found.gl_pathc - 1];
    snprintf(out_path, bytes, "%.*s", (int)(strstr(path, "/include/") - path), path);
    globfree(&found);
}

static hsp_status fail_comgr(const struct compilation *compilation, amd_comgr_status_t code,
                             const char *what) {
    const char *why = NULL;
    amd_comgr_status_string(code, &why);
    return hsp_fail(HSP_STATUS(HSP_DOMAIN_COMGR, code), "%s: %s: %s", compilation->name, what,
                    why ? why : "comgr failed");
}

// The log without the name of comgr's temporary folder.
static void strip_folder(char *line) {
    char *input = strstr(line, "/input/");
    char *start = input ? strstr(line, "/comgr-") : NULL;
    if (!start || start > input)
        return;
    while (start > line && !strchr(" \t'\"", start[-1]))
        start--;
    memmove(start, input + strlen("/input/"), strlen(input + strlen("/input/")) + 1);
}

// Hands the log over line by line; `first` is its first error, or "".
static void tell_log(char *log, enum hsp_log_level level, char *first, size_t bytes) {
    first[0] = '\0';
    for (char *rest = log, *line; (line = strsep(&rest, "\n"));) {
        if (!*line)
            continue;
        strip_folder(line);
        hsp_log(level, "%s", line);
        if (!first[0] && strstr(line, "error:"))
            snprintf(first, bytes, "%s", line);
    }
}

static char *read_data(amd_comgr_data_set_t set, amd_comgr_data_kind_t kind, size_t *out_size) {
    amd_comgr_data_t data;
    if (amd_comgr_action_data_get_data(set, kind, 0, &data) != AMD_COMGR_STATUS_SUCCESS)
        return NULL;
    size_t size = 0;
    char *bytes = NULL;
    if (amd_comgr_get_data(data, &size, NULL) == AMD_COMGR_STATUS_SUCCESS &&
        (bytes = malloc(size + 1))) {
        if (amd_comgr_get_data(data, &size, bytes) == AMD_COMGR_STATUS_SUCCESS) {
            bytes[size] = '\0';
            *out_size = size;
        } else {
            free(bytes);
            bytes = NULL;
        }
    }
    amd_comgr_release_data(data);
    return bytes;
}

/// A step of comgr: its words are set, it reads the set before and makes the next one.
struct step {
    amd_comgr_action_kind_t kind;
    const char *what;
    const char *const *words;
    size_t word_count;
};

static hsp_status run_step(const struct compilation *compilation, const struct step *step,
                           amd_comgr_data_set_t *set) {
    amd_comgr_data_set_t next;
    amd_comgr_status_t code = amd_comgr_create_data_set(&next);
    if (code != AMD_COMGR_STATUS_SUCCESS)
        return fail_comgr(compilation, code, step->what);
    code = amd_comgr_action_info_set_option_list(
        compilation->action, (const char **)(uintptr_t)step->words, step->word_count);
    if (code == AMD_COMGR_STATUS_SUCCESS)
        code = amd_comgr_do_action(step->kind, compilation->action, *set, next);
    amd_comgr_destroy_data_set(*set);
    *set = next;
    size_t size = 0;
    char first[512] = "";
    char *log = read_data(next, AMD_COMGR_DATA_KIND_LOG, &size);
    const bool is_good = code == AMD_COMGR_STATUS_SUCCESS;
    if (log)
        tell_log(log, is_good ? HSP_LOG_INFO : HSP_LOG_WARN, first, sizeof(first));
    free(log);
    if (is_good)
        return HSP_OK;
    return first[0] ? hsp_fail(HSP_STATUS(HSP_DOMAIN_COMGR, code), "%s", first)
                    : fail_comgr(compilation, code, step->what);
}

static const char *optimization(const struct hsp_compile_options *options) {
    for (size_t i = options->word_count; i-- > 0;)
        if (strncmp(options->words[i], "-O", 2) == 0)
            return options->words[i];
    return optimize_default;
}

enum { OWN_WORDS = 8 };

// Our words come first, so that the caller's win.
static size_t front_words(const struct compilation *compilation, enum hsp_language language,
                          char include[300], const char **words) {
    size_t count = 0;
    words[count++] = optimization(compilation->options);
    if (compilation->resources[0]) {
        words[count++] = "-resource-dir";
        words[count++] = compilation->resources;
    }
    // Without these the code names no arguments, which then can't be bound by name.
    if (language == HSP_LANGUAGE_OPENCL) {
        words[count++] = "-cl-kernel-arg-info";
        words[count++] = "-Xclang";
        words[count++] = "-finclude-default-header";
    } else {
        // HIP's header includes clang's by a path from there.
        snprintf(include, 300, "-I%s", compilation->resources);
        words[count++] = "-fhip-kernel-arg-name";
        words[count++] = "-I/opt/rocm/include";
        words[count++] = "-I/usr/include";
        if (compilation->resources[0])
            words[count++] = include;
    }
    for (size_t i = 0; i < compilation->options->word_count; i++)
        words[count++] = compilation->options->words[i];
    return count;
}

static hsp_status compile_steps(const struct compilation *compilation, enum hsp_language language,
                                amd_comgr_data_set_t *set) {
    const struct hsp_compile_options *options = compilation->options;
    const char **words = calloc(options->word_count + OWN_WORDS, sizeof(*words));
    if (!words)
        return hsp_fail_memory("compiler options");
    char include[300];
    const size_t count = front_words(compilation, language, include, words);
    static const char *const libraries[] = {"code_object_v4", "correctly_rounded_sqrt"};
    const char *optimize = optimization(options);
    const struct step steps[] = {
        {AMD_COMGR_ACTION_COMPILE_SOURCE_WITH_DEVICE_LIBS_TO_BC, "compiling", words, count},
        // The step before links them for OpenCL C alone.
        {AMD_COMGR_ACTION_ADD_DEVICE_LIBRARIES, "device libraries", libraries, 2},
        {AMD_COMGR_ACTION_LINK_BC_TO_BC, "linking bitcode", NULL, 0},
        {AMD_COMGR_ACTION_CODEGEN_BC_TO_RELOCATABLE, "generating code", &optimize, 1},
    };
    hsp_status status = HSP_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == HSP_OK; i++)
        if (language == HSP_LANGUAGE_HIP || steps[i].kind != AMD_COMGR_ACTION_ADD_DEVICE_LIBRARIES)
            status = run_step(compilation, &steps[i], set);
    free(words);
    return status;
}

static hsp_status run_steps(const struct compilation *compilation, enum hsp_language language,
                            amd_comgr_data_set_t *set) {
    const struct hsp_compile_options *options = compilation->options;
    hsp_status status;
    if (language == HSP_LANGUAGE_ASSEMBLY) {
        const struct step assemble = {AMD_COMGR_ACTION_ASSEMBLE_SOURCE_TO_RELOCATABLE, "assembling",
                                      options->words, options->word_count};
        status = run_step(compilation, &assemble, set);
    } else {
        status = compile_steps(compilation, language, set);
    }
    const struct step link = {AMD_COMGR_ACTION_LINK_RELOCATABLE_TO_EXECUTABLE, "linking", NULL, 0};
    return status == HSP_OK ? run_step(compilation, &link, set) : status;
}

static amd_comgr_status_t add_source(const struct compilation *compilation,
                                     const struct hsp_blob *source, amd_comgr_data_set_t set) {
    const char *slash = strrchr(compilation->name, '/');
    amd_comgr_data_t data;
    amd_comgr_status_t code = amd_comgr_create_data(AMD_COMGR_DATA_KIND_SOURCE, &data);
    if (code != AMD_COMGR_STATUS_SUCCESS)
        return code;
    code = amd_comgr_set_data(data, source->size, (const char *)source->data);
    if (code == AMD_COMGR_STATUS_SUCCESS)
        code = amd_comgr_set_data_name(data, slash ? slash + 1 : compilation->name);
    if (code == AMD_COMGR_STATUS_SUCCESS)
        code = amd_comgr_data_set_add(set, data);
    amd_comgr_release_data(data);
    return code;
}

static hsp_status compile(struct compilation *compilation, enum hsp_language language,
                          const struct hsp_blob *source, struct hsp_blob *out_code) {
    static const amd_comgr_language_t languages[] = {
        [HSP_LANGUAGE_HIP] = AMD_COMGR_LANGUAGE_HIP,
        [HSP_LANGUAGE_OPENCL] = AMD_COMGR_LANGUAGE_OPENCL_2_0,
        [HSP_LANGUAGE_ASSEMBLY] = AMD_COMGR_LANGUAGE_NONE,
    };
    amd_comgr_data_set_t set;
    amd_comgr_status_t code = amd_comgr_create_action_info(&compilation->action);
    if (code != AMD_COMGR_STATUS_SUCCESS)
        return fail_comgr(compilation, code, "comgr");
    hsp_status status = HSP_OK;
    if (amd_comgr_action_info_set_isa_name(compilation->action, compilation->isa) !=
        AMD_COMGR_STATUS_SUCCESS)
        status = hsp_fail(HSP_ERROR_NOT_SUPPORTED, "%s: comgr can't compile for %s",
                          compilation->name, compilation->isa);
    amd_comgr_action_info_set_language(compilation->action, languages[language]);
    amd_comgr_action_info_set_logging(compilation->action, true);
    if (status == HSP_OK && (code = amd_comgr_create_data_set(&set)) != AMD_COMGR_STATUS_SUCCESS)
        status = fail_comgr(compilation, code, "comgr");
    if (status == HSP_OK) {
        code = add_source(compilation, source, set);
        status = code == AMD_COMGR_STATUS_SUCCESS ? run_steps(compilation, language, &set)
                                                  : fail_comgr(compilation, code, "comgr");
        if (status == HSP_OK) {
            out_code->data =
                (unsigned char *)read_data(set, AMD_COMGR_DATA_KIND_EXECUTABLE, &out_code->size);
            status = out_code->data ? HSP_OK : hsp_fail_memory("compiled code");
        }
        amd_comgr_destroy_data_set(set);
    }
    amd_comgr_destroy_action_info(compilation->action);
    return status;
}

// Whether the word, where it may be a directive's, is followed by a header of the system's, as in
// #include <x.h>. Says no too often rather than too rarely.
static bool names_system_headers_only(const struct hsp_blob *source, const char *word) {
    const char *at = (const char *)source->data, *end = at + source->size;
    const size_t length = strlen(word);
    while ((at = memmem(at, (size_t)(end - at), word, length))) {
        const char *before = at;
        while (before > (const char *)source->data && strchr(" \t", before[-1]))
            before--;
        const bool is_directive =
            before > (const char *)source->data && memchr("#.:/_", before[-1], 5);
        at += length;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (is_directive && (at == end || *at != '<'))
            return false;
    }
    return true;
}

// Whether nothing but the key decides on the result.
static bool is_self_contained(const struct hsp_compile_options *options,
                              const struct hsp_blob *source) {
    static const char *const reading[] = {"include", "import", "embed", "incbin"};
    static const char *const naming[] = {"-I", "-i", "-X", "-F", "-f", "@", "--", "-B"};
    static const char *const variables[] = {"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH"};
    for (size_t i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
        if (!names_system_headers_only(source, reading[i]))
            return false;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        if (getenv(variables[i]))
            return false;
    for (size_t i = 0; i < options->word_count; i++) {
        if (options->words[i][0] != '-')
            return false;
        for (size_t j = 0; j < sizeof(naming) / sizeof(naming[0]); j++)
            if (strncmp(options->words[i], naming[j], strlen(naming[j])) == 0)
                return false;
    }
    return true;
}

// Everything that the result depends on, each part ended by a zero.
static bool make_key(const struct compilation *compilation, enum hsp_language language,
                     const struct hsp_blob *source, struct hsp_blob *out_key) {
    size_t major = 0, minor = 0;
    amd_comgr_get_version(&major, &minor);
    char *text = NULL;
    FILE *stream = open_memstream(&text, &out_key->size);
    if (!stream)
        return false;
    fprintf(stream, "comgr %zu.%zu%c%s%c%s%c%d%c%s%c", major, minor, 0, compilation->resources, 0,
            compilation->isa, 0, language, 0, compilation->name, 0);
    for (size_t i = 0; i < compilation->options->word_count; i++)
        fprintf(stream, "%s%c", compilation->options->words[i], 0);
    fputc(0, stream);
    fwrite(source->data, 1, source->size, stream);
    const bool is_good = !ferror(stream);
    const bool is_closed = fclose(stream) == 0;
    out_key->data = (unsigned char *)text;
    if (is_good && is_closed)
        return true;
    free(text);
    return false;
}

static hsp_status find_or_compile(struct compilation *compilation, enum hsp_language language,
                                  const struct hsp_blob *source, struct hsp_blob *out_code) {
    struct hsp_blob key = {0};
    if (compilation->options->ignores_cache || !is_self_contained(compilation->options, source) ||
        !make_key(compilation, language, source, &key))
        return compile(compilation, language, source, out_code);
    hsp_status status = HSP_OK;
    if (!hsp_compile_cache_find(&key, out_code)) {
        status = compile(compilation, language, source, out_code);
        if (status == HSP_OK)
            hsp_compile_cache_add(&key, out_code);
    }
    free(key.data);
    return status;
}

hsp_status hsp_code_object_compile(const void *source, size_t bytes, const char *name,
                                   const struct hsp_compile_options *options,
                                   struct hsp_code_object **out_object) {
    struct hsp_compile_options chosen = {0};
    hsp_status status = hsp_options_read(options, &chosen, sizeof(chosen), "compile options");
    if (status != HSP_OK)
        return status;
    struct compilation compilation = {.options = &chosen, .name = name ? name : "source"};
    const enum hsp_language language =
        chosen.language ? chosen.language : hsp_code_object_language(compilation.name);
    if (language == HSP_LANGUAGE_NONE || language > HSP_LANGUAGE_ASSEMBLY)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "%s: which language? names of sources end in .hip, .cl or .s",
                        compilation.name);
    if (!chosen.isa)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%s: compile for which ISA?", compilation.name);
    snprintf(compilation.isa, sizeof(compilation.isa), "%s%s",
             strncmp(chosen.isa, "amdgcn-", 7) == 0 ? "" : "amdgcn-amd-amdhsa--", chosen.isa);
    find_resources(compilation.resources, sizeof(compilation.resources));
    const struct hsp_blob blob = {.data = (unsigned char *)(uintptr_t)source, .size = bytes};
    struct hsp_blob code = {0};
    status = find_or_compile(&compilation, language, &blob, &code);
    if (status == HSP_OK)
        status = hsp_code_object_open_memory(code.data, code.size, compilation.name, out_object);
    free(code.data);
    return status;
}

hsp_status hsp_code_object_compile_file(const char *path, const struct hsp_compile_options *options,
                                        struct hsp_code_object **out_object) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    hsp_status status = hsp_file_read(path, &bytes, &size);
    if (status == HSP_OK)
        status = hsp_code_object_compile(bytes, size, path, options, out_object);
    free(bytes);
    return status;
}
