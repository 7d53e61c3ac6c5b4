/* Gradient of a dense layer's weights. SPDX-License-Identifier: Apache-2.0 */
#include "../kernels/wk_loops.h"
#include "wagekit/wk_train.h"

void wk_dense_backward_weights_g32(int32_t error, const int8_t *input, int32_t count,
                                   int32_t *gradient) {
    if (error != 0) {
        wk_add_scaled_i32(gradient, input, error, count);
    }
}

void wk_dense_backward_weights_g64(int32_t error, const int8_t *input, int32_t count,
                                   int64_t *gradient) {
    if (error != 0) {
        wk_add_scaled_i64(gradient, input, error, count);
    }
}
