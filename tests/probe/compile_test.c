/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hsaprobe/compile.h>
#include <hsaprobe/disassembly.h>

#define ISA "amdgcn-amd-amdhsa--gfx90a"

static char cache[] = "/tmp/hsaprobe-compile-XXXXXX";
static char log_text[4096];

static void keep_log(enum hsp_log_level level, const char *line, void *data) {
    (void)level, (void)data;
    const size_t used = strlen(log_text);
    snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

static int set_up(void **state) {
    (void)state;
    hsp_log_set(keep_log, NULL);
    return mkdtemp(cache) && setenv("XDG_CACHE_HOME", cache, 1) == 0 ? 0 : 1;
}

enum change { COUNT, CUT, PATCH };

// s_endpgm becomes s_nop in a kept code object.
static void patch(const char *path) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    uint32_t word;
    while (fread(&word, 1, 1, file) == 1) {
        if (fread((char *)&word + 1, 1, 3, file) == 3 && word == 0xbf810000) {
            word = 0xbf800000;
            fseek(file, -4, SEEK_CUR);
            fwrite(&word, sizeof(word), 1, file);
            break;
        }
        fseek(file, -3, SEEK_CUR);
    }
    fclose(file);
}

// Visits the cache's files, counts them, and cuts or patches each.
static int visit_cache(enum change change) {
    char path[600];
    snprintf(path, sizeof(path), "%s/hsaprobe", cache);
    DIR *folder = opendir(path);
    int count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof(path), "%s/hsaprobe/%s", cache, entry->d_name);
        if (change == CUT)
            assert_int_equal(truncate(path, 60), 0);
        else if (change == PATCH)
            patch(path);
    }
    if (folder)
        closedir(folder);
    return count;
}

static int tear_down(void **state) {
    (void)state;
    char command[512];
    snprintf(command, sizeof(command), "rm -rf %s", cache);
    return system(command);
}

static hsp_status compile(const char *source, const char *name, const char *word,
                          struct hsp_code_object **out_object) {
    const struct hsp_compile_options options = {
        .size = sizeof(options), .isa = ISA, .words = &word, .word_count = word != NULL};
    return hsp_code_object_compile(source, strlen(source), name, &options, out_object);
}

