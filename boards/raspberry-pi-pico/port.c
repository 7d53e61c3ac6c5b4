/* Board file of the Raspberry Pi Pico (RP2040, 12 MHz crystal), by the names of the RP2040 data
 * sheet. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define RESETS_RESET 0x4000C000u
#define RESETS_RESET_DONE 0x4000C008u
#define CLOCKS_CLK_REF_CTRL 0x40008030u
#define CLOCKS_CLK_REF_SELECTED 0x40008038u
#define CLOCKS_CLK_SYS_CTRL 0x4000803Cu
#define CLOCKS_CLK_SYS_SELECTED 0x40008044u
#define CLOCKS_CLK_PERI_CTRL 0x40008048u
#define XOSC_CTRL 0x40024000u
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP 0x4002400Cu
#define PLL_SYS_CS 0x40028000u
#define PLL_SYS_PWR 0x40028004u
#define PLL_SYS_FBDIV_INT 0x40028008u
#define PLL_SYS_PRIM 0x4002800Cu
#define IO_BANK0_GPIO0_CTRL 0x40014004u
#define IO_BANK0_GPIO1_CTRL 0x4001400Cu
#define PADS_BANK0_GPIO1 0x4001C008u
#define WATCHDOG_TICK 0x4005802Cu
#define TIMER_TIMERAWH 0x40054024u
#define TIMER_TIMERAWL 0x40054028u

#define CLEAR_BITS 0x3000u /* the same register, in which ones clear */
#define RESET_IO_BANK0 (1u << 5)
#define RESET_PADS_BANK0 (1u << 8)
#define RESET_PLL_SYS (1u << 12)
#define RESET_TIMER (1u << 21)
#define RESET_UART0 (1u << 22)
#define CTRL_1_TO_15_MHZ 0xAA0u
#define CTRL_ENABLE (0xFABu << 12)
#define STATUS_STABLE (UINT32_C(1) << 31)
#define STARTUP_4_MS 188u /* in steps of 256 periods of the crystal */
#define CS_REFDIV_1 1u
#define CS_LOCK (UINT32_C(1) << 31)
#define PWR_PD 1u
#define PWR_POSTDIVPD (1u << 3)
#define PWR_VCOPD (1u << 5)
#define PRIM_POSTDIV1(value) ((value) << 16)
#define PRIM_POSTDIV2(value) ((value) << 12)
#define CLK_REF_CTRL_XOSC 2u
#define CLK_SYS_CTRL_AUX 1u /* which is the PLL */
#define CLK_PERI_CTRL_ENABLE (1u << 11)
#define TICK_ENABLE (1u << 9)
#define FUNCSEL_UART 2u
#define PAD_INPUT_WITH_PULL_UP 0x5Au
#define CRYSTAL_MHZ 12u
#define VCO_MHZ 1500u
#define POLLS 100000u

static bool wait_for(uint32_t address, uint32_t bits) {
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((wk_reg_read(address) & bits) == bits) {
            return true;
        }
    }
    return false;
}

static void start_units(uint32_t units) {
    wk_reg_write(RESETS_RESET + CLEAR_BITS, units);
    (void)wait_for(RESETS_RESET_DONE, units);
}

/* 1500 MHz / 6 / 2. */
static bool start_pll(void) {
    start_units(RESET_PLL_SYS);
    wk_reg_write(PLL_SYS_CS, CS_REFDIV_1);
    wk_reg_write(PLL_SYS_FBDIV_INT, VCO_MHZ / CRYSTAL_MHZ);
    wk_reg_write(PLL_SYS_PWR + CLEAR_BITS, PWR_PD | PWR_VCOPD);
    if (!wait_for(PLL_SYS_CS, CS_LOCK)) {
        return false;
    }
    wk_reg_write(PLL_SYS_PRIM, PRIM_POSTDIV1(6u) | PRIM_POSTDIV2(2u));
    wk_reg_write(PLL_SYS_PWR + CLEAR_BITS, PWR_POSTDIVPD);
    return true;
}

/* The crystal is the reference, and the PLL makes 125 MHz of it for the processor and the serial
 * port. Without a crystal all stays with the ring oscillator, too inaccurate for a serial line. */
static void start_clocks(void) {
    wk_reg_write(XOSC_STARTUP, STARTUP_4_MS);
    wk_reg_write(XOSC_CTRL, CTRL_1_TO_15_MHZ | CTRL_ENABLE);
    if (wait_for(XOSC_STATUS, STATUS_STABLE)) {
        wk_reg_write(CLOCKS_CLK_REF_CTRL, CLK_REF_CTRL_XOSC);
        (void)wait_for(CLOCKS_CLK_REF_SELECTED, 1u << CLK_REF_CTRL_XOSC);
        if (start_pll()) {
            wk_reg_write(CLOCKS_CLK_SYS_CTRL, CLK_SYS_CTRL_AUX);
            (void)wait_for(CLOCKS_CLK_SYS_SELECTED, 1u << CLK_SYS_CTRL_AUX);
        }
    }
    wk_reg_write(CLOCKS_CLK_PERI_CTRL, CLK_PERI_CTRL_ENABLE);
}

void wk_board_init(void) {
    /* Below the RAM lie copies of the flash, and nothing faults there by itself. */
    wk_mpu_forbid(0x1F000000u, 24);
    start_clocks();
    start_units(RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_TIMER | RESET_UART0);
    wk_reg_write(PADS_BANK0_GPIO1, PAD_INPUT_WITH_PULL_UP); /* a line without a wire rests */
    wk_reg_write(IO_BANK0_GPIO0_CTRL, FUNCSEL_UART);
    wk_reg_write(IO_BANK0_GPIO1_CTRL, FUNCSEL_UART);
    wk_reg_write(WATCHDOG_TICK, TICK_ENABLE | CRYSTAL_MHZ); /* counts for the timer too */
}

bool wk_board_is_emulated(void) {
    return false; /* QEMU has no RP2040 */
}

/* TIMER has 64 bits, of which one half is read after the other: between them the lower one may have
 * begun again. */
uint64_t wk_port_ticks(void) {
    const uint32_t before = wk_reg_read(TIMER_TIMERAWH);
    const uint32_t low = wk_reg_read(TIMER_TIMERAWL);
    const uint32_t high = wk_reg_read(TIMER_TIMERAWH);
    const uint32_t fitting = before == high ? low : wk_reg_read(TIMER_TIMERAWL);
    return ((uint64_t)high << 32) | fitting;
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
