/* Board file of Emcraft's SmartFusion2 kit, as QEMU has it. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define DEMCR 0xE000EDFCu
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL 0xE0001000u
#define DWT_CYCCNT 0xE0001004u

static bool emulated;

void wk_board_init(void) {
    /* The cycle counter of the debug unit runs on silicon and stands at 0 in QEMU. */
    wk_reg_write(DEMCR, wk_reg_read(DEMCR) | DEMCR_TRCENA);
    wk_reg_write(DWT_CYCCNT, 0);
    wk_reg_write(DWT_CTRL, wk_reg_read(DWT_CTRL) | 1u);
    __asm volatile("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
    emulated = wk_reg_read(DWT_CYCCNT) == 0;
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
