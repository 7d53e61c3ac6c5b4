/* Crystal, serial pins and counter of nRF51 and nRF52, whose registers are at the same addresses.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_nrf5.h"
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define CLOCK_HFCLKSTART 0x40000000u
#define CLOCK_HFCLKSTARTED 0x40000100u
#define GPIO_OUTSET 0x50000508u
#define GPIO_DIRSET 0x50000518u
#define TIMER0_START 0x40008000u
#define TIMER0_CAPTURE0 0x40008040u
#define TIMER0_COMPARE1 0x40008144u
#define TIMER0_INTENSET 0x40008304u
#define TIMER0_BITMODE 0x40008508u
#define TIMER0_PRESCALER 0x40008510u
#define TIMER0_CC0 0x40008540u
#define TIMER0_CC1 0x40008544u
#define INTENSET_COMPARE1 (1u << 17)
#define BITMODE_32 3u
#define TIMER0_IRQ 8
#define POLLS 100000u

void wk_nrf5_start_pins(void) {
    wk_reg_write(GPIO_OUTSET, UINT32_C(1) << WK_UART_TX_PIN);
    wk_reg_write(GPIO_DIRSET, UINT32_C(1) << WK_UART_TX_PIN);
}

/* TIMER0 counts 32 bits, and its compare interrupt comes once a round. */
static void start_counter(void) {
    wk_reg_write(TIMER0_BITMODE, BITMODE_32);
    wk_reg_write(TIMER0_PRESCALER, 0);
    wk_reg_write(TIMER0_CC1, 0);
    wk_reg_write(TIMER0_INTENSET, INTENSET_COMPARE1);
    wk_nvic_enable(TIMER0_IRQ);
    wk_reg_write(TIMER0_START, 1);
}

void WK_IRQ_HANDLER(TIMER0_IRQ)(void);
void WK_IRQ_HANDLER(TIMER0_IRQ)(void) {
    wk_reg_write(TIMER0_COMPARE1, 0);
    (void)wk_port_ticks();
}

void wk_nrf5_start_clocks(void) {
    wk_reg_write(CLOCK_HFCLKSTART, 1); /* the crystal: the serial line needs its accuracy */
    for (uint32_t i = 0; i < POLLS && wk_reg_read(CLOCK_HFCLKSTARTED) == 0; i++) {
        /* bounded: the internal oscillator goes on if there is none */
    }
    start_counter();
}

static uint32_t read_counter(void) {
    wk_reg_write(TIMER0_CAPTURE0, 1);
    return wk_reg_read(TIMER0_CC0);
}

uint64_t wk_nrf5_ticks(void) {
    const uint32_t before = wk_irq_save();
    const uint64_t ticks = wk_extend_ticks(read_counter());
    wk_irq_restore(before);
    return ticks;
}
