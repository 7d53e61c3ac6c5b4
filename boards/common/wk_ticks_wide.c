/* A 64-bit counter made from a free-running one of 32 bits. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"

static uint32_t high, last;

uint64_t wk_extend_ticks(uint32_t now) {
    if (now < last) {
        high++;
    }
    last = now;
    return ((uint64_t)high << 32) | now;
}
