/* Board file of Arm's MPS2 with the AN385, AN386 and AN500 images: nothing to set up but the
 * counter and a guard for the stack. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define DEMCR 0xE000EDFCu
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL 0xE0001000u
#define DWT_CYCCNT 0xE0001004u

#define WATCHDOG_LOAD (WK_WATCHDOG_BASE + 0x000u)
#define WATCHDOG_CONTROL (WK_WATCHDOG_BASE + 0x008u)
#define WATCHDOG_INTCLEAR (WK_WATCHDOG_BASE + 0x00Cu)
#define WATCHDOG_LOCK (WK_WATCHDOG_BASE + 0xC00u)
#define WATCHDOG_KEY 0x1ACCE551u

#define BELOW_RAM 0x10000000u
#define BELOW_RAM_LOG2_SIZE 28u

static bool emulated;

/* The cycle counter of the debug unit runs on silicon and stands at 0 in QEMU. */
static bool cycle_counter_stands(void) {
    wk_reg_write(DEMCR, wk_reg_read(DEMCR) | DEMCR_TRCENA);
    wk_reg_write(DWT_CYCCNT, 0);
    wk_reg_write(DWT_CTRL, wk_reg_read(DWT_CTRL) | 1u);
    __asm volatile("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
    return wk_reg_read(DWT_CYCCNT) == 0;
}

void wk_board_init(void) {
    /* QEMU lets these machines read and write where there is nothing, so that a stack that grows
     * out of RAM would not fault by itself. */
    wk_mpu_forbid(BELOW_RAM, BELOW_RAM_LOG2_SIZE);
    emulated = cycle_counter_stands();
    wk_systick_start();
    if (WK_WATCHDOG_TICKS > 0u) {
        wk_reg_write(WATCHDOG_LOCK, WATCHDOG_KEY);
        wk_reg_write(WATCHDOG_LOAD, WK_WATCHDOG_TICKS);
        wk_reg_write(WATCHDOG_CONTROL, 3); /* NMI after the first round, reset after the second */
        wk_reg_write(WATCHDOG_LOCK, 0);
    }
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    return wk_systick_ticks();
}

void wk_port_feed_watchdog(void) {
    if (WK_WATCHDOG_TICKS > 0u) {
        wk_reg_write(WATCHDOG_LOCK, WATCHDOG_KEY);
        wk_reg_write(WATCHDOG_INTCLEAR, 1); /* also loads the counter again */
        wk_reg_write(WATCHDOG_LOCK, 0);
    }
}
