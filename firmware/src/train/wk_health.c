/* Health of a layer: what an update did to its masters, and errors that are 0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some 16 instructions a weight on a Cortex-M4 (QEMU), in the steps that count it. */
#include "wagekit/wk_health.h"

/* Of the weight that a master stands for. */
static inline int32_t sign_of(int32_t master, int32_t least) {
    if (master >= least) {
        return 1;
    }
    return master <= -least ? -1 : 0;
}

#define WK_KEEP wk_keep_m8
#define WK_NAME wk_health_m8
#define WK_MASTER int8_t
#include "wk_health.inc"

#define WK_KEEP wk_keep_m16
#define WK_NAME wk_health_m16
#define WK_MASTER int16_t
#include "wk_health.inc"

uint32_t wk_zero_errors_e8(const int8_t *errors, int32_t count) {
    uint32_t zeros = 0;
    for (int32_t i = 0; i < count; i++) {
        zeros += errors[i] == 0 ? 1u : 0u;
    }
    return zeros;
}

uint32_t wk_zero_errors_e16(const int16_t *errors, int32_t count) {
    uint32_t zeros = 0;
    for (int32_t i = 0; i < count; i++) {
        zeros += errors[i] == 0 ? 1u : 0u;
    }
    return zeros;
}
