/* Registers and instructions that every Cortex-M has. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_CORTEX_H
#define WK_CORTEX_H

#include "wagekit/wk_reg.h"
#include <stdbool.h>
#include <stdint.h>

#define WK_SYST_CSR 0xE000E010u
#define WK_SYST_RVR 0xE000E014u
#define WK_SYST_CVR 0xE000E018u
#define WK_SCB_ICSR 0xE000ED04u
#define WK_SCB_AIRCR 0xE000ED0Cu
#define WK_SCB_CCR 0xE000ED14u
#define WK_SCB_CFSR 0xE000ED28u
#define WK_SCB_HFSR 0xE000ED2Cu
#define WK_SCB_MMFAR 0xE000ED34u
#define WK_SCB_BFAR 0xE000ED38u
#define WK_NVIC_ISER 0xE000E100u
#define WK_NVIC_ICER 0xE000E180u

#define WK_DEMCR 0xE000EDFCu
#define WK_DEMCR_TRCENA (UINT32_C(1) << 24)
#define WK_DWT_CTRL 0xE0001000u
#define WK_DWT_CYCCNT 0xE0001004u

#define WK_CCR_BFHFNMIGN (UINT32_C(1) << 8)
#define WK_CCR_IC (UINT32_C(1) << 17)
#define WK_ICIALLU 0xE000EF50u

#define WK_MPU_CTRL 0xE000ED94u
#define WK_MPU_RNR 0xE000ED98u
#define WK_MPU_RBAR 0xE000ED9Cu
#define WK_MPU_RASR 0xE000EDA0u
#define WK_SYSTICK_MASK 0x00FFFFFFu

/* SysTick with its longest round, the core's clock and its interrupt. */
static inline void wk_systick_start(void) {
    wk_reg_write(WK_SYST_RVR, WK_SYSTICK_MASK);
    wk_reg_write(WK_SYST_CVR, 0);
    wk_reg_write(WK_SYST_CSR, 7);
    while (wk_reg_read(WK_SYST_CVR) == 0) {
        /* it loads with its next tick */
    }
}

/* Whether the cycle counter of the debug unit stands: it runs on silicon and is 0 in QEMU. Not for
 * ARMv6-M, which has none. */
static inline bool wk_cycle_counter_stands(void) {
    wk_reg_write(WK_DEMCR, wk_reg_read(WK_DEMCR) | WK_DEMCR_TRCENA);
    wk_reg_write(WK_DWT_CYCCNT, 0);
    wk_reg_write(WK_DWT_CTRL, wk_reg_read(WK_DWT_CTRL) | 1u);
    __asm volatile("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
    return wk_reg_read(WK_DWT_CYCCNT) == 0;
}

/* Nothing may touch 2^log2_size bytes from `base`, a multiple of their number; the rest stays as
 * it is. For cores with an MPU of ARMv6-M or ARMv7-M. */
static inline void wk_mpu_forbid(uint32_t base, uint32_t log2_size) {
    wk_reg_write(WK_MPU_RNR, 0);
    wk_reg_write(WK_MPU_RBAR, base);
    wk_reg_write(WK_MPU_RASR, (UINT32_C(1) << 28) | ((log2_size - 1u) << 1) | 1u);
    wk_reg_write(WK_MPU_CTRL, 5); /* on, with the default map around it */
    __asm volatile("dsb\n\tisb" ::: "memory");
}

static inline void wk_data_barrier(void) {
    __asm volatile("dsb" ::: "memory");
}

#if __ARM_ARCH >= 7
/* The instruction cache, of a core that has one; what it holds after a reset is not known. */
static inline void wk_instruction_cache_start(void) {
    __asm volatile("dsb\n\tisb" ::: "memory");
    wk_reg_write(WK_ICIALLU, 0);
    __asm volatile("dsb\n\tisb" ::: "memory");
    wk_reg_write(WK_SCB_CCR, wk_reg_read(WK_SCB_CCR) | WK_CCR_IC);
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/* A word that the bus may refuse: the core then goes on, with any value. Faults of reading are
 * ignored for this one instruction, in which nothing else runs. */
static inline uint32_t wk_read_without_fault(uint32_t address) {
    const uint32_t before = wk_reg_read(WK_SCB_CCR);
    wk_reg_write(WK_SCB_CCR, before | WK_CCR_BFHFNMIGN);
    __asm volatile("dsb\n\tisb\n\tcpsid f" ::: "memory");
    const uint32_t value = wk_reg_read(address);
    __asm volatile("dsb\n\tcpsie f" ::: "memory");
    wk_reg_write(WK_SCB_CCR, before);
    return value;
}
#endif

static inline void wk_nvic_enable(uint32_t irq) {
    wk_reg_write(WK_NVIC_ISER + 4u * (irq / 32u), UINT32_C(1) << (irq % 32u));
}

/* With the barriers, the interrupt cannot come any more behind this call. */
static inline void wk_nvic_disable(uint32_t irq) {
    wk_reg_write(WK_NVIC_ICER + 4u * (irq / 32u), UINT32_C(1) << (irq % 32u));
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/* Interrupts off; the value goes to wk_irq_restore. */
static inline uint32_t wk_irq_save(void) {
    uint32_t before;
    __asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void wk_irq_restore(uint32_t before) {
    __asm volatile("msr primask, %0" ::"r"(before) : "memory");
}

static inline uint32_t wk_active_exception(void) {
    uint32_t number;
    __asm volatile("mrs %0, ipsr" : "=r"(number));
    return number;
}

#endif
