/* What STM32 of several families have in common: pins, and TIM2 as the counter.
 * SPDX-License-Identifier: Apache-2.0
 *
 * wk_stm32.c also gives wk_port_ticks and wk_port_feed_watchdog. */
#ifndef WK_STM32_H
#define WK_STM32_H

#include <stdbool.h>
#include <stdint.h>

void wk_stm32_set_bits(uint32_t address, uint32_t bits);

/* Whether bits came up within a bounded number of looks. */
bool wk_stm32_wait_for(uint32_t address, uint32_t bits);

/* Gives a pin to a unit, by the number of its alternate function (0 to 15), with a pull-up. `gpio`
 * is the address of its port, whose clock runs. */
void wk_stm32_pin(uint32_t gpio, uint32_t pin, uint32_t function);

/* TIM2 counts all 32 bits, at its clock, which runs. */
void wk_stm32_start_counter(void);

#endif
