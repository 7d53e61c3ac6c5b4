/* Weights of one output from its masters. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_kernels.h"
#include "wagekit/wk_math.h"

#define WK_NAME wk_derive_row_m8
#define WK_MASTER int8_t
#include "wk_derive.inc"

#define WK_NAME wk_derive_row_m16
#define WK_MASTER int16_t
#include "wk_derive.inc"
