/* Max-pooling of one plane, with the winners. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_kernels.h"
#include <stddef.h>

void wk_max_pool(const wk_pool_t *pool, const int8_t *plane, int8_t *output, uint8_t *winners,
                 int32_t spacing) {
    int32_t at = 0;
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
            output[at] = best;
            if (winners != NULL) {
                winners[at] = (uint8_t)winner;
            }
            at += spacing;
        }
    }
}
