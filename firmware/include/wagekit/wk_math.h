/* The arithmetic that every kernel shares; docs/numerics.md defines it to the bit.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_MATH_H
#define WK_MATH_H

#include <stdint.h>

/* |x| without overflow. Golden: abs. */
static inline uint32_t wk_magnitude_i32(int32_t x) {
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

static inline uint64_t wk_magnitude_i64(int64_t x) {
    return x < 0 ? 0u - (uint64_t)x : (uint64_t)x;
}

/* Round half away from zero of x * 2^-shift, then clip to +-limit; 0 <= shift <= 31 and
 * 0 <= limit < 2^31. Golden: clip(rha(x, shift), limit). */
static inline int32_t wk_round_clip_i32(int32_t x, uint32_t shift, uint32_t limit) {
    const uint32_t half = (1u << shift) >> 1;
    uint32_t magnitude = (wk_magnitude_i32(x) + half) >> shift;
    magnitude = magnitude < limit ? magnitude : limit;
    return x < 0 ? -(int32_t)magnitude : (int32_t)magnitude;
}

/* The same for 64 bits, 0 <= shift <= 63. */
static inline int32_t wk_round_clip_i64(int64_t x, uint32_t shift, uint32_t limit) {
    const uint64_t half = ((uint64_t)1 << shift) >> 1;
    const uint64_t rounded = (wk_magnitude_i64(x) + half) >> shift;
    const uint32_t magnitude = rounded < limit ? (uint32_t)rounded : limit;
    return x < 0 ? -(int32_t)magnitude : (int32_t)magnitude;
}

/* round(log2(m)) for m >= 1, exactly; WK_NO_EXPONENT (-1) for 0. Golden: kappa.
 * m is shifted until its highest bit is bit 63; it rounds up where it then exceeds 2^63.5,
 * which is irrational, so comparing with its floor is exact. */
static inline int32_t wk_kappa(uint64_t m) {
    int32_t exponent = 63;
    if (m == 0) {
        return -1;
    }
    while (m >> 63 == 0) {
        m <<= 1;
        exponent--;
    }
    return m > 0xB504F333F9DE6484u ? exponent + 1 : exponent;
}

/* The counter PRNG: a hash of 32 bits, the key of a layer in a step, and the 16 random bits of
 * the weight with flat index i. Golden: mix, layer_key, rand16. */
static inline uint32_t wk_mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

static inline uint32_t wk_layer_key(uint32_t seed, uint32_t step, uint32_t layer) {
    return wk_mix(wk_mix(wk_mix(seed) + step) + layer);
}

static inline uint32_t wk_rand16(uint32_t key, uint32_t i) {
    return (wk_mix(key + (i >> 1)) >> (16u * (i & 1u))) & 0xFFFFu;
}

#endif
