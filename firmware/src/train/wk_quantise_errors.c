/* Quantising of raw errors. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"

#define WK_NAME wk_quantise_errors_r32_e8
#define WK_RAW int32_t
#define WK_ERROR int8_t
#define WK_ROUND_CLIP wk_round_clip_i32
#include "wk_quantise_errors.inc"

#define WK_NAME wk_quantise_errors_r32_e16
#define WK_RAW int32_t
#define WK_ERROR int16_t
#define WK_ROUND_CLIP wk_round_clip_i32
#include "wk_quantise_errors.inc"

#define WK_NAME wk_quantise_errors_r64_e8
#define WK_RAW int64_t
#define WK_ERROR int8_t
#define WK_ROUND_CLIP wk_round_clip_i64
#include "wk_quantise_errors.inc"

#define WK_NAME wk_quantise_errors_r64_e16
#define WK_RAW int64_t
#define WK_ERROR int16_t
#define WK_ROUND_CLIP wk_round_clip_i64
#include "wk_quantise_errors.inc"
