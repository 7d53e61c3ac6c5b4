/* Rounding and clipping of sums to activations. SPDX-License-Identifier: Apache-2.0 */
#include "wk_activation.h"

int8_t wk_activate(const wk_activation_t *activation, int32_t sum) {
    return wk_activation_of(activation, sum);
}

uint32_t wk_count_saturated(const int8_t *activations, int32_t count, int32_t spacing,
                            int32_t limit) {
    uint32_t saturated = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t y = activations[i * spacing];
        saturated += (y == limit || y == -limit) ? 1u : 0u;
    }
    return saturated;
}
