/* A 64-bit counter made from SysTick. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define ICSR_PENDSTSET (UINT32_C(1) << 26)

static volatile uint32_t rounds;

void wk_systick_irq(void);
void wk_systick_irq(void) {
    rounds++;
}

/* SysTick counts down and asks for its interrupt when it reaches 0, so that 0 already belongs to
 * the next round: -value is the phase. */
uint64_t wk_systick_ticks(void) {
    const uint32_t before = wk_irq_save();
    uint32_t value = wk_reg_read(WK_SYST_CVR);
    uint32_t round = rounds;
    if (wk_reg_read(WK_SCB_ICSR) & ICSR_PENDSTSET) { /* a round ended, and was not counted yet */
        value = wk_reg_read(WK_SYST_CVR);
        round++;
    }
    wk_irq_restore(before);
    return ((uint64_t)round << 24) + ((0u - value) & WK_SYSTICK_MASK);
}
