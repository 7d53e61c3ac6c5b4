/* Board file of Emcraft's SmartFusion2 kit, as QEMU has it. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

static bool emulated;

void wk_board_init(void) {
    emulated = wk_cycle_counter_stands();
    wk_systick_start();
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    return wk_systick_ticks();
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
