/* Forward dense product, one output of one sample. SPDX-License-Identifier: Apache-2.0 */
#include "wk_loops.h"

int32_t wk_dense_forward(const int8_t *input, const int8_t *row, int32_t count) {
    return wk_dot(input, row, count);
}
