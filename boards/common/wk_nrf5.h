/* What boards with an nRF51 or nRF52 have in common: crystal, serial pins, counter.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_NRF5_H
#define WK_NRF5_H

#include <stdint.h>

/* The pins of the serial port, before it is started; both are of port 0. */
void wk_nrf5_start_pins(void);

/* The crystal, and TIMER0 as a counter of 16 MHz. */
void wk_nrf5_start_clocks(void);

/* That counter, extended to 64 bits. */
uint64_t wk_nrf5_ticks(void);

#endif
