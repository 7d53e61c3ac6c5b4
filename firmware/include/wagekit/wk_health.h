/* Kernels that count the health of a layer. They are called in some steps only: see
 * wk_model_set_health. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_HEALTH_H
#define WK_HEALTH_H

#include "wagekit/wagekit.h"
#include <stdint.h>

typedef struct {
    int32_t least; /* smallest magnitude of a master whose weight is not 0, from 1 on */
    int32_t limit; /* largest magnitude of a master */
} wk_health_rule_t;

/* Copy a row of masters, before its update. */
void wk_keep_m8(const int8_t *masters, int32_t count, int8_t *before);
void wk_keep_m16(const int16_t *masters, int32_t count, int16_t *before);

/* Add what the update has done to them: plus, minus, clipped, nonzero, flipped.
 * Golden: count_weights. */
void wk_health_m8(const wk_health_rule_t *rule, const int8_t *before, const int8_t *masters,
                  int32_t count, wk_layer_health_t *health);
void wk_health_m16(const wk_health_rule_t *rule, const int16_t *before, const int16_t *masters,
                   int32_t count, wk_layer_health_t *health);

/* How many of `count` errors are 0. */
uint32_t wk_zero_errors_e8(const int8_t *errors, int32_t count);
uint32_t wk_zero_errors_e16(const int16_t *errors, int32_t count);

#endif
