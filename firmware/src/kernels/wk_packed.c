/* Weights from flash. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_packed.h"

/* One weight of any width; it may lie across two bytes. */
static int32_t weight_at(const wk_packed_t *packed, uint32_t index) {
    const uint32_t bit = index * packed->width;
    const uint32_t shift = bit & 7u;
    uint32_t code = (uint32_t)packed->bits[bit >> 3] >> shift;
    if (shift + packed->width > 8) {
        code |= (uint32_t)packed->bits[(bit >> 3) + 1] << (8 - shift);
    }
    const uint32_t sign = 1u << (packed->width - 1);
    return (int32_t)((code & (2 * sign - 1)) ^ sign) - (int32_t)sign;
}

/* Four ternary weights of a byte: its 2-bit codes are spread over a word, and each byte of
 * 0, 1, 3 becomes 0, 1, 255 by (code ^ 2) - 2, the highest bits keeping it from borrowing. */
static void unpack_four(uint32_t byte, int8_t *row) {
    const uint32_t codes = (byte | byte << 6 | byte << 12 | byte << 18) & 0x03030303u;
    const uint32_t word = (((codes ^ 0x02020202u) | 0x80808080u) - 0x02020202u) ^ 0x80808080u;
    row[0] = (int8_t)(uint8_t)word;
    row[1] = (int8_t)(uint8_t)(word >> 8);
    row[2] = (int8_t)(uint8_t)(word >> 16);
    row[3] = (int8_t)(uint8_t)(word >> 24);
}

void wk_unpack_row(const wk_packed_t *packed, uint32_t first, int32_t count, int8_t *row) {
    int32_t i = 0;
    if (packed->width == 2) {
        for (; i < count && ((first + (uint32_t)i) & 3u) != 0; i++) {
            row[i] = (int8_t)weight_at(packed, first + (uint32_t)i);
        }
        const uint8_t *from = packed->bits + ((first + (uint32_t)i) >> 2);
        for (; count - i >= 4; i += 4) {
            unpack_four(*from, &row[i]);
            from++;
        }
    }
    for (; i < count; i++) {
        row[i] = (int8_t)weight_at(packed, first + (uint32_t)i);
    }
}

static uint32_t master_at(const wk_packed_t *packed, uint32_t index) {
    return (uint32_t)weight_at(packed, index) << packed->shift;
}

void wk_read_packed(const wk_packed_t *packed, uint32_t first, uint32_t count, uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t code = master_at(packed, first + i);
        for (uint32_t k = 0; k < packed->master; k++) {
            *bytes = (uint8_t)(code >> (8 * k));
            bytes++;
        }
    }
}

wk_status_t wk_same_packed(const wk_packed_t *packed, uint32_t first, uint32_t count,
                           const uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t code = master_at(packed, first + i);
        for (uint32_t k = 0; k < packed->master; k++) {
            if (*bytes != (uint8_t)(code >> (8 * k))) {
                return WK_ERR_STATE;
            }
            bytes++;
        }
    }
    return WK_OK;
}
