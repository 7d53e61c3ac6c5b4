/* From raw samples to codes of the activation grid. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_encode.h"
#include "wagekit/wk_math.h"

void wk_encode_centered(const uint8_t *raw, uint32_t count, uint32_t bits, int8_t *codes) {
    const uint32_t limit = (1u << (bits - 1)) - 1;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t centered = raw[i] - 128;
        const int32_t code = centered < -127 ? -127 : centered;
        codes[i] = (int8_t)wk_round_clip_i32(code, 8 - bits, limit);
    }
}

void wk_encode_unit(const uint8_t *raw, uint32_t count, uint32_t bits, int8_t *codes) {
    const uint32_t limit = (1u << (bits - 1)) - 1;
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = (int8_t)wk_round_clip_i32(raw[i] >> 1, 8 - bits, limit);
    }
}

#define WK_NAME wk_encode_affine_i8
#define WK_RAW int8_t
#include "wk_encode.inc"

#define WK_NAME wk_encode_affine_u8
#define WK_RAW uint8_t
#include "wk_encode.inc"

#define WK_NAME wk_encode_affine_i16
#define WK_RAW int16_t
#include "wk_encode.inc"

#define WK_NAME wk_encode_affine_u16
#define WK_RAW uint16_t
#include "wk_encode.inc"

#define WK_NAME wk_encode_affine_i32
#define WK_RAW int32_t
#include "wk_encode.inc"
