/* Numbers for orders and reservoirs. Golden: numerics/learn.py. SPDX-License-Identifier: Apache-2.0
 */
#ifndef WK_DRAW_H
#define WK_DRAW_H

#include "wagekit/wk_math.h"

/* "LEAR" in ASCII keeps these numbers apart from those of updates and initial weights. */
#define WK_LEARN_DOMAIN 0x4C454152u

enum { WK_DRAW_ORDER, WK_DRAW_OFFER, WK_DRAW_REPLAY };

static inline uint32_t wk_draw_key(uint32_t seed, uint32_t purpose) {
    return wk_mix(wk_mix(wk_mix(wk_mix(seed) ^ WK_LEARN_DOMAIN) + 1u) + purpose);
}

/* floor(word * count / 2^32), from halves: a core without a long multiplication would otherwise
 * call a library. */
static inline uint32_t wk_below(uint32_t word, uint32_t count) {
    const uint32_t low = (word & 0xFFFFu) * (count & 0xFFFFu);
    const uint32_t one = (word >> 16) * (count & 0xFFFFu) + (low >> 16);
    const uint32_t two = (word & 0xFFFFu) * (count >> 16) + (one & 0xFFFFu);
    return (word >> 16) * (count >> 16) + (one >> 16) + (two >> 16);
}

#endif
