/* What boards with an STM32F2 or STM32F4 have in common beside wk_stm32.h: the clocks. Their
 * own file says which crystal and which pins. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_STM32F4_H
#define WK_STM32F4_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t source_mhz;  /* of the crystal, or of the clock that comes from outside */
    bool bypass;          /* it is a clock from outside (HSEBYP) */
    uint32_t pll_n;       /* the PLL makes pll_n MHz, and the core has half of it */
    uint32_t pll_q;       /* pll_n / pll_q is at most 48 */
    uint32_t wait_states; /* of the flash at that clock, by the reference manual's table */
} wk_stm32f4_clocks_t;

/* Clocks, the clock of the serial port, and the counter: the first call of wk_board_init. The
 * buses have a quarter (APB1) and half (APB2) of the core's clock, TIM2 has half. */
void wk_stm32f4_start(const wk_stm32f4_clocks_t *clocks);

typedef enum { WK_GPIOA = 0, WK_GPIOB = 1, WK_GPIOC = 2, WK_GPIOD = 3 } wk_stm32f4_port_t;

/* As wk_stm32_pin; starts the port's clock. */
void wk_stm32f4_pin(wk_stm32f4_port_t port, uint32_t pin, uint32_t function);

#endif
