/* Board file of the Adafruit Feather STM32F405 Express (12 MHz crystal). It is for the chip
 * and for QEMU, and has run in QEMU only. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_stm32f4.h"

#define USART1_TO_3 7u /* alternate function */

/* 168 MHz, buses at 42 and 84 MHz. */
static const wk_stm32f4_clocks_t clocks = {
    .source_mhz = 12,
    .bypass = false,
    .pll_n = 336,
    .pll_q = 7,
    .wait_states = 5,
};

void wk_board_init(void) {
    wk_stm32f4_start(&clocks);
    wk_stm32f4_pin(WK_GPIOB, 10, USART1_TO_3);
    wk_stm32f4_pin(WK_GPIOB, 11, USART1_TO_3);
}
