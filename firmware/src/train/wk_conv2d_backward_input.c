/* Errors into a convolution's input. SPDX-License-Identifier: Apache-2.0 */
#include "wk_errors_at.h"

#define WK_NAME wk_conv2d_backward_input_e8_r32
#define WK_ERROR int8_t
#define WK_RAW int32_t
#define WK_ADD_SCALED wk_add_scaled_i32
#include "wk_conv2d_backward_input.inc"

#define WK_NAME wk_conv2d_backward_input_e8_r64
#define WK_ERROR int8_t
#define WK_RAW int64_t
#define WK_ADD_SCALED wk_add_scaled_i64
#include "wk_conv2d_backward_input.inc"

#define WK_NAME wk_conv2d_backward_input_e16_r32
#define WK_ERROR int16_t
#define WK_RAW int32_t
#define WK_ADD_SCALED wk_add_scaled_i32
#include "wk_conv2d_backward_input.inc"

#define WK_NAME wk_conv2d_backward_input_e16_r64
#define WK_ERROR int16_t
#define WK_RAW int64_t
#define WK_ADD_SCALED wk_add_scaled_i64
#include "wk_conv2d_backward_input.inc"
