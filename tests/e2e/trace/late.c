/* SPDX-License-Identifier: MIT */
/// Uses HIP in the ways of a program that isn't linked with it: late EXTENSION COUNT loads a
/// library that needs HIP with RTLD_LOCAL and has it make COUNT calls; late - COUNT opens HIP
/// itself and looks the function up.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int call_extension(const char *path, long count) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*call)(long) = library ? (int (*)(long))dlsym(library, "extension_call") : NULL;
    if (!call) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    return call(count);
}

static int call_directly(long count) {
    void *library = dlopen("libamdhip64.so.5", RTLD_NOW | RTLD_LOCAL);
    int (*get)(int *) = library ? (int (*)(int *))dlsym(library, "hipGetDevice") : NULL;
    int device = 0, error = 0;
    if (!get) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    for (long i = 0; i < count; i++)
        error |= get(&device);
    return error;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 1;
    const long count = atol(argv[2]);
    return strcmp(argv[1], "-") == 0 ? call_directly(count) : call_extension(argv[1], count);
}
