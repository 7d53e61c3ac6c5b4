/* The inner loops of all products. SPDX-License-Identifier: Apache-2.0 */
#include "wk_loops.h"

int32_t wk_dot(const int8_t *restrict a, const int8_t *restrict b, int32_t count) {
    int32_t sum = 0;
    WK_UNROLL_8
    for (int32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

void wk_add_scaled_i32(int32_t *restrict sums, const int8_t *restrict values, int32_t factor,
                       int32_t count) {
    WK_UNROLL_4
    for (int32_t i = 0; i < count; i++) {
        sums[i] += factor * values[i];
    }
}

void wk_add_scaled_i64(int64_t *restrict sums, const int8_t *restrict values, int32_t factor,
                       int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        sums[i] += factor * values[i];
    }
}

#define WK_ADD_FOUR(sums, sources, factors, count)                                                 \
    const int8_t *restrict const a = sources[0];                                                   \
    const int8_t *restrict const b = sources[1];                                                   \
    const int8_t *restrict const c = sources[2];                                                   \
    const int8_t *restrict const d = sources[3];                                                   \
    const int32_t of_a = factors[0], of_b = factors[1], of_c = factors[2], of_d = factors[3];      \
    for (int32_t i = 0; i < count; i++) {                                                          \
        sums[i] += of_a * a[i] + of_b * b[i] + of_c * c[i] + of_d * d[i];                          \
    }

void wk_add_four_i32(int32_t *restrict sums, const int8_t *const sources[4],
                     const int32_t factors[4], int32_t count) {
    WK_ADD_FOUR(sums, sources, factors, count)
}

void wk_add_four_i64(int64_t *restrict sums, const int8_t *const sources[4],
                     const int32_t factors[4], int32_t count) {
    WK_ADD_FOUR(sums, sources, factors, count)
}

void wk_add_spaced_i32(int32_t *restrict sums, const int8_t *restrict values, int32_t step,
                       int32_t factor, int32_t count) {
    WK_UNROLL_4
    for (int32_t i = 0; i < count; i++) {
        sums[i] += factor * values[i * step];
    }
}
