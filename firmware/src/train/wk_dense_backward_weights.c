/* Gradient of a dense layer's weights. SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_train.h"

#define WK_NAME wk_dense_backward_weights_g32
#define WK_SUM int32_t
#include "wk_dense_backward.inc"

#define WK_NAME wk_dense_backward_weights_g64
#define WK_SUM int64_t
#include "wk_dense_backward.inc"
