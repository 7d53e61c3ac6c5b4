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

#ifdef __cplusplus
extern "C" {
#endif

/* A correlation: [input_h, input_w, input_c] -> [output_h, output_w, outputs], before pooling. */
typedef struct {
    int32_t input_h, input_w, input_c;
    int32_t output_h, output_w, outputs;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t by_rows; /* 1: sum whole rows of outputs a weight (for short kernel rows), 0: dots */
} wk_conv2d_t;

/* Max-pooling without overlap of one plane [input_h, input_w]; window_h * window_w <= 256. The
 * winners of one output of one sample lie together, row by row, `winner_bits` each, lowest bits of
 * a byte first; the next output begins with a byte of its own. */
typedef struct {
    int32_t input_w;
    int32_t window_h, window_w;
    int32_t pooled_h, pooled_w;
    int32_t winner_bits; /* 1, 2, 4 or 8, enough for window_h * window_w - 1 */
    int32_t first;       /* winner that a backward kernel begins with; 0 but for some of the rows */
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
    /* The weight of every master, at the entry of master 0; set where masters are int8. */
    const int8_t *weights;
} wk_derive_t;

/* Derive the weights of one output: `count` masters -> row. Golden: weights_from_masters. */
void wk_derive_row_m8(const wk_derive_t *derive, const int8_t *masters, int32_t count, int8_t *row);
void wk_derive_row_m16(const wk_derive_t *derive, const int16_t *masters, int32_t count,
                       int8_t *row);

/* The indices, below 65536, of what is not 0, or of what lies between two bounds; how many. */
int32_t wk_list_nonzero(const int8_t *values, int32_t count, uint16_t *list);
int32_t wk_list_between(const int8_t *values, int32_t count, int32_t low, int32_t high,
                        uint16_t *list);

/* Sums of four outputs of one sample, straight from their masters; `live` are the `count` inputs
 * that are not 0. Rows may be the same. */
void wk_dense_forward_live_m8(const wk_derive_t *derive, const int8_t *input, const uint16_t *live,
                              int32_t count, const int8_t *const rows[4], int32_t sums[4]);
void wk_dense_forward_live_m16(const wk_derive_t *derive, const int8_t *input, const uint16_t *live,
                               int32_t count, const int16_t *const rows[4], int32_t sums[4]);

/* Apply activation to one sum. Golden: forward of a hidden layer. */
int8_t wk_activate(const wk_activation_t *activation, int32_t sum);

/* One output channel of one sample: input [h, w, c], row [kernel_h, kernel_w, c] -> output_h *
 * output_w activations, written `spacing` elements apart. `sums` is scratch for output_h *
 * output_w sums where conv->by_rows is 1, else unused and may be null. */
void wk_conv2d_forward(const wk_conv2d_t *conv, const wk_activation_t *activation,
                       const int8_t *input, const int8_t *row, int32_t *sums, int8_t *output,
                       int32_t spacing);

/* A convolution with ternary weights and a horizontal stride of 1 may sum two outputs in a word,
 * one `half` rows below the other. Its input is then a plane of words a channel, `rows` of
 * `pitch`, padding included: the lower half of a word is an input of the upper outputs, the upper
 * half the one that the lower outputs see through the same weight. */
typedef struct {
    int32_t half;        /* (output_h + 1) / 2 */
    int32_t rows, pitch; /* (half - 1) * stride_h + kernel_h, max(output_w, 4) + kernel_w - 1 */
} wk_pairs_t;

/* How many weights of a row are 1, and -1. */
typedef struct {
    int32_t positive, negative;
} wk_signs_t;

/* One sample [h, w, c] -> input_c * rows * pitch words, at most 65536. */
void wk_conv2d_pack_pairs(const wk_conv2d_t *conv, const wk_pairs_t *pairs, const int8_t *input,
                          uint32_t *words);

/* A row of ternary weights -> where each of them meets the words: first those that are 1, those
 * that are -1 at the end of the kernel_h * kernel_w * input_c entries. */
void wk_conv2d_list_weights(const wk_conv2d_t *conv, const wk_pairs_t *pairs, const int8_t *row,
                            wk_signs_t *signs, uint16_t *list);

/* The same as wk_conv2d_forward, from such words and such a list. */
void wk_conv2d_forward_pairs(const wk_conv2d_t *conv, const wk_pairs_t *pairs,
                             const wk_activation_t *activation, const uint32_t *words,
                             const wk_signs_t *signs, const uint16_t *list, int8_t *output,
                             int32_t spacing);

/* One output of one sample: the sum of input * row. */
int32_t wk_dense_forward(const int8_t *input, const int8_t *row, int32_t count);

/* One plane -> pooled_h * pooled_w maxima, written `spacing` elements apart, and (where winners is
 * not null) the index, row-major in the window, of the first of each. */
void wk_max_pool(const wk_pool_t *pool, const int8_t *plane, int8_t *output, uint8_t *winners,
                 int32_t spacing);

/* How many of `count` activations, `spacing` apart, have the magnitude `limit`. */
uint32_t wk_count_saturated(const int8_t *activations, int32_t count, int32_t spacing,
                            int32_t limit);

#ifdef __cplusplus
}
#endif

#endif
