/* Update of a dense layer from one sample: its gradient is the product of two vectors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"
#include "wk_decrement.h"

int32_t wk_list_pairs(const int8_t *input, int32_t count, uint32_t first, uint32_t *pairs) {
    int32_t found = 0;
    for (int32_t i = (int32_t)(first & 1u); i + 1 < count; i += 2) {
        const uint32_t low = wk_magnitude_i32(input[i]);
        const uint32_t high = wk_magnitude_i32(input[i + 1]);
        if ((low | high) != 0) {
            pairs[found] = (uint32_t)i << 16 | high << 8 | low;
            found++;
        }
    }
    return found;
}

static uint32_t largest_of(const int8_t *values, int32_t count) {
    uint32_t largest = 0;
    for (int32_t i = 0; i < count; i++) {
        const uint32_t magnitude = wk_magnitude_i32(values[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

uint64_t wk_maximum_outer_e8(const int8_t *errors, int32_t outputs, const int8_t *input,
                             int32_t count) {
    return (uint64_t)largest_of(errors, outputs) * largest_of(input, count);
}

uint64_t wk_maximum_outer_e16(const int16_t *errors, int32_t outputs, const int8_t *input,
                              int32_t count) {
    uint32_t largest = 0;
    for (int32_t i = 0; i < outputs; i++) {
        const uint32_t magnitude = wk_magnitude_i32(errors[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return (uint64_t)largest * largest_of(input, count);
}

#define WK_NAME wk_update_outer_m8
#define WK_MOVE move_m8
#define WK_MASTER int8_t
#include "wk_update_outer.inc"

#define WK_NAME wk_update_outer_m16
#define WK_MOVE move_m16
#define WK_MASTER int16_t
#include "wk_update_outer.inc"
