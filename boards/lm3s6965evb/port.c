/* Board file of the Stellaris LM3S6965 evaluation board (8 MHz crystal). It is for the
 * chip and for QEMU, and has run in QEMU only. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_watchdog_cmsdk.h"

#define SYSCTL_RIS 0x400FE050u
#define SYSCTL_RCC 0x400FE060u
#define SYSCTL_RCGC0 0x400FE100u
#define RCGC0_WDT (1u << 3)
#define SYSCTL_RCGC1 0x400FE104u
#define SYSCTL_RCGC2 0x400FE108u
#define GPIOA_AFSEL 0x40004420u
#define GPIOA_DEN 0x4000451Cu

#define RIS_PLLLRIS (1u << 6)
#define RCC_XTAL_8MHZ (0xEu << 6)
#define RCC_BYPASS (1u << 11)
#define RCC_PWRDN (1u << 13)
#define RCC_USESYSDIV (1u << 22)
#define RCC_SYSDIV_4 (3u << 23) /* 200 MHz of the PLL / 4 */
#define POLLS 100000u

#define WATCHDOG_IRQ 18u

static bool emulated;

/* 50 MHz from the crystal and the PLL, by the steps of the data sheet: around the PLL while it
 * starts, through it once it has locked. */
static void start_clocks(void) {
    const uint32_t around = RCC_SYSDIV_4 | RCC_USESYSDIV | RCC_XTAL_8MHZ | RCC_BYPASS;
    wk_reg_write(SYSCTL_RCC, around | RCC_PWRDN);
    wk_reg_write(SYSCTL_RCC, around);
    for (uint32_t i = 0; i < POLLS; i++) {
        if (wk_reg_read(SYSCTL_RIS) & RIS_PLLLRIS) {
            wk_reg_write(SYSCTL_RCC, around & ~RCC_BYPASS);
            return;
        }
    }
}

/* UART0 on PA0 and PA1, and the watchdog if it is wanted. A unit answers three cycles after its
 * clock came on. */
static void start_units(void) {
    if (WK_WATCHDOG_TICKS > 0u) {
        wk_reg_write(SYSCTL_RCGC0, wk_reg_read(SYSCTL_RCGC0) | RCGC0_WDT);
    }
    wk_reg_write(SYSCTL_RCGC1, wk_reg_read(SYSCTL_RCGC1) | 1u);
    wk_reg_write(SYSCTL_RCGC2, wk_reg_read(SYSCTL_RCGC2) | 1u);
    (void)wk_reg_read(SYSCTL_RCGC2);
    __asm volatile("nop\n\tnop\n\tnop" ::: "memory");
    wk_reg_write(GPIOA_AFSEL, wk_reg_read(GPIOA_AFSEL) | 3u);
    wk_reg_write(GPIOA_DEN, wk_reg_read(GPIOA_DEN) | 3u);
}

void wk_board_init(void) {
    /* QEMU lets this machine read and write where there is nothing. */
    wk_mpu_forbid(0x10000000u, 28);
    emulated = wk_cycle_counter_stands();
    start_clocks();
    start_units();
    wk_systick_start();
    if (WK_WATCHDOG_TICKS > 0u) {
        /* Its first time-out is an interrupt that nothing handles, hence a fault. */
        wk_watchdog_start();
        wk_nvic_enable(WATCHDOG_IRQ);
    }
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
