/* Loss and error at the output, and the first largest logit. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_math.h"
#include "wagekit/wk_train.h"

int32_t wk_argmax(const int32_t *logits, int32_t count) {
    int32_t best = 0;
    for (int32_t i = 1; i < count; i++) {
        if (logits[i] > logits[best]) {
            best = i;
        }
    }
    return best;
}

void wk_output_error(const wk_loss_t *loss, const int32_t *logits, int32_t label, int32_t *errors,
                     wk_loss_sum_t *sum) {
    for (int32_t i = 0; i < loss->classes; i++) {
        const int32_t error = i == label ? logits[i] - loss->one : logits[i];
        const uint32_t magnitude = wk_magnitude_i32(error);
        const uint64_t square = (uint64_t)magnitude * magnitude;
        const uint64_t room = UINT64_MAX - sum->sum_squared_error;
        errors[i] = error;
        sum->sum_squared_error += square < room ? square : room;
        sum->maximum = magnitude > sum->maximum ? magnitude : sum->maximum;
    }
    sum->errors += wk_argmax(logits, loss->classes) == label ? 0u : 1u;
}
