/* The activation, inline for the kernels that end with it. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_ACTIVATION_H
#define WK_ACTIVATION_H

#include "wagekit/wk_kernels.h"
#include "wagekit/wk_math.h"

static inline int8_t wk_activation_of(const wk_activation_t *activation, int32_t sum) {
    const int32_t y = wk_round_clip_i32(sum, activation->shift, (uint32_t)activation->high);
    return (int8_t)(y < activation->low ? activation->low : y);
}

#endif
