/* What the generated programs share: masters as bytes, and the learning rate of a step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_state.h"

int32_t wk_effective_rate(int32_t log2_lr, wk_rule_t rule, int32_t exponent, int32_t log2_one) {
    if (rule != WK_RULE_ERROR_SCALED) {
        return log2_lr;
    }
    if (exponent == WK_NO_EXPONENT) {
        return WK_LOG2_LR_NONE;
    }
    const int32_t rate = exponent < log2_one ? log2_lr + exponent - log2_one : log2_lr;
    return rate < WK_LOG2_LR_NONE ? WK_LOG2_LR_NONE : rate;
}

bool wk_is_part(uint32_t first, uint32_t count, uint32_t weights) {
    return first <= weights && count <= weights - first;
}

void wk_read_masters_m8(const int8_t *masters, uint32_t count, uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)masters[i];
    }
}

void wk_read_masters_m16(const int16_t *masters, uint32_t count, uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t code = (uint16_t)masters[i];
        bytes[2 * i] = (uint8_t)(code & 0xFFu);
        bytes[2 * i + 1] = (uint8_t)(code >> 8);
    }
}

static int32_t byte_at(const uint8_t *bytes, uint32_t i) {
    return bytes[i] < 0x80 ? bytes[i] : bytes[i] - 0x100;
}

static int32_t pair_at(const uint8_t *bytes, uint32_t i) {
    return bytes[2 * i] + byte_at(bytes, 2 * i + 1) * 0x100;
}

wk_status_t wk_write_masters_m8(int8_t *masters, uint32_t count, int32_t limit,
                                const uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = byte_at(bytes, i);
        if (value < -limit || value > limit) {
            return WK_ERR_RANGE;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        masters[i] = (int8_t)byte_at(bytes, i);
    }
    return WK_OK;
}

wk_status_t wk_write_masters_m16(int16_t *masters, uint32_t count, int32_t limit,
                                 const uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = pair_at(bytes, i);
        if (value < -limit || value > limit) {
            return WK_ERR_RANGE;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        masters[i] = (int16_t)pair_at(bytes, i);
    }
    return WK_OK;
}
