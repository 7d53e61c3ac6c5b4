/* Board file of the BBC micro:bit V1 (nRF51822). The same image runs on the chip and in QEMU.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define CLOCK_HFCLKSTART 0x40000000u
#define CLOCK_HFCLKSTARTED 0x40000100u
#define CLOCK_INTENSET 0x40000304u
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
#define TIMER0_IRQ 8
#define POLLS 100000u

static bool emulated;

static uint32_t read_counter(void) {
    wk_reg_write(TIMER0_CAPTURE0, 1);
    return wk_reg_read(TIMER0_CC0);
}

/* The chip has no SysTick: TIMER0 counts 32 bits at 16 MHz, and its compare interrupt comes once
 * a round. QEMU's core has a SysTick of 16 MHz, which under an instruction clock is exact. */
static void start_counter(void) {
    wk_reg_write(TIMER0_BITMODE, 3);
    wk_reg_write(TIMER0_PRESCALER, 0);
    wk_reg_write(TIMER0_CC1, 0);
    wk_reg_write(TIMER0_INTENSET, 1u << 17);
    wk_nvic_enable(TIMER0_IRQ);
    wk_reg_write(TIMER0_START, 1);
}

void WK_IRQ_HANDLER(TIMER0_IRQ)(void);
void WK_IRQ_HANDLER(TIMER0_IRQ)(void) {
    wk_reg_write(TIMER0_COMPARE1, 0);
    (void)wk_port_ticks();
}

void wk_board_init(void) {
    /* No interrupt of the clock is enabled, so that the chip reads 0; QEMU has no clock unit and
     * reads 1 everywhere. */
    emulated = wk_reg_read(CLOCK_INTENSET) != 0;
    wk_reg_write(GPIO_OUTSET, UINT32_C(1) << WK_UART_TX_PIN);
    wk_reg_write(GPIO_DIRSET, UINT32_C(1) << WK_UART_TX_PIN);
    if (emulated) {
        wk_systick_start();
        return;
    }
    wk_reg_write(CLOCK_HFCLKSTART, 1); /* the crystal: the serial line needs its accuracy */
    for (uint32_t i = 0; i < POLLS && wk_reg_read(CLOCK_HFCLKSTARTED) == 0; i++) {
        /* bounded: the internal oscillator goes on if there is none */
    }
    start_counter();
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    if (emulated) {
        return wk_systick_ticks();
    }
    const uint32_t before = wk_irq_save();
    const uint64_t ticks = wk_extend_ticks(read_counter());
    wk_irq_restore(before);
    return ticks;
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
