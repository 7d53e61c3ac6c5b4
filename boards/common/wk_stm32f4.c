/* Clocks of STM32F2 and STM32F4, by the names of ST's RM0090 and RM0390.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_stm32f4.h"
#include "wagekit/wk_reg.h"
#include "wk_board.h"
#include "wk_stm32.h"

#define RCC_CR 0x40023800u
#define RCC_PLLCFGR 0x40023804u
#define RCC_CFGR 0x40023808u
#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define RCC_APB2ENR 0x40023844u
#define FLASH_ACR 0x40023C00u
#define GPIOA 0x40020000u
#define GPIO_STRIDE 0x400u
#define TIM2 0x40000000u
#define APB1 0x40000000u
#define APB2 0x40010000u

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

static bool emulated;

/* From the crystal, or from the internal oscillator (within 1 %, which a serial line bears) where
 * none starts; 1 MHz goes into the PLL. */
static void start_clocks(const wk_stm32f4_clocks_t *clocks) {
    const uint32_t buses = CFGR_PPRE1_4 | CFGR_PPRE2_2;
    if (clocks->bypass) {
        wk_stm32_set_bits(RCC_CR, CR_HSEBYP);
    }
    wk_stm32_set_bits(RCC_CR, CR_HSEON);
    const bool found = wk_stm32_wait_for(RCC_CR, CR_HSERDY);
    const uint32_t source = found ? PLLCFGR_PLLSRC | clocks->source_mhz : HSI_MHZ;
    wk_reg_write(RCC_PLLCFGR, source | PLLCFGR_N(clocks->pll_n) | PLLCFGR_P_2 |
                                  PLLCFGR_Q(clocks->pll_q) | PLLCFGR_R_2);
    wk_stm32_set_bits(RCC_CR, CR_PLLON);
    wk_reg_write(FLASH_ACR, ACR_DCEN | ACR_ICEN | ACR_PRFTEN | clocks->wait_states);
    wk_reg_write(RCC_CFGR, buses);
    if (wk_stm32_wait_for(RCC_CR, CR_PLLRDY)) {
        wk_reg_write(RCC_CFGR, buses | CFGR_SW_PLL);
        (void)wk_stm32_wait_for(RCC_CFGR, CFGR_SWS_PLL);
    }
}

/* A unit's place on its bus, in steps of 1 KB, is the number of its bit in the clock register. */
static void start_unit(uint32_t base) {
    const uint32_t enable = base < APB2 ? RCC_APB1ENR : RCC_APB2ENR;
    const uint32_t place = (base - (base < APB2 ? APB1 : APB2)) / 0x400u;
    wk_stm32_set_bits(enable, UINT32_C(1) << place);
    (void)wk_reg_read(enable); /* it answers two cycles after its clock came on */
}

void wk_stm32f4_pin(wk_stm32f4_port_t port, uint32_t pin, uint32_t function) {
    wk_stm32_set_bits(RCC_AHB1ENR, UINT32_C(1) << (uint32_t)port);
    (void)wk_reg_read(RCC_AHB1ENR);
    wk_stm32_pin(GPIOA + (uint32_t)port * GPIO_STRIDE, pin, function);
}

void wk_stm32f4_start(const wk_stm32f4_clocks_t *clocks) {
    emulated = (wk_reg_read(RCC_CR) & CR_HSION) == 0; /* always set after reset on the chip */
    if (!emulated) {
        start_clocks(clocks);
    }
    start_unit(WK_UART_BASE);
    start_unit(TIM2);
    wk_stm32_start_counter();
}

bool wk_board_is_emulated(void) {
    return emulated;
}
