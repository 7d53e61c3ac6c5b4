/* Stochastic update of masters. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"
#include "wk_decrement.h"

#define WK_NAME wk_update_m8_g32
#define WK_MASTER int8_t
#define WK_GRADIENT int32_t
#define WK_MAGNITUDE wk_magnitude_i32
#define WK_BITS 32
#include "wk_update.inc"

#define WK_NAME wk_update_m8_g64
#define WK_MASTER int8_t
#define WK_GRADIENT int64_t
#define WK_MAGNITUDE wk_magnitude_i64
#define WK_BITS 64
#include "wk_update.inc"

#define WK_NAME wk_update_m16_g32
#define WK_MASTER int16_t
#define WK_GRADIENT int32_t
#define WK_MAGNITUDE wk_magnitude_i32
#define WK_BITS 32
#include "wk_update.inc"

#define WK_NAME wk_update_m16_g64
#define WK_MASTER int16_t
#define WK_GRADIENT int64_t
#define WK_MAGNITUDE wk_magnitude_i64
#define WK_BITS 64
#include "wk_update.inc"
