/* Board file of the ST Nucleo-H743ZI (STM32H743ZI, 8 MHz from its ST-LINK), by the names of ST's
 * RM0433. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_stm32.h"

#define RCC_CR 0x58024400u
#define RCC_CFGR 0x58024410u
#define RCC_D1CFGR 0x58024418u
#define RCC_D2CFGR 0x5802441Cu
#define RCC_D3CFGR 0x58024420u
#define RCC_PLLCKSELR 0x58024428u
#define RCC_PLLCFGR 0x5802442Cu
#define RCC_PLL1DIVR 0x58024430u
#define RCC_AHB4ENR 0x580244E0u
#define RCC_APB1LENR 0x580244E8u
#define PWR_CSR1 0x58024804u
#define PWR_CR3 0x5802480Cu
#define PWR_D3CR 0x58024818u
#define FLASH_ACR 0x52002000u
#define GPIOD_MODER 0x58020C00u

#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_HSEBYP (1u << 18)
#define CR_PLL1ON (1u << 24)
#define CR_PLL1RDY (1u << 25)
#define CFGR_SW_PLL1 3u
#define CFGR_SWS_PLL1 (3u << 3)
#define D1CFGR_HPRE_2 8u
#define D1CFGR_D1PPRE_2 (4u << 4)
#define D2CFGR_D2PPRE1_2 (4u << 4)
#define D2CFGR_D2PPRE2_2 (4u << 8)
#define D3CFGR_D3PPRE_2 (4u << 4)
#define PLLCKSELR_HSE 2u
#define PLLCKSELR_DIVM1(value) ((value) << 4)
#define PLLCFGR_RGE_2_TO_4_MHZ (1u << 2)
#define PLLCFGR_DIVP1EN (1u << 16)
#define PLL1DIVR_DIVN1(value) ((value) - 1u)
#define PLL1DIVR_DIVP1_2 (1u << 9)
#define PLL1DIVR_DIVQ1_2 (1u << 16)
#define PLL1DIVR_DIVR1_2 (1u << 24)
#define AHB4ENR_GPIODEN (1u << 3)
#define APB1LENR_TIM2EN 1u
#define APB1LENR_USART3EN (1u << 18)
#define CSR1_ACTVOSRDY (1u << 13)
#define CR3_LDOEN (1u << 1)
#define D3CR_VOSRDY (1u << 13)
#define D3CR_VOS_1 (3u << 14)
#define ACR_TWO_WAIT_STATES 0x22u /* and WRHIGHFREQ for 185 to 210 MHz */

#define HSE_MHZ 8u
#define HSI_MHZ 64u
#define PLL_INPUT_MHZ 2u
#define USART3 7u /* alternate function */

/* The supply by the chip's regulator (the first write after power-on counts), and its highest
 * voltage that all revisions of the chip have. */
static bool raise_voltage(void) {
    wk_reg_write(PWR_CR3, CR3_LDOEN);
    (void)wk_stm32_wait_for(PWR_CSR1, CSR1_ACTVOSRDY);
    wk_reg_write(PWR_D3CR, D3CR_VOS_1);
    return wk_stm32_wait_for(PWR_D3CR, D3CR_VOSRDY);
}

/* 400 MHz, the most of all revisions (the later ones can do 480); AXI and AHB at 200 MHz, APB at
 * 100 MHz. From the ST-LINK's clock, or from the internal oscillator where there is none. */
static void start_clocks(void) {
    wk_stm32_set_bits(RCC_CR, CR_HSEBYP);
    wk_stm32_set_bits(RCC_CR, CR_HSEON);
    const bool found = wk_stm32_wait_for(RCC_CR, CR_HSERDY);
    wk_reg_write(RCC_PLLCKSELR, found ? PLLCKSELR_HSE | PLLCKSELR_DIVM1(HSE_MHZ / PLL_INPUT_MHZ)
                                      : PLLCKSELR_DIVM1(HSI_MHZ / PLL_INPUT_MHZ));
    wk_reg_write(RCC_PLLCFGR, PLLCFGR_RGE_2_TO_4_MHZ | PLLCFGR_DIVP1EN);
    wk_reg_write(RCC_PLL1DIVR,
                 PLL1DIVR_DIVN1(400u) | PLL1DIVR_DIVP1_2 | PLL1DIVR_DIVQ1_2 | PLL1DIVR_DIVR1_2);
    wk_stm32_set_bits(RCC_CR, CR_PLL1ON);
    wk_reg_write(FLASH_ACR, ACR_TWO_WAIT_STATES);
    wk_reg_write(RCC_D1CFGR, D1CFGR_HPRE_2 | D1CFGR_D1PPRE_2);
    wk_reg_write(RCC_D2CFGR, D2CFGR_D2PPRE1_2 | D2CFGR_D2PPRE2_2);
    wk_reg_write(RCC_D3CFGR, D3CFGR_D3PPRE_2);
    if (wk_stm32_wait_for(RCC_CR, CR_PLL1RDY)) {
        wk_reg_write(RCC_CFGR, CFGR_SW_PLL1);
        (void)wk_stm32_wait_for(RCC_CFGR, CFGR_SWS_PLL1);
    }
}

/* The data cache stays off: checkpoints are read where the flash has changed, and nobody has tried
 * this on a chip yet. */
void wk_board_init(void) {
    /* The bus tells a store where there is nothing late; the MPU tells at once. */
    wk_mpu_forbid(0x22000000u, 25);
    wk_instruction_cache_start();
    if (raise_voltage()) {
        start_clocks();
    }
    wk_stm32_set_bits(RCC_AHB4ENR, AHB4ENR_GPIODEN);
    wk_stm32_set_bits(RCC_APB1LENR, APB1LENR_TIM2EN | APB1LENR_USART3EN);
    (void)wk_reg_read(RCC_APB1LENR); /* a unit answers two cycles after its clock came on */
    wk_stm32_pin(GPIOD_MODER, 8, USART3);
    wk_stm32_pin(GPIOD_MODER, 9, USART3);
    wk_stm32_start_counter();
}

bool wk_board_is_emulated(void) {
    return false; /* QEMU has no STM32H7 */
}
