/* SPDX-License-Identifier: MIT */
/// spans COUNT: spans of the program's own, by the library.
#include <hsaprobe/record.h>

#include <stdlib.h>

int main(int argc, char **argv) {
    const long count = argc > 1 ? atol(argv[1]) : 0;
    uint16_t id;
    if (hsp_span_register("step", &id) != HSP_OK)
        return 1;
    for (long i = 0; i < count; i++) {
        const uint64_t start = hsp_clock_ticks();
        hsp_span_record(id, start, hsp_clock_ticks());
    }
    return 0;
}