static const struct hsp_kernel *check_kernel(struct hsp_code_object *object, const char *name) {
    const struct hsp_kernel *kernel = NULL;
    if (hsp_code_object_find_kernel(object, ISA, name, &kernel) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return kernel;
}

static void each_language_compiles(void **state) {
    (void)state;
    static const struct {
        const char *name, *source;
        uint32_t kernarg_bytes;
    } cases[] = {
        {"k.cl", "kernel void k(global float *p) { p[get_global_id(0)] = sin(2.0f); }", 64},
        {"k.hip",
         "#include <hip/hip_runtime.h>\n"
         "extern \"C\" __global__ void k(float *p) { p[threadIdx.x] = sinf(p[0]); }",
         8},
        {"k.s",
         ".text\n.globl k\n.p2align 8\n.type k,@function\nk: s_endpgm\n.Le: .size k,.Le-k\n"
         ".rodata\n.p2align 6\n.amdhsa_kernel k\n.amdhsa_next_free_vgpr 4\n"
         ".amdhsa_next_free_sgpr 8\n.amdhsa_accum_offset 4\n.end_amdhsa_kernel\n"
         ".amdgpu_metadata\n---\namdhsa.version: [1, 1]\namdhsa.kernels:\n"
         "  - {.name: k, .symbol: k.kd, .kernarg_segment_size: 0, .kernarg_segment_align: 4,"
         " .group_segment_fixed_size: 0, .private_segment_fixed_size: 0, .wavefront_size: 64,"
         " .sgpr_count: 8, .vgpr_count: 4, .max_flat_workgroup_size: 64}\n...\n"
         ".end_amdgpu_metadata\n",
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsp_code_object *object = NULL;
        if (compile(cases[i].source, cases[i].name, NULL, &object) != HSP_OK)
            fail_msg("%s", hsp_last_error());
        const struct hsp_kernel *kernel = check_kernel(object, "k");
        assert_int_equal(kernel->kernarg_bytes, cases[i].kernarg_bytes);
        if (kernel->explicit_count > 0)
            assert_string_equal(kernel->arguments[0].name, "p");
        hsp_code_object_close(object);
    }
}

static void an_error_is_the_compilers_and_the_log_is_shown(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    log_text[0] = '\0';
    const hsp_status status =
        compile("kernel void k() {\n  int x = nonsense;\n  other();\n}", "bad.cl", NULL, &object);
    assert_int_equal(HSP_STATUS_DOMAIN(status), HSP_DOMAIN_COMGR);
    assert_null(object);
    assert_string_equal(hsp_last_error(),
                        "bad.cl:2:11: error: use of undeclared identifier 'nonsense'");
    assert_non_null(strstr(log_text, "  int x = nonsense;\n"));
    assert_non_null(strstr(log_text, "bad.cl:3:3: error:"));
    assert_null(strstr(log_text, "/comgr-"));
}

static void the_name_tells_the_language(void **state) {
    (void)state;
    assert_int_equal(hsp_code_object_language("a/k.hip"), HSP_LANGUAGE_HIP);
    assert_int_equal(hsp_code_object_language("k.cu"), HSP_LANGUAGE_HIP);
    assert_int_equal(hsp_code_object_language("k.cpp"), HSP_LANGUAGE_HIP);
    assert_int_equal(hsp_code_object_language("k.s.cl"), HSP_LANGUAGE_OPENCL);
    assert_int_equal(hsp_code_object_language("k.s"), HSP_LANGUAGE_ASSEMBLY);
    assert_int_equal(hsp_code_object_language("k.hipfb"), HSP_LANGUAGE_NONE);
    assert_int_equal(hsp_code_object_language("cl"), HSP_LANGUAGE_NONE);
}

static void mistakes_of_the_caller_are_told(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    assert_int_equal(compile("", "k.txt", NULL, &object), HSP_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(hsp_last_error(), "which language"));
    struct hsp_compile_options options = {.size = sizeof(options)};
    assert_int_equal(hsp_code_object_compile("", 0, "k.cl", &options, &object),
                     HSP_ERROR_INVALID_ARGUMENT);
    options.isa = "gfx9999";
    assert_int_equal(hsp_code_object_compile("", 0, "k.cl", &options, &object),
                     HSP_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(hsp_last_error(), "can't compile for amdgcn-amd-amdhsa--gfx9999"));
    assert_null(object);
}

static void debug_information_gives_source_lines(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    assert_int_equal(
        compile("kernel void k(global int *p) {\n  *p =\n 12345;\n}", "lines.cl", "-g", &object),
        HSP_OK);
    struct hsp_disassembly *disassembly = NULL;
    assert_int_equal(hsp_disassembly_create(object, check_kernel(object, "k"), &disassembly),
                     HSP_OK);
    bool is_seen = false;
    const struct hsp_instruction *instruction;
    for (size_t i = 0; (instruction = hsp_disassembly_at(disassembly, i)); i++)
        is_seen |= strstr(instruction->text, "store") && instruction->line == 2 &&
                   strstr(instruction->file, "lines.cl");
    assert_true(is_seen);
    hsp_disassembly_destroy(disassembly);
    hsp_code_object_close(object);
}

// What another process's compilation of the source begins with; this one keeps results in memory.
static uint32_t first_word_elsewhere(void) {
    int ends[2];
    uint32_t word = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct hsp_code_object *object = NULL;
        struct hsp_disassembly *disassembly = NULL;
        const struct hsp_kernel *kernel = NULL;
        if (compile("kernel void shared() {}", "shared.cl", NULL, &object) == HSP_OK &&
            hsp_code_object_find_kernel(object, ISA, "shared", &kernel) == HSP_OK &&
            hsp_disassembly_create(object, kernel, &disassembly) == HSP_OK)
            memcpy(&word, hsp_disassembly_at(disassembly, 0)->bytes, sizeof(word));
        _exit(write(ends[1], &word, sizeof(word)) == sizeof(word) ? 0 : 1);
    }
    assert_int_equal(read(ends[0], &word, sizeof(word)), sizeof(word));
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return word;
}

static void the_directory_serves_other_processes_and_survives_damage(void **state) {
    (void)state;
    const int before = visit_cache(COUNT);
    assert_int_equal(first_word_elsewhere(), 0xbf810000);
    assert_int_equal(visit_cache(PATCH), before + 1);
    assert_int_equal(first_word_elsewhere(), 0xbf800000); // it came from there
    visit_cache(CUT);
    assert_int_equal(first_word_elsewhere(), 0xbf810000);
    assert_int_equal(visit_cache(COUNT), before + 1);
}

static void what_may_change_is_not_kept(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    const int before = visit_cache(COUNT);
    assert_int_equal(compile("//#include \"x.h\"\nkernel void k() {}", "i.cl", NULL, &object),
                     HSP_OK);
    hsp_code_object_close(object);
    assert_int_equal(compile("kernel void k() {}", "w.cl", "-I/tmp", &object), HSP_OK);
    hsp_code_object_close(object);
    // As preprocessors read it: blanks anywhere, a macro for the name, a question alone.
    static const char *const sources[] = {
        "#ifdef NEVER\n# include\t \"x.h\"\n#endif\nkernel void b() {}",
        "#ifdef NEVER\n#include NAME\n#endif\nkernel void m() {}",
        "#ifdef NEVER\n#import \"x.h\"\n#endif\nkernel void n() {}",
        "#if __has_include(\"x.h\")\n#endif\nkernel void q() {}",
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        assert_int_equal(compile(sources[i], "s.cl", NULL, &object), HSP_OK);
        hsp_code_object_close(object);
    }
    setenv("CPATH", "/tmp", 1);
    assert_int_equal(compile("kernel void v() {}", "v.cl", NULL, &object), HSP_OK);
    hsp_code_object_close(object);
    unsetenv("CPATH");
    const struct hsp_compile_options none = {
        .size = sizeof(none), .isa = ISA, .ignores_cache = true};
    assert_int_equal(hsp_code_object_compile("kernel void a() {}", 18, "a.cl", &none, &object),
                     HSP_OK);
    hsp_code_object_close(object);
    assert_int_equal(visit_cache(COUNT), before);
    // The word alone includes nothing.
    assert_int_equal(compile("kernel void w() {} // to include \"w\"", "w.cl", NULL, &object),
                     HSP_OK);
    hsp_code_object_close(object);
    assert_int_equal(visit_cache(COUNT), before + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_language_compiles),
        cmocka_unit_test(an_error_is_the_compilers_and_the_log_is_shown),
        cmocka_unit_test(the_name_tells_the_language),
        cmocka_unit_test(mistakes_of_the_caller_are_told),
        cmocka_unit_test(debug_information_gives_source_lines),
        cmocka_unit_test(the_directory_serves_other_processes_and_survives_damage),
        cmocka_unit_test(what_may_change_is_not_kept),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
