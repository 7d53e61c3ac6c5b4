/* Board file of the Netduino Plus 2 (STM32F405RG, 25 MHz crystal). The same image runs on the
 * chip and in QEMU. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define RCC_CR 0x40023800u
#define RCC_PLLCFGR 0x40023804u
#define RCC_CFGR 0x40023808u
#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define RCC_APB2ENR 0x40023844u
#define FLASH_ACR 0x40023C00u
#define GPIOA_MODER 0x40020000u
#define GPIOA_AFRH 0x40020024u
#define TIM2_CR1 0x40000000u
#define TIM2_EGR 0x40000014u
#define TIM2_CNT 0x40000024u
#define TIM2_PSC 0x40000028u
#define TIM2_ARR 0x4000002Cu

#define CR_HSION 1u
#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define POLLS 100000u

static bool emulated;

/* Whether a bit came up within a bounded number of looks. */
static bool wait_for(uint32_t address, uint32_t bits) {
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((wk_reg_read(address) & bits) == bits) {
            return true;
        }
    }
    return false;
}

/* 168 MHz from the PLL, buses at 42 and 84 MHz; from the crystal, or from the internal 16 MHz
 * oscillator (within 1 %, which a serial line bears) where no crystal starts. */
static void start_clocks(void) {
    wk_reg_write(RCC_CR, wk_reg_read(RCC_CR) | CR_HSEON);
    const bool crystal = wait_for(RCC_CR, CR_HSERDY);
    const uint32_t input_divider = crystal ? 25u : 16u; /* 1 MHz into the PLL */
    const uint32_t source = crystal ? 1u << 22 : 0u;
    wk_reg_write(RCC_PLLCFGR, input_divider | (336u << 6) | (0u << 16) | source | (7u << 24));
    wk_reg_write(RCC_CR, wk_reg_read(RCC_CR) | CR_PLLON);
    wk_reg_write(FLASH_ACR, 0x705u);                 /* caches, prefetch, five wait states */
    wk_reg_write(RCC_CFGR, (5u << 10) | (4u << 13)); /* APB1 / 4, APB2 / 2 */
    if (wait_for(RCC_CR, CR_PLLRDY)) {
        wk_reg_write(RCC_CFGR, (5u << 10) | (4u << 13) | 2u);
        (void)wait_for(RCC_CFGR, 8u);
    }
}

/* USART1 on PA9 and PA10, alternate function 7. */
static void start_pins(void) {
    wk_reg_write(RCC_AHB1ENR, wk_reg_read(RCC_AHB1ENR) | 1u);
    wk_reg_write(RCC_APB2ENR, wk_reg_read(RCC_APB2ENR) | (1u << 4));
    const uint32_t function = wk_reg_read(GPIOA_AFRH) & ~0x00000FF0u;
    wk_reg_write(GPIOA_AFRH, function | 0x00000770u);
    const uint32_t mode = wk_reg_read(GPIOA_MODER) & ~0x003C0000u;
    wk_reg_write(GPIOA_MODER, mode | 0x00280000u);
}

static uint32_t read_counter(void) {
    return wk_reg_read(TIM2_CNT);
}

/* TIM2 counts all 32 bits at 84 MHz, in QEMU a nanosecond a count. SysTick comes often enough to
 * see each of its rounds. */
static void start_counter(void) {
    wk_reg_write(RCC_APB1ENR, wk_reg_read(RCC_APB1ENR) | 1u);
    wk_reg_write(TIM2_PSC, 0);
    wk_reg_write(TIM2_ARR, 0xFFFFFFFFu);
    wk_reg_write(TIM2_EGR, 1);
    wk_reg_write(TIM2_CR1, 1);
    wk_systick_start();
}

void wk_systick_irq(void);
void wk_systick_irq(void) {
    (void)wk_port_ticks();
}

void wk_board_init(void) {
    emulated = (wk_reg_read(RCC_CR) & CR_HSION) == 0; /* always set after reset on the chip */
    if (!emulated) {
        start_clocks();
    }
    start_pins();
    start_counter();
}

bool wk_board_is_emulated(void) {
    return emulated;
}

uint64_t wk_port_ticks(void) {
    const uint32_t before = wk_irq_save();
    const uint64_t ticks = wk_extend_ticks(read_counter());
    wk_irq_restore(before);
    return ticks;
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of this chip is not started */
}
