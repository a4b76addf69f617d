/* SPDX-License-Identifier: MIT */
// The input is what a user calls a kernel; looked for among mangled, demangled and plain names.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/code_object.h>

#include "fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hsp_code_object *object;
    if (!object && hsp_code_object_open_file(fixture_path("names.hipfb"), &object) != HSP_OK)
        abort();
    char *name = calloc(size + 1, 1);
    if (size)
        memcpy(name, data, size);
    const struct hsp_kernel *kernel = NULL;
    const hsp_status status = hsp_code_object_find_kernel(object, NULL, name, &kernel);
    if ((status == HSP_OK) != (kernel != NULL) || (status && hsp_last_error()[0] == '\0'))
        abort();
    free(name);
    return 0;
}
