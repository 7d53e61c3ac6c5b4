/* The inner loops of all products, and where a kernel window meets its input.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_LOOPS_H
#define WK_LOOPS_H

#include "wagekit/wk_kernels.h"
#include <stdint.h>

/* Cores without vectors gain from fewer branches; elsewhere the compiler does better alone. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__arm__)
#define WK_UNROLL_4 _Pragma("GCC unroll 4")
#define WK_UNROLL_8 _Pragma("GCC unroll 8")
#else
#define WK_UNROLL_4
#define WK_UNROLL_8
#endif

/* The loops are functions of their own, never inlined: within a larger one the registers of a
 * Cortex-M do not suffice, and each turn would reload them. */

#if defined(__GNUC__)
#define WK_NOT_INLINED __attribute__((noinline))
#else
#define WK_NOT_INLINED
#endif

/* Sum of a * b. */
int32_t wk_dot(const int8_t *restrict a, const int8_t *restrict b, int32_t count);

/* sums += factor * values */
void wk_add_scaled_i32(int32_t *restrict sums, const int8_t *restrict values, int32_t factor,
                       int32_t count);
void wk_add_scaled_i64(int64_t *restrict sums, const int8_t *restrict values, int32_t factor,
                       int32_t count);

/* The same with four sources at once: sums += factors[0] * sources[0] + ... */
void wk_add_four_i32(int32_t *restrict sums, const int8_t *const sources[4],
                     const int32_t factors[4], int32_t count);
void wk_add_four_i64(int64_t *restrict sums, const int8_t *const sources[4],
                     const int32_t factors[4], int32_t count);

/* The same as the first with values `step` apart. */
void wk_add_spaced_i32(int32_t *restrict sums, const int8_t *restrict values, int32_t step,
                       int32_t factor, int32_t count);

/* The part of a kernel window that lies inside the input: `rows` segments of `length` values,
 * contiguous in NHWC, the first at `input` and at `kernel`, then conv->input_w * input_c and
 * kernel_w * input_c further each. */
typedef struct {
    int32_t rows, length;
    int32_t input, kernel;
} wk_window_t;

static inline wk_window_t wk_window_at(const wk_conv2d_t *conv, int32_t oy, int32_t ox) {
    const int32_t top = oy * conv->stride_h - conv->pad_top;
    const int32_t left = ox * conv->stride_w - conv->pad_left;
    const int32_t first_y = top < 0 ? -top : 0;
    const int32_t first_x = left < 0 ? -left : 0;
    const int32_t room_y = conv->input_h - top;
    const int32_t room_x = conv->input_w - left;
    const int32_t last_y = room_y < conv->kernel_h ? room_y : conv->kernel_h;
    const int32_t last_x = room_x < conv->kernel_w ? room_x : conv->kernel_w;
    if (last_y <= first_y || last_x <= first_x) {
        return (wk_window_t){0, 0, 0, 0}; /* nothing but padding */
    }
    const wk_window_t window = {
        .rows = last_y - first_y,
        .length = (last_x - first_x) * conv->input_c,
        .input = ((top + first_y) * conv->input_w + left + first_x) * conv->input_c,
        .kernel = (first_y * conv->kernel_w + first_x) * conv->input_c,
    };
    return window;
}

#endif
