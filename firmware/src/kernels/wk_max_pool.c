/* Max-pooling of one plane, with the winners. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_kernels.h"
#include <stddef.h>

/* Winners come in order: the first of a byte clears the others. */
static void put_winner(const wk_pool_t *pool, uint8_t *winners, int32_t position, uint32_t winner) {
    const int32_t bit = position * pool->winner_bits;
    uint8_t *byte = &winners[bit >> 3];
    const uint32_t before = (bit & 7) == 0 ? 0u : *byte;
    *byte = (uint8_t)(before | winner << (bit & 7));
}

void wk_max_pool(const wk_pool_t *pool, const int8_t *plane, int8_t *output, uint8_t *winners,
                 int32_t spacing) {
    int32_t position = 0;
    for (int32_t py = 0; py < pool->pooled_h; py++) {
        for (int32_t px = 0; px < pool->pooled_w; px++) {
            const int8_t *window =
                plane + py * pool->window_h * pool->input_w + px * pool->window_w;
            int8_t best = window[0];
            uint32_t winner = 0;
            uint32_t index = 0;
            for (int32_t y = 0; y < pool->window_h; y++) {
                for (int32_t x = 0; x < pool->window_w; x++) {
                    const int8_t value = window[y * pool->input_w + x];
                    if (value > best) {
                        best = value;
                        winner = index;
                    }
                    index++;
                }
            }
            output[position * spacing] = best;
            if (winners != NULL) {
                put_winner(pool, winners, position, winner);
            }
            position++;
        }
    }
}
