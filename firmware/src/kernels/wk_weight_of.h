/* One weight from its master. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_WEIGHT_OF_H
#define WK_WEIGHT_OF_H

#include "wagekit/wk_kernels.h"

/* rha needs no clipping here: the largest master is a multiple of the step. int16 masters are
 * wider than any weight, so derive->shift is at least 1 for them. */
#define WK_WEIGHT_M8(derive, master) ((derive)->weights[(master)])
#define WK_WEIGHT_M16(derive, master)                                                              \
    (((master) + (1 << (derive)->shift >> 1) - ((master) < 0 ? 1 : 0)) >> (derive)->shift)

#endif
