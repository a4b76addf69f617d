/* SPDX-License-Identifier: MIT */
/* Whether all arms launch the same packet. */
#include <string.h>

#include "layers.h"

/* "kernel_dispatch barrier=1 ... kernel=..." up to the addresses, which differ. */
static void add_packet(const struct layers_tables *tables, const char *kernel, const char *arms,
                       const union hsp_packet *packet) {
    char text[512];
    hsp_packet_describe(packet, text, sizeof text);
    char *addresses = strstr(text, " kernel=0x");
    if (addresses)
        *addresses = 0;
    report_row(tables->packets, report_text(kernel), report_text(arms),
               report_integer(packet->dispatch.header), report_text(text));
}

/* Compares what isn't an address: kernel object, arguments and signal are each arm's own. */
static bool same_packet(const union hsp_packet *a, const union hsp_packet *b) {
    return memcmp(a, b, offsetof(hsa_kernel_dispatch_packet_t, kernel_object)) == 0 &&
           (a->dispatch.completion_signal.handle == 0) ==
               (b->dispatch.completion_signal.handle == 0);
}

void layers_add_packets(const struct layers_tables *tables, struct report *report,
                        const char *kernel, const struct arms *arms) {
    union hsp_packet ours;
    hsp_arm_packet(&arms->launch, &ours);
    add_packet(tables, kernel, "ring, hsa", &ours);
    if (!arms->packet_known) {
        report_note(report, "%s: HIP's packet was not read (%s)", kernel, arms->packet_error.text);
        return;
    }
    add_packet(tables, kernel, "hip-module, hip", &arms->hip_packet);
    if (!same_packet(&ours, &arms->hip_packet))
        report_note(report, "%s: HIP's packet is another one: its layer's cost includes that",
                    kernel);
}
