/*
 * The two 16-bit floating types, by their bits. To narrow rounds to nearest, ties to even; NaN stays
 * NaN. Plain arithmetic that the vectoriser takes.
 */
#ifndef ADJ_HALVES_H
#define ADJ_HALVES_H

#include "mathx.h"

ADJ_INLINE float adj_f32_of_bf16(uint16_t x) {
    return math_from_bits_f32((uint32_t)x << 16);
}
ADJ_INLINE uint16_t adj_bf16_of_f32(float x) {
    const uint32_t bits = math_bits_f32(x);
    const uint32_t upper = bits >> 16;
    return (uint16_t)(x == x ? (bits + 0x7fff + (upper & 1)) >> 16 : upper | 0x40);
}

ADJ_INLINE float adj_f32_of_f16(uint16_t x) {
    const uint32_t magnitude = x & 0x7fffu;
    const uint32_t sign = (uint32_t)(x & 0x8000u) << 16;
    /* The exponents' biases differ by 112; the product takes care of subnormal numbers. */
    const uint32_t finite = math_bits_f32(math_from_bits_f32(magnitude << 13) * 0x1p112f);
    return math_from_bits_f32(sign | (magnitude < 0x7c00 ? finite : magnitude << 13 | 0x7f800000));
}
ADJ_INLINE uint16_t adj_f16_of_f32(float x) {
    const uint32_t bits = math_bits_f32(x);
    const uint32_t magnitude = bits & 0x7fffffff;
    const uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    /* The last place of 0.5f is that of a subnormal number: the sum is rounded there. */
    const uint32_t subnormal = math_bits_f32(math_from_bits_f32(magnitude) + 0.5f) - math_bits_f32(0.5f);
    const uint32_t finite = magnitude < 113u << 23 ? subnormal : normal;
    const uint32_t rounded = magnitude < 143u << 23 ? finite : 0x7c00;
    const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x1ff);
    return (uint16_t)((bits >> 16 & 0x8000) | (x == x ? rounded : nan));
}

#endif
