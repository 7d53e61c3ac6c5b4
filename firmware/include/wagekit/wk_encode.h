/* From raw samples to the codes that a network reads.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_ENCODE_H
#define WK_ENCODE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 8-bit samples p in 0..255 -> clip(p - 128, -127, 127) (centered) or p >> 1 (unit), then
 * rounded half away from zero to the grid of `bits`, 2..8. Golden: encode. */
void wk_encode_centered(const uint8_t *raw, uint32_t count, uint32_t bits, int8_t *codes);
void wk_encode_unit(const uint8_t *raw, uint32_t count, uint32_t bits, int8_t *codes);

/* clip(rha((p - offset) * multiplier, shift)) in 64 bits. Value i uses the entry i modulo
 * `entries` of the three tables: one entry a channel, or one a feature, or just one.
 * Shifts lie in 0..63. */
typedef struct {
    const int32_t *offsets;
    const int32_t *multipliers;
    const uint8_t *shifts;
    uint32_t entries;
    uint32_t bits; /* k_A, 2..8 */
} wk_affine_t;

void wk_encode_affine_i8(const wk_affine_t *affine, const int8_t *raw, uint32_t count,
                         int8_t *codes);
void wk_encode_affine_u8(const wk_affine_t *affine, const uint8_t *raw, uint32_t count,
                         int8_t *codes);
void wk_encode_affine_i16(const wk_affine_t *affine, const int16_t *raw, uint32_t count,
                          int8_t *codes);
void wk_encode_affine_u16(const wk_affine_t *affine, const uint16_t *raw, uint32_t count,
                          int8_t *codes);
void wk_encode_affine_i32(const wk_affine_t *affine, const int32_t *raw, uint32_t count,
                          int8_t *codes);

#ifdef __cplusplus
}
#endif

#endif
