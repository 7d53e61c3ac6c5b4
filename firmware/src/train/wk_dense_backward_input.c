/* Errors into a dense layer's input. SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_train.h"

void wk_dense_backward_input_r32(int32_t error, const int8_t *row, int32_t count, int32_t *raw) {
    if (error != 0) {
        wk_add_scaled_i32(raw, row, error, count);
    }
}

void wk_dense_backward_input_r64(int32_t error, const int8_t *row, int32_t count, int64_t *raw) {
    if (error != 0) {
        wk_add_scaled_i64(raw, row, error, count);
    }
}
