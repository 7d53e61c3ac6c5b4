/* Board file of the ST Nucleo-F446RE (STM32F446RE, 8 MHz from its ST-LINK).
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_stm32f4.h"

#define USART1_TO_3 7u /* alternate function */

/* 168 MHz, buses at 42 and 84 MHz: the most without over-drive, which the 180 MHz that the chip can
 * do would need. */
static const wk_stm32f4_clocks_t clocks = {
    .source_mhz = 8,
    .bypass = true,
    .pll_n = 336,
    .pll_q = 7,
    .wait_states = 5,
};

void wk_board_init(void) {
    wk_stm32f4_start(&clocks);
    wk_stm32f4_pin(WK_GPIOA, 2, USART1_TO_3);
    wk_stm32f4_pin(WK_GPIOA, 3, USART1_TO_3);
}
