/* Board file of Arm's MPS2 and MPS3 with the AN385, AN386, AN500, AN505 and AN547 images: nothing
 * to set up but the counter and a guard for the stack. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_watchdog_cmsdk.h"

static bool emulated;

void wk_board_init(void) {
#if __ARM_ARCH < 8 /* from there on a core has a limit for its stack pointer: wk_startup.S */
    /* QEMU lets these machines read and write where there is nothing, so that a stack that grows
     * out of RAM would not fault by itself. */
    wk_mpu_forbid(0x10000000u, 28);
#endif
    emulated = wk_cycle_counter_stands();
    wk_systick_start();
    wk_watchdog_start(); /* its interrupt is the NMI */
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    return wk_systick_ticks();
}

void wk_port_feed_watchdog(void) {
    wk_watchdog_feed();
}
