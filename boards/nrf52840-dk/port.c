/* Board file of Nordic's nRF52840 development kit (PCA10056).
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_nrf5.h"

#define NVMC_ICACHECNF 0x4001E540u
#define ICACHECNF_CACHEEN 1u
#define UICR_APPROTECT 0x10001208u
#define APPROTECT_HW_DISABLED 0x5Au
#define APPROTECT_DISABLE 0x40000558u
#define DISABLE_SW_UNPROTECTED 0x5Au

/* From its third revision on the chip closes its debug port at each start, also where UICR leaves
 * it open, until the firmware opens it. Closed, it could only be written after all of its flash was
 * erased, with what it has learned. */
static void keep_debug_port_open(void) {
    if ((wk_reg_read(UICR_APPROTECT) & 0xFFu) == APPROTECT_HW_DISABLED) {
        wk_reg_write(APPROTECT_DISABLE, DISABLE_SW_UNPROTECTED);
    }
}

/* The core always runs at 64 MHz, and waits for the flash unless its cache is on. */
void wk_board_init(void) {
    keep_debug_port_open();
    wk_reg_write(NVMC_ICACHECNF, ICACHECNF_CACHEEN);
    wk_nrf5_start_pins();
    wk_nrf5_start_clocks();
}

bool wk_board_is_emulated(void) {
    return false; /* QEMU has no nRF52 */
}

uint64_t wk_port_ticks(void) {
    return wk_nrf5_ticks();
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
