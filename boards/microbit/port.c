/* Board file of the BBC micro:bit V1 (nRF51822). It is for the chip and for QEMU, and has run in
 * QEMU only. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_nrf5.h"

#define CLOCK_INTENSET 0x40000304u

static bool emulated;

/* The chip has no SysTick, and counts with TIMER0. QEMU's core has a SysTick of 16 MHz, which under
 * an instruction clock is exact. */
void wk_board_init(void) {
    /* No interrupt of the clock is enabled, so that the chip reads 0; QEMU has no clock unit and
     * reads 1 everywhere. */
    emulated = wk_reg_read(CLOCK_INTENSET) != 0;
    wk_nrf5_start_pins();
    if (emulated) {
        wk_systick_start();
    } else {
        wk_nrf5_start_clocks();
    }
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    return emulated ? wk_systick_ticks() : wk_nrf5_ticks();
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
