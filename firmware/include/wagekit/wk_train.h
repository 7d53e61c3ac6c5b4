/* Portable kernels of learning: errors, gradients and the update.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Layouts and rules are those of wk_kernels.h. Names end in the types of a variant: e8 and e16
 * are quantised errors, r32 and r64 raw errors, g32 and g64 gradients, m8 and m16 masters.
 * Errors lie at the pooled output, those of the one output that a call handles `outputs` elements
 * apart, and the winners of that output (null without pooling) tell which product each of them
 * belongs to. Errors of 0 cost almost nothing. */
#ifndef WK_TRAIN_H
#define WK_TRAIN_H

#include "wagekit/wk_kernels.h"
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the output's error is made of: one stands for a target of 1, 2^log2_one. */
typedef struct {
    int32_t classes;
    int32_t one;
} wk_loss_t;

/* What a sample adds to the loss, gathered over a batch. */
typedef struct {
    uint64_t sum_squared_error; /* saturates at 2^64 - 1 */
    uint32_t errors;
    uint32_t maximum; /* of |e| */
} wk_loss_sum_t;

/* Which errors pass: those with low < y < high of the activation y that they lead to. */
typedef struct {
    int32_t low, high;
} wk_mask_t;

/* The stochastic update of one row. `shift` is kappa(G) - log2_lr, in -15..79. */
typedef struct {
    uint32_t key; /* wk_layer_key */
    int32_t shift;
    int32_t limit; /* of the masters */
} wk_update_t;

/* Index of the first largest of `count` logits. */
int32_t wk_argmax(const int32_t *logits, int32_t count);

/* Error of one sample: e = logits - one * onehot(label) -> errors; adds to sum. */
void wk_output_error(const wk_loss_t *loss, const int32_t *logits, int32_t label, int32_t *errors,
                     wk_loss_sum_t *sum);

/* Set raw errors to 0 where the mask says so; the larger of `maximum` and the largest |e| left. */
uint64_t wk_mask_errors_r32(const wk_mask_t *mask, const int8_t *activations, int32_t *errors,
                            int32_t count, uint64_t maximum);
uint64_t wk_mask_errors_r64(const wk_mask_t *mask, const int8_t *activations, int64_t *errors,
                            int32_t count, uint64_t maximum);

/* clip(rha(e, exponent - (bits - 1)), +-(2^(bits-1) - 1)), exponent = kappa of the batch's
 * maximum; all 0 where exponent is -1. */
void wk_quantise_errors_r32_e8(const int32_t *raw, int32_t count, int32_t exponent, int32_t bits,
                               int8_t *errors);
void wk_quantise_errors_r32_e16(const int32_t *raw, int32_t count, int32_t exponent, int32_t bits,
                                int16_t *errors);
void wk_quantise_errors_r64_e8(const int64_t *raw, int32_t count, int32_t exponent, int32_t bits,
                               int8_t *errors);
void wk_quantise_errors_r64_e16(const int64_t *raw, int32_t count, int32_t exponent, int32_t bits,
                                int16_t *errors);

/* Add to the raw errors of one sample's input what one output sends back: raw += e * row. */
void wk_conv2d_backward_input_e8_r32(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                     const int8_t *errors, const uint8_t *winners,
                                     const int8_t *row, int32_t *raw);
void wk_conv2d_backward_input_e8_r64(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                     const int8_t *errors, const uint8_t *winners,
                                     const int8_t *row, int64_t *raw);
void wk_conv2d_backward_input_e16_r32(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                      const int16_t *errors, const uint8_t *winners,
                                      const int8_t *row, int32_t *raw);
void wk_conv2d_backward_input_e16_r64(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                      const int16_t *errors, const uint8_t *winners,
                                      const int8_t *row, int64_t *raw);
void wk_dense_backward_input_r32(int32_t error, const int8_t *row, int32_t count, int32_t *raw);
void wk_dense_backward_input_r64(int32_t error, const int8_t *row, int32_t count, int64_t *raw);

/* The same for four outputs of a dense layer at once, straight from their masters, and only into
 * the `count` inputs listed in `live`. Rows may be the same. */
void wk_dense_backward_live_m8_r32(const wk_derive_t *derive, const int32_t errors[4],
                                   const uint16_t *live, int32_t count, const int8_t *const rows[4],
                                   int32_t *raw);
void wk_dense_backward_live_m8_r64(const wk_derive_t *derive, const int32_t errors[4],
                                   const uint16_t *live, int32_t count, const int8_t *const rows[4],
                                   int64_t *raw);
