/* Memory that keeps its bytes by itself (a battery, or QEMU's with a file behind it), used like a
 * flash: erasing sets bits, programming clears them. SPDX-License-Identifier: Apache-2.0 */
#include "wk_flash_mapped.h"

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, WK_FLASH_SECTOR_BYTES, 4};

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return &geometry;
}

wk_flash_status_t wk_flash_start(void) {
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    const uint32_t start = WK_FLASH_ORIGIN + sector * WK_FLASH_SECTOR_BYTES;
    for (uint32_t i = 0; i < WK_FLASH_SECTOR_BYTES; i += 4) {
        wk_reg_write(start + i, 0xFFFFFFFFu);
    }
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i += 4) {
        const uint32_t at = WK_FLASH_ORIGIN + address + i;
        wk_reg_write(at, wk_reg_read(at) & wk_mapped_word(bytes + i));
    }
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_poll(void) {
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    wk_mapped_read(address, bytes, size);
    return WK_FLASH_DONE;
}
