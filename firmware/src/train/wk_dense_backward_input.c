/* Errors into a dense layer's input. SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_train.h"

#define WK_NAME wk_dense_backward_input_r32
#define WK_SUM int32_t
#include "wk_dense_backward.inc"

#define WK_NAME wk_dense_backward_input_r64
#define WK_SUM int64_t
#include "wk_dense_backward.inc"
