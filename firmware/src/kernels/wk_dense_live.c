/* Four outputs of a dense layer at once, from the inputs that are not 0.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_weight_of.h"

#define WK_NAME wk_dense_forward_live_m8
#define WK_MASTER int8_t
#define WK_WEIGHT WK_WEIGHT_M8
#include "wk_dense_live.inc"

#define WK_NAME wk_dense_forward_live_m16
#define WK_MASTER int16_t
#define WK_WEIGHT WK_WEIGHT_M16
#include "wk_dense_live.inc"
