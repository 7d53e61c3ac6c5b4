/* Reading a checkpoint area that lies in the address space. SPDX-License-Identifier: Apache-2.0
 *
 * wk_config.h gives WK_FLASH_ORIGIN, WK_FLASH_SECTORS and WK_FLASH_SECTOR_BYTES. */
#ifndef WK_FLASH_MAPPED_H
#define WK_FLASH_MAPPED_H

#include "wagekit/wk_flash.h"
#include "wagekit/wk_reg.h"
#include "wk_config.h"

/* Word by word, because some such memories have no other access; both are multiples of a word. */
static inline void wk_mapped_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i += 4) {
        const uint32_t word = wk_reg_read(WK_FLASH_ORIGIN + address + i);
        bytes[i] = (uint8_t)(word & 0xFFu);
        bytes[i + 1] = (uint8_t)((word >> 8) & 0xFFu);
        bytes[i + 2] = (uint8_t)((word >> 16) & 0xFFu);
        bytes[i + 3] = (uint8_t)(word >> 24);
    }
}

static inline uint32_t wk_mapped_word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8) | ((uint32_t)bytes[2] << 16) |
           ((uint32_t)bytes[3] << 24);
}

#endif
