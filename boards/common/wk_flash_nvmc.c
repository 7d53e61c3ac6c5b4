/* The flash of nRF51 and nRF52 through its NVMC. SPDX-License-Identifier: Apache-2.0
 *
 * The core stands still while it runs from the flash that is erased (a page: 21 ms on nRF51, 85 ms
 * on nRF52840) or programmed (a word: 46 us, 41 us): bytes that come in meanwhile are lost, and the
 * link sends them again. No call is under way when it returns, so there is nothing to poll. QEMU's
 * flash reads 0 until it is first erased. */
#include "wk_flash_mapped.h"

#define NVMC_READY 0x4001E400u
#define NVMC_CONFIG 0x4001E504u
#define NVMC_ERASEPAGE 0x4001E508u
#define CONFIG_READ 0u
#define CONFIG_WRITE 1u
#define CONFIG_ERASE 2u
#define POLLS 5000000u /* several times what an erasure takes, at any clock */

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, WK_FLASH_SECTOR_BYTES, 4};

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return &geometry;
}

static wk_flash_status_t wait(void) {
    for (uint32_t i = 0; i < POLLS; i++) {
        if (wk_reg_read(NVMC_READY) & 1u) {
            return WK_FLASH_DONE;
        }
    }
    return WK_FLASH_FAILED;
}

wk_flash_status_t wk_flash_start(void) {
    wk_reg_write(NVMC_CONFIG, CONFIG_READ);
    return wait();
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    wk_reg_write(NVMC_CONFIG, CONFIG_ERASE);
    wk_reg_write(NVMC_ERASEPAGE, WK_FLASH_ORIGIN + sector * WK_FLASH_SECTOR_BYTES);
    const wk_flash_status_t status = wait();
    wk_reg_write(NVMC_CONFIG, CONFIG_READ);
    return status;
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    wk_flash_status_t status = WK_FLASH_DONE;
    wk_reg_write(NVMC_CONFIG, CONFIG_WRITE);
    for (uint32_t i = 0; i < size && status == WK_FLASH_DONE; i += 4) {
        wk_reg_write(WK_FLASH_ORIGIN + address + i, wk_mapped_word(bytes + i));
        status = wait();
    }
    wk_reg_write(NVMC_CONFIG, CONFIG_READ);
    return status;
}

wk_flash_status_t wk_flash_poll(void) {
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    wk_mapped_read(address, bytes, size);
    return WK_FLASH_DONE;
}
