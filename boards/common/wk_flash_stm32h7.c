/* Checkpoints in the second bank of an STM32H7's flash, by the names of ST's RM0433.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The core goes on from the first bank while the second erases (1 s a sector, 4 s at most) and
 * programs. The flash has error correction over words of 256 bits: one that a power cut left half
 * programmed may not be readable, which the bus tells as a fault. */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include "wk_flash_mapped.h"

#define FLASH_KEYR2 0x52002104u
#define FLASH_CR2 0x5200210Cu
#define FLASH_SR2 0x52002110u
#define FLASH_CCR2 0x52002114u

#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu
#define CR2_LOCK2 1u
#define CR2_PG2 (1u << 1)
#define CR2_SER2 (1u << 2)
#define CR2_PSIZE_32 (2u << 4)
#define CR2_START2 (1u << 7)
#define CR2_SNB2(sector) ((sector) << 8)
#define SR2_BSY2 1u
#define SR2_WBNE2 (1u << 1)
#define SR2_QW2 (1u << 2)
#define SR2_BUSY (SR2_BSY2 | SR2_WBNE2 | SR2_QW2)
#define SR2_EOP2 (1u << 16)
/* Write protection, sequence, strobe, inconsistency, operation: of erasing and programming. */
#define SR2_ERRORS 0x006E0000u
/* Read protection twice, and bits that were corrected, or cannot be: of reading. */
#define SR2_READ_ERRORS 0x07800000u
#define SR2_DBECCERR2 (1u << 26)

#define BANK_START 0x08100000u
#define BANK_BYTES 0x100000u
#define SECTOR_BYTES 0x20000u
#define WORD_BYTES 32u
#define FIRST_SECTOR ((WK_FLASH_ORIGIN - BANK_START) / SECTOR_BYTES)
#define LONGEST_SECONDS 10u
_Static_assert(WK_FLASH_SECTOR_BYTES == SECTOR_BYTES && WK_FLASH_ORIGIN % SECTOR_BYTES == 0 &&
                   WK_FLASH_ORIGIN >= BANK_START &&
                   WK_FLASH_ORIGIN + WK_FLASH_SECTORS * SECTOR_BYTES <= BANK_START + BANK_BYTES,
               "checkpoints lie in sectors of the second bank");

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, SECTOR_BYTES, WORD_BYTES};
static const wk_flash_geometry_t none = {0, SECTOR_BYTES, WORD_BYTES};

/* What is still to be programmed behind the operation under way, and when that began. */
static const uint8_t *next_bytes;
static uint32_t next_address, left;
static uint64_t begun;

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return wk_board_is_emulated() ? &none : &geometry;
}

static void clear(void) {
    wk_reg_write(FLASH_CCR2, SR2_ERRORS | SR2_READ_ERRORS | SR2_EOP2);
}

static void unlock(uint32_t control) {
    if (wk_reg_read(FLASH_CR2) & CR2_LOCK2) {
        wk_reg_write(FLASH_KEYR2, KEY1);
        wk_reg_write(FLASH_KEYR2, KEY2);
    }
    clear(); /* what is of whoever came before */
    wk_reg_write(FLASH_CR2, control);
    begun = wk_port_ticks();
}

static wk_flash_status_t end(wk_flash_status_t status) {
    left = 0;
    wk_reg_write(FLASH_CR2, CR2_LOCK2);
    return status;
}

/* The controller begins once it has all of a word. */
static void program_next(void) {
    begun = wk_port_ticks();
    for (uint32_t i = 0; i < WORD_BYTES; i += 4) {
        wk_reg_write(WK_FLASH_ORIGIN + next_address + i, wk_mapped_word(next_bytes + i));
    }
    wk_data_barrier();
    next_address += WORD_BYTES;
    next_bytes += WORD_BYTES;
    left -= WORD_BYTES;
}

wk_flash_status_t wk_flash_poll(void) {
    const uint32_t status = wk_reg_read(FLASH_SR2);
    if (status & SR2_BUSY) {
        const bool late = wk_port_ticks() - begun > (uint64_t)LONGEST_SECONDS * WK_PORT_TICK_HZ;
        left = late ? 0 : left; /* its control register is not written meanwhile */
        return late ? WK_FLASH_FAILED : WK_FLASH_BUSY;
    }
    if (status & SR2_ERRORS) {
        clear();
        return end(WK_FLASH_FAILED);
    }
    if (left == 0) {
        return end(WK_FLASH_DONE);
    }
    program_next();
    return WK_FLASH_BUSY;
}

wk_flash_status_t wk_flash_start(void) {
    begun = wk_port_ticks();
    left = 0;
    clear();
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    const uint32_t control = CR2_SER2 | CR2_PSIZE_32 | CR2_SNB2(FIRST_SECTOR + sector);
    unlock(control);
    wk_reg_write(FLASH_CR2, control | CR2_START2);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    next_bytes = bytes;
    next_address = address;
    left = size;
    unlock(CR2_PG2 | CR2_PSIZE_32);
    return wk_flash_poll();
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    clear();
    for (uint32_t i = 0; i < size; i += 4) {
        const uint32_t word = wk_read_without_fault(WK_FLASH_ORIGIN + address + i);
        for (uint32_t part = 0; part < 4; part++) {
            bytes[i + part] = (uint8_t)((word >> (8u * part)) & 0xFFu);
        }
    }
    return (wk_reg_read(FLASH_SR2) & SR2_DBECCERR2) ? WK_FLASH_FAILED : WK_FLASH_DONE;
}
