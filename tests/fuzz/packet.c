/* SPDX-License-Identifier: MIT */
// The input is a packet of a ring; its description fits whatever the room.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/queue.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    union hsp_packet packet = {0};
    memcpy(&packet, data, size < sizeof(packet) ? size : sizeof(packet));
    const int length = hsp_packet_describe(&packet, NULL, 0);
    if (length <= 0)
        abort();
    const size_t rooms[] = {(size_t)length + 1, (size_t)length, 1, packet.words[15] % 97 + 1};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        char *text = malloc(rooms[i]);
        if (hsp_packet_describe(&packet, text, rooms[i]) != length || strlen(text) >= rooms[i] ||
            strchr(text, '\n'))
            abort();
        free(text);
    }
    return 0;
}
