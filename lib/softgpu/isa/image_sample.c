/* SPDX-License-Identifier: MIT */
/* Samplers. Coordinates become fixed-point numbers with 8 fractional bits, as on hardware. */
#include "softgpu/isa/image.h"

#include <math.h>
#include <string.h>

enum clamp {
    CLAMP_WRAP,
    CLAMP_MIRROR,
    CLAMP_LAST,
    CLAMP_MIRROR_ONCE_LAST,
    CLAMP_HALF_BORDER,
    CLAMP_MIRROR_ONCE_HALF_BORDER,
    CLAMP_BORDER,
    CLAMP_MIRROR_ONCE_BORDER,
};

enum { SUBTEXELS = 256 };
#define BORDER UINT32_MAX

struct sampler {
    enum clamp clamp[3];
    bool is_unnormalized;
    bool is_truncating; ///< TRUNC_COORD
    bool is_linear[3];
    uint32_t border[4]; ///< as registers
};

/* One axis of one lane: two texels (BORDER: none) and the weight of the second. */
struct tap {
    uint32_t texel[2];
    float weight;
};

static uint32_t float_word(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float word_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct sampler take_sampler(const struct sg_wave *w, const struct sg_op *op,
                                   const struct sg_image *image) {
    enum { POINT_Z = 1, LINEAR_Z = 2, OPAQUE_BLACK = 1, OPAQUE_WHITE = 2 };
    const uint32_t *words = &w->s[op->src[2]];
    bool is_float = sg_number_is_float(image->number);
    bool linear = words[2] >> 20 & 1 && is_float; // integers can't be weighted
    uint32_t z_filter = words[2] >> 24 & 3, border = words[3] >> 30;
    uint32_t one = is_float ? float_word(1) : 1;
    struct sampler sampler = {.is_unnormalized = op->mods & SG_IMAGE_UNORM || words[0] >> 15 & 1};
    sampler.is_truncating = words[0] >> 27 & 1;
    for (uint32_t axis = 0; axis < 3; axis++) {
        sampler.clamp[axis] = (enum clamp)(words[0] >> (3 * axis) & 7);
        sampler.is_linear[axis] = linear;
        sampler.border[axis] = border == OPAQUE_WHITE ? one : 0;
    }
    if (z_filter != 0) // 0: like the others
        sampler.is_linear[2] = z_filter == LINEAR_Z && is_float;
    sampler.border[3] = border == OPAQUE_BLACK || border == OPAQUE_WHITE ? one : 0;
    return sampler;
}

static int64_t modulo(int64_t value, int64_t size) {
    int64_t rest = value % size;
    return rest < 0 ? rest + size : rest;
}

static uint32_t clamp_texel(enum clamp clamp, int64_t at, int64_t size) {
    switch (clamp) {
    case CLAMP_WRAP:
        return (uint32_t)modulo(at, size);
    case CLAMP_MIRROR:
        at = modulo(at, 2 * size);
        return (uint32_t)(at < size ? at : 2 * size - 1 - at);
    case CLAMP_MIRROR_ONCE_LAST:
    case CLAMP_MIRROR_ONCE_HALF_BORDER:
    case CLAMP_MIRROR_ONCE_BORDER:
        at = at < 0 ? -1 - at : at;
        break;
    case CLAMP_LAST:
    case CLAMP_HALF_BORDER:
    case CLAMP_BORDER:
        break;
    }
    if (clamp >= CLAMP_HALF_BORDER && (at < 0 || at >= size))
        return BORDER;
    return (uint32_t)(at < 0 ? 0 : at >= size ? size - 1 : at);
}

/* Texels of a coordinate. Half a border: the coordinate itself stops at the edge. */
static struct tap take_tap(const struct sampler *sampler, uint32_t axis, float coordinate,
                           uint32_t size) {
    enum { FAR = 1 << 24 };
    enum clamp clamp = sampler->clamp[axis];
    bool is_linear = sampler->is_linear[axis];
    double at = sampler->is_unnormalized ? (double)coordinate : (double)coordinate * size;
    at = isnan(at) ? 0 : at < -FAR ? -FAR : at > FAR ? FAR : at;
    if (clamp == CLAMP_HALF_BORDER || clamp == CLAMP_MIRROR_ONCE_HALF_BORDER) {
        at = at < 0 && clamp == CLAMP_MIRROR_ONCE_HALF_BORDER ? -at : at;
        at = at < 0 ? 0 : at > size ? size : at;
        clamp = is_linear ? CLAMP_BORDER : CLAMP_LAST;
    }
    /* Rounded for point filters, too: device code gives them the texel's edge, times 1 / size. */
    double scaled = (is_linear ? at - 0.5 : at) * SUBTEXELS;
    int64_t fixed = (int64_t)(sampler->is_truncating ? floor(scaled) : rint(scaled));
    int64_t part = modulo(fixed, SUBTEXELS), first = (fixed - part) / SUBTEXELS;
    struct tap tap = {{clamp_texel(clamp, first, size), 0}, 0};
    if (is_linear) {
        tap.texel[1] = clamp_texel(clamp, first + 1, size);
        tap.weight = (float)part / SUBTEXELS;
    }
    return tap;
}

static float lane_float(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                        uint32_t n) {
    uint32_t word = sg_image_address(w, op, lane, n);
    return word_float(op->mods & SG_IMAGE_A16 ? sg_small_float_widen(word, 10, true) : word);
}

/* Layers are the nearest one. A cube's face coordinates are 1 to 2. */
static void take_taps(const struct sg_wave *w, const struct sg_op *op, const struct sg_image *image,
                      const struct sampler *sampler, uint32_t lane, struct tap taps[3]) {
    bool is_cube = image->is_cube;
    memset(taps, 0, 3 * sizeof *taps);
    for (uint32_t axis = 0; axis < image->dims; axis++)
        taps[axis] = take_tap(sampler, axis, lane_float(w, op, lane, axis) - (is_cube ? 1 : 0),
                              image->size[axis]);
    if (image->is_layered && op->mods & SG_IMAGE_DA) {
        float layer = rintf(lane_float(w, op, lane, image->dims));
        float last = (float)image->size[2] - 1;
        taps[2].texel[0] = layer > 0 ? (uint32_t)(layer > last ? last : layer) : 0;
    }
}

static bool read_tap(struct sg_wave *w, const struct sg_image *image, const struct sampler *sampler,
                     const uint32_t at[3], uint32_t texel[4], struct sg_access_fault *fault) {
    if (at[0] != BORDER && at[1] != BORDER && at[2] != BORDER)
        return sg_image_read(w, image, at, texel, fault);
    memcpy(texel, sampler->border, sizeof sampler->border);
    return true;
}

static bool sample_lane(struct sg_wave *w, const struct sg_image *image,
                        const struct sampler *sampler, const struct tap taps[3], uint32_t out[4],
                        struct sg_access_fault *fault) {
    float sum[4] = {0};
    for (uint32_t corner = 0; corner < 8; corner++) {
        uint32_t at[3], texel[4];
        float weight = 1;
        for (uint32_t axis = 0; axis < 3; axis++) {
            uint32_t second = corner >> axis & 1;
            at[axis] = taps[axis].texel[second];
            weight *= second ? taps[axis].weight : 1 - taps[axis].weight;
        }
        if (weight == 0)
            continue;
        if (!read_tap(w, image, sampler, at, texel, fault))
            return false;
        if (weight == 1) { // one texel, whatever its bits are
            memcpy(out, texel, sizeof texel);
            return true;
        }
        for (uint32_t i = 0; i < 4; i++)
            sum[i] += weight * word_float(texel[i]);
    }
    memcpy(out, sum, sizeof sum);
    return true;
}

bool sg_image_sample(struct sg_wave *w, const struct sg_op *op) {
    struct sg_image image;
    struct sg_access_fault fault;
    sg_lane_row components[4];
    w->memory_op = op;
    if (!sg_image_take(w, op, &image))
        return false;
    struct sampler sampler = take_sampler(w, op, &image);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        struct tap taps[3];
        uint32_t lane = sg_first_lane(left), texel[4] = {0};
        fault.lane = w->fault.lane = lane;
        if (!image.is_null) {
            take_taps(w, op, &image, &sampler, lane, taps);
            if (!sample_lane(w, &image, &sampler, taps, texel, &fault)) {
                sg_vmem_fault(w, op, &fault, false);
                return false;
            }
        }
        for (uint32_t i = 0; i < 4; i++)
            components[i][lane] = sg_texel_select(image.select[i], image.number, texel);
    }
    sg_image_write_back(w, op, image.number, (const sg_lane_row *)components);
    return true;
}
