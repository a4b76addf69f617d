/* SPDX-License-Identifier: MIT */
/// Images through ROCr's own image library: import, export, clear, copy. Its kernels are built into
/// ROCr, for the GPU's instruction set.
#include "e2e.h"

#include <hsa/hsa_ext_image.h>
#include <string.h>

enum { WIDTH = 61, HEIGHT = 33, TEXELS = WIDTH * HEIGHT };

static struct e2e e2e;

struct format_case {
    hsa_ext_image_channel_type32_t type;
    hsa_ext_image_channel_order32_t order;
    uint32_t dwords; ///< of a texel
};

static const hsa_ext_image_region_t whole = {{0, 0, 0}, {WIDTH, HEIGHT, 1}};

static hsa_ext_image_t create(const hsa_ext_image_descriptor_t *descriptor, void **out_memory) {
    hsa_ext_image_data_info_t info;
    hsa_ext_image_t image = {0};
    HSA(hsa_ext_image_data_get_info(e2e.gpu, descriptor, HSA_ACCESS_PERMISSION_RW, &info));
    CHECK(info.alignment <= 1 << 16, "%zu", info.alignment);
    HSA(hsa_amd_memory_pool_allocate(e2e.device, info.size, 0, out_memory));
    HSA(hsa_ext_image_create(e2e.gpu, descriptor, *out_memory, HSA_ACCESS_PERMISSION_RW, &image));
    return image;
}

static void export_to(hsa_ext_image_t image, uint32_t *texels, uint32_t dwords) {
    memset(texels, 0x55, (size_t)TEXELS * dwords * 4);
    HSA(hsa_ext_image_export(e2e.gpu, image, texels, (size_t)WIDTH * dwords * 4,
                             (size_t)TEXELS * dwords * 4, &whole));
}

static void expect_texels(const uint32_t *got, const uint32_t *wanted, uint32_t dwords,
                          const char *what) {
    for (uint32_t i = 0; i < TEXELS * dwords; i++)
        CHECK(got[i] == wanted[i], "%s, %u dwords: texel %u is 0x%x", what, dwords, i / dwords,
              got[i]);
}

static void run_case(const struct format_case *test) {
    const hsa_ext_image_descriptor_t descriptor = {.geometry = HSA_EXT_IMAGE_GEOMETRY_2D,
                                                   .width = WIDTH,
                                                   .height = HEIGHT,
                                                   .format = {test->type, test->order}};
    const uint32_t dwords = test->dwords;
    const size_t bytes = (size_t)TEXELS * dwords * 4;
    uint32_t *wanted = e2e_alloc(&e2e, e2e.host, bytes), *got = e2e_alloc(&e2e, e2e.host, bytes);
    void *memory[2];
    const hsa_ext_image_t image = create(&descriptor, &memory[0]),
                          other = create(&descriptor, &memory[1]);
    for (uint32_t i = 0; i < TEXELS * dwords; i++)
        wanted[i] = i * 3;
    HSA(hsa_ext_image_import(e2e.gpu, wanted, (size_t)WIDTH * dwords * 4, bytes, image, &whole));
    export_to(image, got, dwords);
    expect_texels(got, wanted, dwords, "import and export");

    const uint32_t color[4] = {1, 2, 3, 4};
    const hsa_ext_image_region_t part = {{3, 4, 0}, {10, 5, 1}};
    HSA(hsa_ext_image_clear(e2e.gpu, image, color, &part));
    for (uint32_t y = 4; y < 9; y++)
        for (uint32_t x = 3; x < 13; x++)
            memcpy(&wanted[(y * WIDTH + x) * dwords], color, (size_t)dwords * 4);
    export_to(image, got, dwords);
    expect_texels(got, wanted, dwords, "clear");

    const hsa_dim3_t origin = {0, 0, 0};
    HSA(hsa_ext_image_copy(e2e.gpu, image, &origin, other, &origin, &whole.range));
    export_to(other, got, dwords);
    expect_texels(got, wanted, dwords, "copy");
    HSA(hsa_ext_image_destroy(e2e.gpu, image));
    HSA(hsa_ext_image_destroy(e2e.gpu, other));
    for (int i = 0; i < 2; i++)
        HSA(hsa_amd_memory_pool_free(memory[i]));
    HSA(hsa_amd_memory_pool_free(wanted));
    HSA(hsa_amd_memory_pool_free(got));
}

int main(void) {
    static const struct format_case cases[] = {
        {HSA_EXT_IMAGE_CHANNEL_TYPE_UNSIGNED_INT32, HSA_EXT_IMAGE_CHANNEL_ORDER_R, 1},
        {HSA_EXT_IMAGE_CHANNEL_TYPE_UNSIGNED_INT32, HSA_EXT_IMAGE_CHANNEL_ORDER_RG, 2},
        {HSA_EXT_IMAGE_CHANNEL_TYPE_UNSIGNED_INT32, HSA_EXT_IMAGE_CHANNEL_ORDER_RGBA, 4},
    };
    bool has_images = false;
    e2e_open(&e2e);
    HSA(hsa_system_extension_supported(HSA_EXTENSION_IMAGES, 1, 0, &has_images));
    if (!has_images) {
        fprintf(stderr, "this ROCr has no images\n");
        return 77;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&cases[i]);
    hsa_ext_sampler_t sampler;
    const hsa_ext_sampler_descriptor_t nearest = {HSA_EXT_SAMPLER_COORDINATE_MODE_UNNORMALIZED,
                                                  HSA_EXT_SAMPLER_FILTER_MODE_NEAREST,
                                                  HSA_EXT_SAMPLER_ADDRESSING_MODE_CLAMP_TO_EDGE};
    HSA(hsa_ext_sampler_create(e2e.gpu, &nearest, &sampler));
    HSA(hsa_ext_sampler_destroy(e2e.gpu, sampler));
    e2e_close();
    return 0;
}
