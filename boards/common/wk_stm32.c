/* Pins and counter of STM32F2, F4 and H7, by the names of ST's RM0090 and RM0433.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_stm32.h"
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define MODER 0x00u
#define PUPDR 0x0Cu
#define AFRL 0x20u
#define TIM2_CR1 0x40000000u
#define TIM2_EGR 0x40000014u
#define TIM2_CNT 0x40000024u
#define TIM2_PSC 0x40000028u
#define TIM2_ARR 0x4000002Cu
#define POLLS 100000u

void wk_stm32_set_bits(uint32_t address, uint32_t bits) {
    wk_reg_write(address, wk_reg_read(address) | bits);
}

bool wk_stm32_wait_for(uint32_t address, uint32_t bits) {
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((wk_reg_read(address) & bits) == bits) {
            return true;
        }
    }
    return false;
}

static void replace(uint32_t address, uint32_t shift, uint32_t mask, uint32_t value) {
    const uint32_t rest = wk_reg_read(address) & ~(mask << shift);
    wk_reg_write(address, rest | (value << shift));
}

void wk_stm32_pin(uint32_t gpio, uint32_t pin, uint32_t function) {
    replace(gpio + AFRL + 4u * (pin / 8u), 4u * (pin % 8u), 15u, function);
    replace(gpio + PUPDR, 2u * pin, 3u, 1u); /* a line without a wire rests */
    replace(gpio + MODER, 2u * pin, 3u, 2u);
}

/* In QEMU it counts nanoseconds. SysTick comes often enough to see each of its rounds. */
void wk_stm32_start_counter(void) {
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

uint64_t wk_port_ticks(void) {
    const uint32_t before = wk_irq_save();
    const uint64_t ticks = wk_extend_ticks(wk_reg_read(TIM2_CNT));
    wk_irq_restore(before);
    return ticks;
}

void wk_port_feed_watchdog(void) {
    /* the watchdog of these chips is not started */
}
