/* Portable kernels of the forward pass: one a product, and what stands before and behind it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All tensors are NHWC, weights OHWI or [out, in]. A kernel computes one output channel (or
 * unit) of one sample, given the k_W-bit weights of that output as a row of int8, so that
 * weights need no second copy. Kernels check nothing: the generator did. No two pointers of a
 * call may overlap. */
#ifndef WK_KERNELS_H
#define WK_KERNELS_H

#include <stdint.h>

/* A correlation: [input_h, input_w, input_c] -> [output_h, output_w, outputs], before pooling. */
typedef struct {
    int32_t input_h, input_w, input_c;
    int32_t output_h, output_w, outputs;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t by_rows; /* 1: sum whole rows of outputs a weight (for short kernel rows), 0: dots */
} wk_conv2d_t;

/* Max-pooling without overlap of one plane [input_h, input_w]; window_h * window_w <= 256. */
typedef struct {
    int32_t input_w;
    int32_t window_h, window_w;
    int32_t pooled_h, pooled_w;
} wk_pool_t;

/* From a sum to a stored activation: clip(rha(acc, shift), low, high). */
typedef struct {
    uint32_t shift;    /* 1..31 */
    int32_t low, high; /* low is 0 or -high */
} wk_activation_t;

/* From a master to its weight: clip(rha(m, shift), +-limit). */
typedef struct {
    uint32_t shift; /* k_G - k_W, 0..14 */
    uint32_t limit; /* 2^(k_W-1) - 1 */
} wk_derive_t;

/* Derive the weights of one output: `count` masters -> row. Golden: weights_from_masters. */
void wk_derive_row_m8(const wk_derive_t *derive, const int8_t *masters, int32_t count, int8_t *row);
void wk_derive_row_m16(const wk_derive_t *derive, const int16_t *masters, int32_t count,
                       int8_t *row);

/* Apply activation to one sum. Golden: forward of a hidden layer. */
int8_t wk_activate(const wk_activation_t *activation, int32_t sum);

/* One output channel of one sample: input [h, w, c], row [kernel_h, kernel_w, c] -> output_h *
 * output_w activations, written `spacing` elements apart. `sums` is scratch for output_h *
 * output_w sums where conv->by_rows is 1, else unused and may be null. */
void wk_conv2d_forward(const wk_conv2d_t *conv, const wk_activation_t *activation,
                       const int8_t *input, const int8_t *row, int32_t *sums, int8_t *output,
                       int32_t spacing);

/* One output of one sample: the sum of input * row. */
int32_t wk_dense_forward(const int8_t *input, const int8_t *row, int32_t count);

/* One plane -> pooled_h * pooled_w maxima and (where winners is not null) the index, row-major
 * in the window, of the first of them; both written `spacing` elements apart. */
void wk_max_pool(const wk_pool_t *pool, const int8_t *plane, int8_t *output, uint8_t *winners,
                 int32_t spacing);

/* How many of `count` activations, `spacing` apart, have the magnitude `limit`. */
uint32_t wk_count_saturated(const int8_t *activations, int32_t count, int32_t spacing,
                            int32_t limit);

#endif
