/* SPDX-License-Identifier: MIT */
#include <hsaprobe/runtime.h>

#define TEXT_OF(value)        #value
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *hsp_version_string(void) {
    return VERSION_TEXT(HSP_VERSION_MAJOR, HSP_VERSION_MINOR, HSP_VERSION_PATCH);
}
