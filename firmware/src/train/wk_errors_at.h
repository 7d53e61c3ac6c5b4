/* From an error at the pooled output to the product position that it belongs to.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_ERRORS_AT_H
#define WK_ERRORS_AT_H

#include "../kernels/wk_loops.h"
#include "wagekit/wk_train.h"
#include <stddef.h>

/* The winner of a pooling window, counted from pool->first on; 0 where nothing is pooled. */
static inline int32_t wk_winner_at(const wk_pool_t *pool, const uint8_t *winners,
                                   int32_t position) {
    if (winners == NULL) {
        return 0;
    }
    const int32_t bit = (pool->first + position) * pool->winner_bits;
    return (winners[bit >> 3] >> (bit & 7)) & ((1 << pool->winner_bits) - 1);
}

/* The kernel window of the product that won pooling window (py, px). */
static inline wk_window_t wk_winner_window(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                           int32_t py, int32_t px, int32_t winner) {
    int32_t oy = py * pool->window_h;
    /* Windows are small: subtracting costs less than a division where the core has none. */
    while (winner >= pool->window_w) {
        winner -= pool->window_w;
        oy++;
    }
    return wk_window_at(conv, oy, px * pool->window_w + winner);
}

#endif
