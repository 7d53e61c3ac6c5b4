/* What both updates share: how far a weight moves, and its move.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_DECREMENT_H
#define WK_DECREMENT_H

#include "wagekit/wk_math.h"
#include <stdbool.h>

/* floor(u) + (frac16(u) > rand16) for u * 2^16 cut to an integer: the fraction exceeds the random
 * number exactly where their difference carries. u < 2^(15 + 1/2) for every rate that is allowed,
 * so the sum fits 32 bits. */
static inline uint32_t wk_decrement(uint32_t fixed, uint32_t random) {
    return (fixed + (0xFFFFu - random)) >> 16;
}

static inline int32_t wk_moved(int32_t master, uint32_t size, bool up, int32_t limit) {
    const int32_t m = up ? master + (int32_t)size : master - (int32_t)size;
    return m > limit ? limit : (m < -limit ? -limit : m);
}

#endif
