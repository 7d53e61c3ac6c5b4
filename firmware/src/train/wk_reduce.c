/* Clearing and maximum of sums. SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"

#define WK_CLEAR wk_clear_i32
#define WK_MAXIMUM wk_maximum_i32
#define WK_VALUE int32_t
#define WK_UNSIGNED uint32_t
#define WK_MAGNITUDE wk_magnitude_i32
#include "wk_reduce.inc"

#define WK_CLEAR wk_clear_i64
#define WK_MAXIMUM wk_maximum_i64
#define WK_VALUE int64_t
#define WK_UNSIGNED uint64_t
#define WK_MAGNITUDE wk_magnitude_i64
#include "wk_reduce.inc"
