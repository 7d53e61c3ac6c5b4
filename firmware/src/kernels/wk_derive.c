/* Weights of one output from its masters. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_kernels.h"
#include "wagekit/wk_math.h"

static uint32_t load_four(const int8_t *from) {
    return (uint32_t)(uint8_t)from[0] | (uint32_t)(uint8_t)from[1] << 8 |
           (uint32_t)(uint8_t)from[2] << 16 | (uint32_t)(uint8_t)from[3] << 24;
}

static void store_four(int8_t *to, uint32_t word) {
    to[0] = (int8_t)(uint8_t)word;
    to[1] = (int8_t)(uint8_t)(word >> 8);
    to[2] = (int8_t)(uint8_t)(word >> 16);
    to[3] = (int8_t)(uint8_t)(word >> 24);
}

/* Ternary weights, four in a word: 1 where m >= t, -1 where m <= -t, else 0, for |m| <= 64 and
 * 1 <= t <= 32. No byte carries into the next: of m + 128 - t and 128 - m - t, both within
 * 32..191, the highest bit tells. Returns how many were done. */
static int32_t derive_ternary(uint32_t t, const int8_t *masters, int32_t count, int8_t *row) {
    const uint32_t above = t * 0x01010101u;
    const uint32_t below = (t - 1) * 0x01010101u;
    int32_t i = 0;
    for (; count - i >= 4; i += 4) {
        const uint32_t biased = load_four(&masters[i]) ^ 0x80808080u;
        const uint32_t positive = ((biased - above) & 0x80808080u) >> 7;
        const uint32_t negative = ((~biased - below) & 0x80808080u) >> 7;
        store_four(&row[i], positive | ((negative << 8) - negative));
    }
    return i;
}

void wk_derive_row_m8(const wk_derive_t *derive, const int8_t *masters, int32_t count,
                      int8_t *row) {
    const uint32_t shift = derive->shift;
    const uint32_t limit = derive->limit;
    int32_t i = 0;
    if (limit == 1) {
        i = derive_ternary(shift == 0 ? 1u : 1u << (shift - 1), masters, count, row);
    }
    for (; i < count; i++) {
        row[i] = (int8_t)wk_round_clip_i32(masters[i], shift, limit);
    }
}

void wk_derive_row_m16(const wk_derive_t *derive, const int16_t *masters, int32_t count,
                       int8_t *row) {
    const uint32_t shift = derive->shift;
    const uint32_t limit = derive->limit;
    for (int32_t i = 0; i < count; i++) {
        row[i] = (int8_t)wk_round_clip_i32(masters[i], shift, limit);
    }
}
