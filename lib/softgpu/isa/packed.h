/* SPDX-License-Identifier: MIT */
/// Lane arithmetic on registers that hold two 16-bit values, and dot products.
#ifndef SG_ISA_PACKED_H
#define SG_ISA_PACKED_H

#include "softgpu/isa/numeric.h"

SG_INLINE float pk_low(uint32_t x, uint32_t mode) {
    return half_value(x & 0xffff, mode);
}
SG_INLINE float pk_high(uint32_t x, uint32_t mode) {
    return half_value(x >> 16, mode);
}
SG_INLINE float clamp_f32(float x) {
    float r = x > 0.0f ? x : 0.0f;
    return r < 1.0f ? r : 1.0f;
}
SG_INLINE uint32_t pk_f16(float low, float high, bool clamp, uint32_t mode) {
    low = clamp ? clamp_f32(low) : low;
    high = clamp ? clamp_f32(high) : high;
    return half_bits(low, mode) | half_bits(high, mode) << 16;
}
SG_INLINE uint32_t pk_fma_f16(uint32_t a, uint32_t b, uint32_t c, bool clamp, uint32_t mode) {
    return pk_f16(fma_f16(pk_low(a, mode), pk_low(b, mode), pk_low(c, mode)),
                  fma_f16(pk_high(a, mode), pk_high(b, mode), pk_high(c, mode)), clamp, mode);
}

/// Two exact signed results to a register, wrapped or saturated.
SG_INLINE uint32_t pk_i16(int32_t low, int32_t high, bool clamp) {
    low = clamp ? clamp_i32(low, -32768, 32767) : low;
    high = clamp ? clamp_i32(high, -32768, 32767) : high;
    return ((uint32_t)low & 0xffff) | (uint32_t)high << 16;
}
/// Two exact results of unsigned operands; a difference may be negative.
SG_INLINE uint32_t pk_u16(int32_t low, int32_t high, bool clamp) {
    low = clamp ? clamp_i32(low, 0, 65535) : low;
    high = clamp ? clamp_i32(high, 0, 65535) : high;
    return ((uint32_t)low & 0xffff) | (uint32_t)high << 16;
}
SG_INLINE int32_t pk_i(uint32_t x, uint32_t half) {
    return sext16(x >> half * 16);
}
SG_INLINE int32_t pk_u(uint32_t x, uint32_t half) {
    return (int32_t)(x >> half * 16 & 0xffff);
}
/// a * b + c of unsigned halves; saturates before it could wrap an int.
SG_INLINE int32_t pk_mad_u(uint32_t a, uint32_t b, uint32_t c, uint32_t half, bool clamp) {
    uint32_t r = (uint32_t)pk_u(a, half) * (uint32_t)pk_u(b, half);
    r = clamp && r > 65535 ? 65535 : r;
    return (int32_t)((r + (uint32_t)pk_u(c, half)) & (clamp ? ~0u : 0xffff));
}

SG_INLINE float dot2_f32_f16(uint32_t a, uint32_t b, float c) {
    float low = fma_f32(pk_low(a, SG_HALF_DEFAULT), pk_low(b, SG_HALF_DEFAULT), c);
    return fma_f32(pk_high(a, SG_HALF_DEFAULT), pk_high(b, SG_HALF_DEFAULT), low);
}
SG_INLINE int32_t dot_signed(uint32_t a, uint32_t b, int32_t c, uint32_t bits, bool clamp) {
    int64_t sum = c;
    for (uint32_t shift = 0; shift < 32; shift += bits) {
        int32_t x = (int32_t)(a >> shift << (32 - bits)) >> (32 - bits);
        int32_t y = (int32_t)(b >> shift << (32 - bits)) >> (32 - bits);
        sum += (int64_t)x * y;
    }
    return clamp ? clamp_i64(sum, INT32_MIN, INT32_MAX) : (int32_t)(uint32_t)(uint64_t)sum;
}
SG_INLINE uint32_t dot_unsigned(uint32_t a, uint32_t b, uint32_t c, uint32_t bits, bool clamp) {
    uint32_t field = (1u << bits) - 1;
    uint64_t sum = c;
    for (uint32_t shift = 0; shift < 32; shift += bits)
        sum += (uint64_t)(a >> shift & field) * (b >> shift & field);
    return clamp && sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

#endif
