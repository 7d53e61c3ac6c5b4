/* Looks for errors that are not 0. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_train.h"

bool wk_any_error_e8(const int8_t *errors, int32_t count, int32_t spacing) {
    for (int32_t i = 0; i < count; i++) {
        if (errors[i * spacing] != 0) {
            return true;
        }
    }
    return false;
}

bool wk_any_error_e16(const int16_t *errors, int32_t count, int32_t spacing) {
    for (int32_t i = 0; i < count; i++) {
        if (errors[i * spacing] != 0) {
            return true;
        }
    }
    return false;
}

int32_t wk_list_errors_e8(const int8_t *errors, int32_t count, uint16_t *list) {
    return wk_list_nonzero(errors, count, list);
}

int32_t wk_list_errors_e16(const int16_t *errors, int32_t count, uint16_t *list) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        if (errors[i] != 0) {
            list[found] = (uint16_t)i;
            found++;
        }
    }
    return found;
}
