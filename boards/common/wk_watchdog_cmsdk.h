/* The watchdog of Arm's CMSDK, which Stellaris chips have too: WK_WATCHDOG_BASE and
 * WK_WATCHDOG_TICKS come from wk_config.h. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_WATCHDOG_CMSDK_H
#define WK_WATCHDOG_CMSDK_H

#include "wagekit/wk_reg.h"
#include "wk_config.h"

#define WK_WATCHDOG_LOAD (WK_WATCHDOG_BASE + 0x000u)
#define WK_WATCHDOG_CONTROL (WK_WATCHDOG_BASE + 0x008u)
#define WK_WATCHDOG_INTCLEAR (WK_WATCHDOG_BASE + 0x00Cu)
#define WK_WATCHDOG_LOCK (WK_WATCHDOG_BASE + 0xC00u)
#define WK_WATCHDOG_KEY 0x1ACCE551u

/* An interrupt after the first round, reset after the second; nothing where it is off. */
static inline void wk_watchdog_start(void) {
    if (WK_WATCHDOG_TICKS > 0u) {
        wk_reg_write(WK_WATCHDOG_LOCK, WK_WATCHDOG_KEY);
        wk_reg_write(WK_WATCHDOG_LOAD, WK_WATCHDOG_TICKS);
        wk_reg_write(WK_WATCHDOG_CONTROL, 3);
        wk_reg_write(WK_WATCHDOG_LOCK, 0);
    }
}

static inline void wk_watchdog_feed(void) {
    if (WK_WATCHDOG_TICKS > 0u) {
        wk_reg_write(WK_WATCHDOG_LOCK, WK_WATCHDOG_KEY);
        wk_reg_write(WK_WATCHDOG_INTCLEAR, 1); /* also loads the counter again */
        wk_reg_write(WK_WATCHDOG_LOCK, 0);
    }
}

#endif
