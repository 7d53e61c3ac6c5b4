/* Lists of the activations that matter. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_kernels.h"

int32_t wk_list_nonzero(const int8_t *values, int32_t count, uint16_t *list) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        if (values[i] != 0) {
            list[found] = (uint16_t)i;
            found++;
        }
    }
    return found;
}

int32_t wk_list_between(const int8_t *values, int32_t count, int32_t low, int32_t high,
                        uint16_t *list) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        if (values[i] > low && values[i] < high) {
            list[found] = (uint16_t)i;
            found++;
        }
    }
    return found;
}
