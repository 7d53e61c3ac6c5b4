/* Gradient of a convolution's weights. SPDX-License-Identifier: Apache-2.0 */
#include "wk_errors_at.h"

#define WK_NAME wk_conv2d_backward_weights_e8_g32
#define WK_ERROR int8_t
#define WK_GRADIENT int32_t
#define WK_ADD_SCALED wk_add_scaled_i32
#define WK_ADD_FOUR wk_add_four_i32
#include "wk_conv2d_backward_weights.inc"

#define WK_NAME wk_conv2d_backward_weights_e8_g64
#define WK_ERROR int8_t
#define WK_GRADIENT int64_t
#define WK_ADD_SCALED wk_add_scaled_i64
#define WK_ADD_FOUR wk_add_four_i64
#include "wk_conv2d_backward_weights.inc"

#define WK_NAME wk_conv2d_backward_weights_e16_g32
#define WK_ERROR int16_t
#define WK_GRADIENT int32_t
#define WK_ADD_SCALED wk_add_scaled_i32
#define WK_ADD_FOUR wk_add_four_i32
#include "wk_conv2d_backward_weights.inc"

#define WK_NAME wk_conv2d_backward_weights_e16_g64
#define WK_ERROR int16_t
#define WK_GRADIENT int64_t
#define WK_ADD_SCALED wk_add_scaled_i64
#define WK_ADD_FOUR wk_add_four_i64
#include "wk_conv2d_backward_weights.inc"
