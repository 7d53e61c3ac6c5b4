/* Checkpoints in the 128 KB sectors of an STM32F4's flash, by the names of ST's RM0090 and RM0390.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No call waits for the flash. But the core stands still when it needs code from a flash that
 * erases (1 s a sector, 2 s at most) or programs (16 us a word): bytes that come in meanwhile are
 * lost, and the link sends them again. A supply of 2.7 V at least lets it program 32 bits at once.
 * QEMU has no flash interface: there the area has no sectors. */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_flash_mapped.h"

#define FLASH_ACR 0x40023C00u
#define FLASH_KEYR 0x40023C04u
#define FLASH_SR 0x40023C0Cu
#define FLASH_CR 0x40023C10u

#define ACR_DCEN (1u << 10)
#define ACR_DCRST (1u << 12)
#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu
#define SR_EOP 1u
/* Operation, write protection, alignment, parallelism, sequence, and on the F446 read protection.
 */
#define SR_ERRORS 0x1F2u
#define SR_BSY (1u << 16)
#define CR_PG 1u
#define CR_SER (1u << 1)
#define CR_SNB(sector) ((sector) << 3)
#define CR_PSIZE_32 (2u << 8)
#define CR_STRT (1u << 16)
#define CR_LOCK (UINT32_C(1) << 31)

#define FLASH_START 0x08000000u
#define SECTOR_BYTES 0x20000u
/* In front of the large sectors lie four of 16 KB and one of 64 KB, as much as one large one. */
#define FIRST_SECTOR (4u + (WK_FLASH_ORIGIN - FLASH_START) / SECTOR_BYTES)
#define LONGEST_SECONDS 5u
_Static_assert(WK_FLASH_SECTOR_BYTES == SECTOR_BYTES && WK_FLASH_ORIGIN % SECTOR_BYTES == 0 &&
                   WK_FLASH_ORIGIN >= FLASH_START + SECTOR_BYTES,
               "checkpoints lie in sectors of 128 KB");

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, SECTOR_BYTES, 4};
static const wk_flash_geometry_t none = {0, SECTOR_BYTES, 4};

/* What is still to be programmed behind the operation under way, and when that began. */
static const uint8_t *next_bytes;
static uint32_t next_address, left;
static uint64_t begun;

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return wk_board_is_emulated() ? &none : &geometry;
}

static void unlock(uint32_t control) {
    if (wk_reg_read(FLASH_CR) & CR_LOCK) {
        wk_reg_write(FLASH_KEYR, KEY1);
        wk_reg_write(FLASH_KEYR, KEY2);
    }
    wk_reg_write(FLASH_SR, SR_ERRORS | SR_EOP); /* of whoever came before */
    wk_reg_write(FLASH_CR, control);
    begun = wk_port_ticks();
}

static wk_flash_status_t end(wk_flash_status_t status) {
    left = 0;
    wk_reg_write(FLASH_CR, CR_LOCK);
    return status;
}

static void program_next(void) {
    begun = wk_port_ticks();
    wk_reg_write(WK_FLASH_ORIGIN + next_address, wk_mapped_word(next_bytes));
    next_address += 4u;
    next_bytes += 4;
    left -= 4u;
}

wk_flash_status_t wk_flash_poll(void) {
    const uint32_t status = wk_reg_read(FLASH_SR);
    if (status & SR_BSY) {
        const bool late = wk_port_ticks() - begun > (uint64_t)LONGEST_SECONDS * WK_PORT_TICK_HZ;
        left = late ? 0 : left; /* its control register waits for it, and stays as it is */
        return late ? WK_FLASH_FAILED : WK_FLASH_BUSY;
    }
    if (status & SR_ERRORS) {
        wk_reg_write(FLASH_SR, SR_ERRORS);
        return end(WK_FLASH_FAILED);
    }
    if (left == 0) {
        return end(WK_FLASH_DONE);
    }
    program_next();
    return WK_FLASH_BUSY;
}

/* Errors that are there from before are no failure of ours. */
wk_flash_status_t wk_flash_start(void) {
    begun = wk_port_ticks();
    left = 0;
    wk_reg_write(FLASH_SR, SR_ERRORS | SR_EOP);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    const uint32_t control = CR_SER | CR_SNB(FIRST_SECTOR + sector);
    unlock(control);
    wk_reg_write(FLASH_CR, control | CR_STRT);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    next_bytes = bytes;
    next_address = address;
    left = size;
    unlock(CR_PG | CR_PSIZE_32);
    return wk_flash_poll();
}

/* The data cache of the flash interface does not see what was erased or programmed. It is emptied
 * while it is off. */
wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    const uint32_t control = wk_reg_read(FLASH_ACR);
    wk_reg_write(FLASH_ACR, control & ~ACR_DCEN);
    wk_reg_write(FLASH_ACR, (control & ~ACR_DCEN) | ACR_DCRST);
    wk_reg_write(FLASH_ACR, control);
    wk_mapped_read(address, bytes, size);
    return WK_FLASH_DONE;
}
