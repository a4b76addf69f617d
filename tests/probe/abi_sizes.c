/* SPDX-License-Identifier: MIT */
// Prints what programs have compiled in: sizes and offsets of public structs, values of public
// constants. The test compares it with the last release's.
#include <stddef.h>
#include <stdio.h>

#include <hsaprobe/hsaprobe.h>

#define SIZE(type) printf("size %s %zu\n", #type, sizeof(type))
#define FIELD(type, name)                                                                          \
    printf("field %s.%s %zu %zu\n", #type, #name, offsetof(struct type, name),                     \
           sizeof(((struct type *)0)->name))
#define VALUE(name) printf("value %s %lld\n", #name, (long long)(name))

int main(void) {
#include "abi_sizes.def"
    return 0;
}