void wk_dense_backward_live_m16_r32(const wk_derive_t *derive, const int32_t errors[4],
                                    const uint16_t *live, int32_t count,
                                    const int16_t *const rows[4], int32_t *raw);
void wk_dense_backward_live_m16_r64(const wk_derive_t *derive, const int32_t errors[4],
                                    const uint16_t *live, int32_t count,
                                    const int16_t *const rows[4], int64_t *raw);

/* Add to the gradient of one output's weights what one sample gives: gradient += e * x. */
void wk_conv2d_backward_weights_e8_g32(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                       const int8_t *errors, const uint8_t *winners,
                                       const int8_t *input, int32_t *gradient);
void wk_conv2d_backward_weights_e8_g64(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                       const int8_t *errors, const uint8_t *winners,
                                       const int8_t *input, int64_t *gradient);
void wk_conv2d_backward_weights_e16_g32(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                        const int16_t *errors, const uint8_t *winners,
                                        const int8_t *input, int32_t *gradient);
void wk_conv2d_backward_weights_e16_g64(const wk_conv2d_t *conv, const wk_pool_t *pool,
                                        const int16_t *errors, const uint8_t *winners,
                                        const int8_t *input, int64_t *gradient);
void wk_dense_backward_weights_g32(int32_t error, const int8_t *input, int32_t count,
                                   int32_t *gradient);
void wk_dense_backward_weights_g64(int32_t error, const int8_t *input, int32_t count,
                                   int64_t *gradient);

/* Whether any of `count` errors, `spacing` apart, is not 0: rows without one need no gradient. */
bool wk_any_error_e8(const int8_t *errors, int32_t count, int32_t spacing);
bool wk_any_error_e16(const int16_t *errors, int32_t count, int32_t spacing);

/* The indices, below 65536, of the errors that are not 0; how many. */
int32_t wk_list_errors_e8(const int8_t *errors, int32_t count, uint16_t *list);
int32_t wk_list_errors_e16(const int16_t *errors, int32_t count, uint16_t *list);

/* Set values to 0. */
void wk_clear_i32(int32_t *values, int32_t count);
void wk_clear_i64(int64_t *values, int32_t count);

/* The larger of `maximum` and the largest |g|. */
uint64_t wk_maximum_i32(const int32_t *values, int32_t count, uint64_t maximum);
uint64_t wk_maximum_i64(const int64_t *values, int32_t count, uint64_t maximum);

/* m <- clip(m - d) for `count` weights whose first has the flat index `first`. */
void wk_update_m8_g32(const wk_update_t *update, const int32_t *gradient, uint32_t first,
                      int32_t count, int8_t *masters);
void wk_update_m8_g64(const wk_update_t *update, const int64_t *gradient, uint32_t first,
                      int32_t count, int8_t *masters);
void wk_update_m16_g32(const wk_update_t *update, const int32_t *gradient, uint32_t first,
                       int32_t count, int16_t *masters);
void wk_update_m16_g64(const wk_update_t *update, const int64_t *gradient, uint32_t first,
                       int32_t count, int16_t *masters);

/* A dense layer that learns from one sample has the gradient e * x, which is never stored. Its
 * largest magnitude is the product of the largest of both. */
uint64_t wk_maximum_outer_e8(const int8_t *errors, int32_t outputs, const int8_t *input,
                             int32_t count);
uint64_t wk_maximum_outer_e16(const int16_t *errors, int32_t outputs, const int8_t *input,
                              int32_t count);

/* The pairs of inputs that are not both 0: index of the first (below 65536), then both magnitudes
 * (8 bits each); how many. A pair shares a random word, so pairs depend on whether the flat index
 * `first` of the row's first weight is odd. */
int32_t wk_list_pairs(const int8_t *input, int32_t count, uint32_t first, uint32_t *pairs);

/* wk_update for a row of such a layer: g = error * input. */
void wk_update_outer_m8(const wk_update_t *update, int32_t error, const int8_t *input,
                        int32_t inputs, const uint32_t *pairs, int32_t count, uint32_t first,
                        int8_t *masters);
void wk_update_outer_m16(const wk_update_t *update, int32_t error, const int8_t *input,
                         int32_t inputs, const uint32_t *pairs, int32_t count, uint32_t first,
                         int16_t *masters);

#ifdef __cplusplus
}
#endif

#endif
