/* Mask and maximum of raw errors. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"

#define WK_NAME wk_mask_errors_r32
#define WK_RAW int32_t
#define WK_UNSIGNED uint32_t
#define WK_MAGNITUDE wk_magnitude_i32
#include "wk_mask_errors.inc"

#define WK_NAME wk_mask_errors_r64
#define WK_RAW int64_t
#define WK_UNSIGNED uint64_t
#define WK_MAGNITUDE wk_magnitude_i64
#include "wk_mask_errors.inc"
