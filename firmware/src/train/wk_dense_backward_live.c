/* Errors of four outputs into those inputs of a dense layer that errors pass.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_weight_of.h"
#include "wagekit/wk_train.h"

#define WK_NAME wk_dense_backward_live_m8_r32
#define WK_MASTER int8_t
#define WK_RAW int32_t
#define WK_WEIGHT WK_WEIGHT_M8
#include "wk_dense_backward_live.inc"

#define WK_NAME wk_dense_backward_live_m8_r64
#define WK_MASTER int8_t
#define WK_RAW int64_t
#define WK_WEIGHT WK_WEIGHT_M8
#include "wk_dense_backward_live.inc"

#define WK_NAME wk_dense_backward_live_m16_r32
#define WK_MASTER int16_t
#define WK_RAW int32_t
#define WK_WEIGHT WK_WEIGHT_M16
#include "wk_dense_backward_live.inc"

#define WK_NAME wk_dense_backward_live_m16_r64
#define WK_MASTER int16_t
#define WK_RAW int64_t
#define WK_WEIGHT WK_WEIGHT_M16
#include "wk_dense_backward_live.inc"
