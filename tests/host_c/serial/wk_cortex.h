/* Interrupts of the processor, in memory. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_CORTEX_H
#define WK_CORTEX_H

#include <stdint.h>

void wk_nvic_enable(uint32_t irq);
void wk_nvic_disable(uint32_t irq);
uint32_t wk_irq_save(void);
void wk_irq_restore(uint32_t before);

#endif
