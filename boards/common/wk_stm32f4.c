/* Clocks, pins and counter of STM32F2 and STM32F4, by the names of ST's RM0090 and RM0390.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_stm32f4.h"
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
#define GPIO_MODER 0x40020000u
#define GPIO_PUPDR 0x4002000Cu
#define GPIO_AFRL 0x40020020u
#define GPIO_STRIDE 0x400u
#define APB1 0x40000000u
#define APB2 0x40010000u
#define TIM2_CR1 0x40000000u
#define TIM2_EGR 0x40000014u
#define TIM2_CNT 0x40000024u
#define TIM2_PSC 0x40000028u
#define TIM2_ARR 0x4000002Cu

#define CR_HSION 1u
#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_HSEBYP (1u << 18)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define HSI_MHZ 16u
#define PLLCFGR_N(value) ((value) << 6)
#define PLLCFGR_P_2 (0u << 16)
#define PLLCFGR_PLLSRC (1u << 22)
#define PLLCFGR_Q(value) ((value) << 24)
#define PLLCFGR_R_2 (2u << 28) /* where there is no R, these bits read so after reset */
#define CFGR_SW_PLL 2u
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_PPRE1_4 (5u << 10)
#define CFGR_PPRE2_2 (4u << 13)
#define ACR_PRFTEN (1u << 8)
#define ACR_ICEN (1u << 9)
#define ACR_DCEN (1u << 10)
#define POLLS 100000u

static bool emulated;

static void set_bits(uint32_t address, uint32_t bits) {
    wk_reg_write(address, wk_reg_read(address) | bits);
}

/* Whether a bit came up within a bounded number of looks. */
static bool wait_for(uint32_t address, uint32_t bits) {
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((wk_reg_read(address) & bits) == bits) {
            return true;
        }
    }
    return false;
}

/* From the crystal, or from the internal oscillator (within 1 %, which a serial line bears) where
 * none starts; 1 MHz goes into the PLL. */
static void start_clocks(const wk_stm32f4_clocks_t *clocks) {
    const uint32_t buses = CFGR_PPRE1_4 | CFGR_PPRE2_2;
    if (clocks->bypass) {
        set_bits(RCC_CR, CR_HSEBYP);
    }
    set_bits(RCC_CR, CR_HSEON);
    const bool found = wait_for(RCC_CR, CR_HSERDY);
    const uint32_t source = found ? PLLCFGR_PLLSRC | clocks->source_mhz : HSI_MHZ;
    wk_reg_write(RCC_PLLCFGR, source | PLLCFGR_N(clocks->pll_n) | PLLCFGR_P_2 |
                                  PLLCFGR_Q(clocks->pll_q) | PLLCFGR_R_2);
    set_bits(RCC_CR, CR_PLLON);
    wk_reg_write(FLASH_ACR, ACR_DCEN | ACR_ICEN | ACR_PRFTEN | clocks->wait_states);
    wk_reg_write(RCC_CFGR, buses);
    if (wait_for(RCC_CR, CR_PLLRDY)) {
        wk_reg_write(RCC_CFGR, buses | CFGR_SW_PLL);
        (void)wait_for(RCC_CFGR, CFGR_SWS_PLL);
    }
}

/* A unit's place on its bus, in steps of 1 KB, is the number of its bit in the clock register. */
static void start_unit(uint32_t base) {
    const uint32_t enable = base < APB2 ? RCC_APB1ENR : RCC_APB2ENR;
    const uint32_t place = (base - (base < APB2 ? APB1 : APB2)) / 0x400u;
    set_bits(enable, UINT32_C(1) << place);
    (void)wk_reg_read(enable); /* it answers two cycles after its clock came on */
}

static void replace(uint32_t address, uint32_t shift, uint32_t mask, uint32_t value) {
    const uint32_t rest = wk_reg_read(address) & ~(mask << shift);
    wk_reg_write(address, rest | (value << shift));
}

void wk_stm32f4_pin(wk_stm32f4_port_t port, uint32_t pin, uint32_t function) {
    const uint32_t at = (uint32_t)port * GPIO_STRIDE;
    set_bits(RCC_AHB1ENR, UINT32_C(1) << (uint32_t)port);
    (void)wk_reg_read(RCC_AHB1ENR);
    replace(GPIO_AFRL + at + 4u * (pin / 8u), 4u * (pin % 8u), 15u, function);
    replace(GPIO_PUPDR + at, 2u * pin, 3u, 1u); /* a line without a wire rests */
    replace(GPIO_MODER + at, 2u * pin, 3u, 2u);
}

static uint32_t read_counter(void) {
    return wk_reg_read(TIM2_CNT);
}

/* TIM2 counts all 32 bits, in QEMU a nanosecond a count. SysTick comes often enough to see each of
 * its rounds. */
static void start_counter(void) {
    start_unit(TIM2_CR1);
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

void wk_stm32f4_start(const wk_stm32f4_clocks_t *clocks) {
    emulated = (wk_reg_read(RCC_CR) & CR_HSION) == 0; /* always set after reset on the chip */
    if (!emulated) {
        start_clocks(clocks);
    }
    start_unit(WK_UART_BASE);
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
    /* the watchdog of these chips is not started */
}
