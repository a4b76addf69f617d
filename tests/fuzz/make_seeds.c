/* SPDX-License-Identifier: MIT */
// make_seeds FOLDER: inputs to begin with, a folder for each target, from the tests' code objects.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>
#include <zstd.h>

#include <hsaprobe/dispatch.h>

#include "fixture.h"
#include "probe/image.h"

static const char *folder;

static void write_seed(const char *target, const char *name, const void *data, size_t size) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, target);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

// A seed that is refused at once leads nowhere.
static void write_object(const char *target, const char *name, const void *data, size_t size) {
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_memory(data, size, name, &object) != HSP_OK) {
        fprintf(stderr, "%s/%s: %s\n", target, name, hsp_last_error());
        exit(1);
    }
    hsp_code_object_close(object);
    write_seed(target, name, data, size);
}

static void write_packed(struct fixture_bytes bundle, const char *elf) {
    char zlib_name[64], zstd_name[64];
    snprintf(zlib_name, sizeof(zlib_name), "zlib-%s", elf);
    snprintf(zstd_name, sizeof(zstd_name), "zstd-%s", elf);
    static unsigned char packed[1 << 20];
    struct {
        char magic[4];
        uint16_t version, method;
        uint32_t bytes, unpacked_bytes;
        uint64_t hash;
    } header = {"CCOB", 2, 0, 0, (uint32_t)bundle.size, 0};
    uLongf zlib_bytes = sizeof(packed) - sizeof(header);
    unsigned char *content = packed + sizeof(header);
    if (compress(content, &zlib_bytes, bundle.data, bundle.size) != Z_OK)
        exit(1);
    header.bytes = (uint32_t)(sizeof(header) + zlib_bytes);
    memcpy(packed, &header, sizeof(header));
    write_object("packed", zlib_name, packed, header.bytes);
    const size_t zstd_bytes =
        ZSTD_compress(content, sizeof(packed) - sizeof(header), bundle.data, bundle.size, 3);
    if (ZSTD_isError(zstd_bytes))
        exit(1);
    header.method = 1;
    header.bytes = (uint32_t)(sizeof(header) + zstd_bytes);
    memcpy(packed, &header, sizeof(header));
    write_object("packed", zstd_name, packed, header.bytes);
}

static void write_elf(const char *name, const char *entry_id) {
    struct fixture_bytes elf = fixture_read(name);
    write_object("elf", name, elf.data, elf.size);
    const struct hsp_bytes bytes = {.data = elf.data, .size = elf.size, .name = name};
    struct hsp_image image;
    struct hsp_bytes metadata;
    if (hsp_image_read_elf(&bytes, &image) != HSP_OK ||
        hsp_image_find_metadata(&image, name, &metadata) != HSP_OK) {
        fprintf(stderr, "%s\n", hsp_last_error());
        exit(1);
    }
    write_seed("metadata", name, metadata.data, metadata.size);
    const struct fixture_entry entries[] = {{"host-x86_64-unknown-linux--", {0}}, {entry_id, elf}};
    struct fixture_bytes bundle = fixture_bundle(entries, 2, 8);
    write_object("bundle", name, bundle.data, bundle.size);
    write_packed(bundle, name);
    free(bundle.data);
    free(elf.data);
}

static void write_packets(void) {
    for (uint16_t type = 0; type < 6; type++) {
        union hsp_packet packet = {.words = {type | 1 << 8 | 2 << 9 | 2 << 11 | 3 << 16}};
        for (uint32_t i = 1; i < 16; i++)
            packet.words[i] = i * 0x01010101;
        const char name[] = {(char)('a' + type), '\0'};
        write_seed("packet", name, &packet, sizeof(packet));
    }
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    folder = argv[1];
    write_elf("kernels-v5.o", "hipv4-amdgcn-amd-amdhsa--gfx90a");
    write_elf("kernels-v4-xnack-off.o", "hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-");
    write_elf("kernels-v4-gfx906.o", "hipv4-amdgcn-amd-amdhsa--gfx906");
    write_packets();
    static const char *const words[] = {
        "i32:5",         "n=u64:0x10", "f32:-1.5e3", "f32[16]=iota",    "x=i32[64]=rand:7>print:8",
        "u8[4]=@in>out", "ptr:0x1000", "hex:0011ff", "f16[8]=const:0.5"};
    static const char *const names[] = {"copy",
                                        "void fill<float>(float*, float)",
                                        "_Z4fillIfEvPT_S0_",
                                        "fill<int>",
                                        "deep::inner::",
                                        "overloaded(int*)"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char name[] = {(char)('a' + i), '\0'};
        write_seed("argument", name, words[i], strlen(words[i]));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char name[] = {(char)('a' + i), '\0'};
        write_seed("kernel_name", name, names[i], strlen(names[i]));
    }
    return 0;
}
