/* Checkpoints in the serial flash that an RP2040 runs from, through the functions of its ROM
 * (RP2040 data sheet, section 2.8.3; Winbond W25Q16JV data sheet).
 * SPDX-License-Identifier: Apache-2.0
 *
 * While a sector is erased (45 ms, 400 ms at most) or a page programmed (0.4 ms, 3 ms at most)
 * there is no code but the ROM's and a loop in RAM, and no interrupt is served: bytes that come in
 * meanwhile fill the 32 of the serial port, the others are lost, and the link sends them again. A
 * fault of that time would find no handler. No call is under way when it returns, so there is
 * nothing to poll. The ROM waits for the flash without an end; a flash that never ends would not
 * give the next instruction either. The second core was never started, and no DMA reads the flash.
 *
 * The ROM's own read command gives the flash back: it is the one that boot2.S sets too. A copy of
 * boot2.S could not, because it goes on to the reset vector. */
#include "wk_flash_mapped.h"
#include "wk_rom_rp2040.h"

#define FLASH_START 0x10000000u
#define SECTOR_BYTES 4096u
#define PAGE_BYTES 256u
/* A larger block to erase, and its command: never used, because it is larger than what is asked. */
#define BLOCK_BYTES 0x10000u
#define BLOCK_ERASE 0xD8u
/* A page takes any of its bytes, in any number of turns; it gets words, as it is read. */
#define WORD_BYTES 4u
#define AREA_BYTES (WK_FLASH_SECTORS * SECTOR_BYTES)
_Static_assert(WK_FLASH_SECTOR_BYTES == SECTOR_BYTES && WK_FLASH_ORIGIN % SECTOR_BYTES == 0 &&
                   WK_FLASH_ORIGIN >= FLASH_START + SECTOR_BYTES,
               "checkpoints lie in sectors of 4 KB");
_Static_assert(PAGE_BYTES % WK_FLASH_BLOCK == 0, "no block crosses a page");

static const wk_flash_geometry_t geometry = {WK_FLASH_SECTORS, SECTOR_BYTES, WORD_BYTES};

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return &geometry;
}

/* What the ROM does, from taking the flash away to giving it back; FAILED if this ROM lacks any of
 * it. Emptying the cache also ends that the flash's select line is held. */
static wk_flash_status_t find(wk_rom_call_t calls[5], uint32_t code) {
    const uint32_t codes[5] = {
        WK_ROM_CODE('I', 'F'), /* connect_internal_flash */
        WK_ROM_CODE('E', 'X'), /* flash_exit_xip */
        code,
        WK_ROM_CODE('F', 'C'), /* flash_flush_cache */
        WK_ROM_CODE('C', 'X'), /* flash_enter_cmd_xip */
    };
    for (uint32_t i = 0; i < 5; i++) {
        calls[i] = (wk_rom_call_t){.function = wk_rom_lookup(codes[i])};
        if (calls[i].function == 0) {
            return WK_FLASH_FAILED;
        }
    }
    return WK_FLASH_DONE;
}

static wk_flash_status_t run(uint32_t code, const uintptr_t arguments[4]) {
    wk_rom_call_t calls[5];
    if (find(calls, code) != WK_FLASH_DONE) {
        return WK_FLASH_FAILED;
    }
    for (uint32_t i = 0; i < 4; i++) {
        calls[2].arguments[i] = arguments[i];
    }
    wk_rom_run(calls, 5);
    return WK_FLASH_DONE;
}

/* A flash that is busy could not have started us. */
wk_flash_status_t wk_flash_start(void) {
    return WK_FLASH_DONE;
}

/* The ROM counts from the start of the flash. Where it is wrong here, code is lost. */
wk_flash_status_t wk_flash_erase(uint32_t sector) {
    if (sector >= WK_FLASH_SECTORS) {
        return WK_FLASH_FAILED;
    }
    const uint32_t start = WK_FLASH_ORIGIN - FLASH_START + sector * SECTOR_BYTES;
    return run(WK_ROM_CODE('R', 'E'),
               (uintptr_t[4]){start, SECTOR_BYTES, BLOCK_BYTES, BLOCK_ERASE});
}

/* The ROM programs whole pages: what is around the bytes is given as ones, which change nothing. */
wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    uint8_t page[PAGE_BYTES];
    const uint32_t within = address % PAGE_BYTES;
    if (size > PAGE_BYTES - within || address >= AREA_BYTES) {
        return WK_FLASH_FAILED;
    }
    for (uint32_t i = 0; i < PAGE_BYTES; i++) {
        page[i] = i - within < size ? bytes[i - within] : 0xFFu; /* below it the difference wraps */
    }
    const uint32_t start = WK_FLASH_ORIGIN - FLASH_START + address - within;
    return run(WK_ROM_CODE('R', 'P'), (uintptr_t[4]){start, (uintptr_t)page, PAGE_BYTES, 0});
}

wk_flash_status_t wk_flash_poll(void) {
    return WK_FLASH_DONE;
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    wk_mapped_read(address, bytes, size);
    return WK_FLASH_DONE;
}
