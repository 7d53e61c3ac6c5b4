/* What the generated programs share: masters as bytes, and the learning rate of a step.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_STATE_H
#define WK_STATE_H

#include "wagekit/wagekit.h"
#include <stdbool.h>
#include <stdint.h>

/* The rate after the rule, not below WK_LOG2_LR_NONE; `exponent` is kappa of the largest error
 * at the output, or WK_NO_EXPONENT. Golden: scaled_log2_lr. */
int32_t wk_effective_rate(int32_t log2_lr, wk_rule_t rule, int32_t exponent, int32_t log2_one);

/* Whether first .. first + count lies within a layer of so many weights. */
bool wk_is_part(uint32_t first, uint32_t count, uint32_t weights);

/* Masters to and from little-endian bytes. Writing checks all values against +-limit first and
 * changes nothing where one is outside (WK_ERR_RANGE). */
void wk_read_masters_m8(const int8_t *masters, uint32_t count, uint8_t *bytes);
void wk_read_masters_m16(const int16_t *masters, uint32_t count, uint8_t *bytes);
wk_status_t wk_write_masters_m8(int8_t *masters, uint32_t count, int32_t limit,
                                const uint8_t *bytes);
wk_status_t wk_write_masters_m16(int16_t *masters, uint32_t count, int32_t limit,
                                 const uint8_t *bytes);

#endif
