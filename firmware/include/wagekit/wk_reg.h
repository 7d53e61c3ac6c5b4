/* Access to device registers. SPDX-License-Identifier: Apache-2.0
 *
 * Some compilers (gcc 12, -O1 and up) may emit the last volatile store of a loop a second time
 * behind the loop. The barrier makes every store stay where it was written, with any compiler
 * and any flags, so nothing else in wagekit stores to a device. */
#ifndef WK_REG_H
#define WK_REG_H

#include <stdint.h>

static inline void wk_reg_write(uint32_t address, uint32_t value) {
    *(volatile uint32_t *)(uintptr_t)address = value;
    __asm volatile("" ::: "memory");
}

static inline uint32_t wk_reg_read(uint32_t address) {
    return *(volatile const uint32_t *)(uintptr_t)address;
}

#endif
