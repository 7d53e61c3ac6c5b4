/* A serial NOR flash with 24-bit addresses, pages of 256 bytes and sectors of 64 KiB.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The flash works by itself while it erases (up to 2.6 s a sector) and programs, so that the
 * firmware goes on; the SPI controller is another file's (wk_spi.h). */
#include "wagekit/wk_flash.h"
#include "wagekit/wk_port.h"
#include "wk_config.h"
#include "wk_spi.h"
#include <stdbool.h>

#define COMMAND_WRITE_ENABLE 0x06u
#define COMMAND_WRITE_DISABLE 0x04u
#define COMMAND_STATUS 0x05u
#define COMMAND_CLEAR_STATUS 0x30u
#define COMMAND_READ 0x03u
#define COMMAND_PROGRAM 0x02u
#define COMMAND_ERASE 0xD8u
#define COMMAND_IDENTITY 0x9Fu

#define STATUS_BUSY 0x01u
#define STATUS_ENABLED 0x02u
#define STATUS_ERRORS 0x60u
#define LONGEST_SECONDS 10u

#define READ_BYTES 64u

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, WK_FLASH_SECTOR_BYTES, 1};
static uint64_t begun; /* ticks when the operation under way began */

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return &geometry;
}

static void command(uint8_t code) {
    wk_spi_transfer(&code, 1, 0, 0);
}

static uint8_t flash_status(void) {
    const uint8_t code = COMMAND_STATUS;
    uint8_t status;
    wk_spi_transfer(&code, 1, &status, 1);
    return status;
}

static void put_address(uint8_t *at, uint8_t code, uint32_t address) {
    address += WK_FLASH_ORIGIN;
    at[0] = code;
    at[1] = (uint8_t)((address >> 16) & 0xFFu);
    at[2] = (uint8_t)((address >> 8) & 0xFFu);
    at[3] = (uint8_t)(address & 0xFFu);
}

wk_flash_status_t wk_flash_poll(void) {
    const uint8_t status = flash_status();
    if (status & STATUS_ERRORS) { /* it stays busy until they are cleared */
        command(COMMAND_CLEAR_STATUS);
        command(COMMAND_WRITE_DISABLE);
        return WK_FLASH_FAILED;
    }
    if ((status & STATUS_BUSY) == 0) {
        return WK_FLASH_DONE;
    }
    const bool late = wk_port_ticks() - begun > (uint64_t)LONGEST_SECONDS * WK_PORT_TICK_HZ;
    return late ? WK_FLASH_FAILED : WK_FLASH_BUSY;
}

wk_flash_status_t wk_flash_start(void) {
    const uint8_t code = COMMAND_IDENTITY;
    uint8_t identity[3];
    wk_spi_init();
    wk_spi_transfer(&code, 1, identity, sizeof identity);
    begun = wk_port_ticks();
    if (identity[0] == 0 || identity[0] == 0xFF) { /* nothing answers, or a flash that is busy */
        const uint8_t status = flash_status();
        if (status == 0xFF || (status & STATUS_BUSY) == 0) {
            return WK_FLASH_FAILED;
        }
    }
    return wk_flash_poll();
}

static bool enable(void) {
    command(COMMAND_WRITE_ENABLE);
    return (flash_status() & STATUS_ENABLED) != 0;
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    uint8_t head[4];
    if (!enable()) {
        return WK_FLASH_FAILED;
    }
    put_address(head, COMMAND_ERASE, sector * WK_FLASH_SECTOR_BYTES);
    begun = wk_port_ticks();
    wk_spi_transfer(head, sizeof head, 0, 0);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    uint8_t frame[4 + WK_FLASH_BLOCK];
    if (size > WK_FLASH_BLOCK || !enable()) {
        return WK_FLASH_FAILED;
    }
    put_address(frame, COMMAND_PROGRAM, address);
    for (uint32_t i = 0; i < size; i++) {
        frame[4 + i] = bytes[i];
    }
    begun = wk_port_ticks();
    wk_spi_transfer(frame, 4 + size, 0, 0);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    for (uint32_t done = 0; done < size; done += READ_BYTES) {
        uint8_t head[4];
        const uint32_t rest = size - done;
        put_address(head, COMMAND_READ, address + done);
        wk_spi_transfer(head, sizeof head, bytes + done, rest < READ_BYTES ? rest : READ_BYTES);
    }
    return WK_FLASH_DONE;
}
