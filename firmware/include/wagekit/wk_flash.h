/* What a board gives the checkpoint store: a flash of equal sectors that keeps its bytes without
 * power. SPDX-License-Identifier: Apache-2.0
 *
 * Addresses count from the start of the area that the board sets aside for checkpoints. An erased
 * byte reads 0xFF. No call waits for the flash: one that takes longer returns WK_FLASH_BUSY, and
 * wk_flash_poll tells its end, so that the main loop goes on. One operation is under way at most.
 */
#ifndef WK_FLASH_H
#define WK_FLASH_H

#include <stdint.h>

/* The largest word that any flash may have: 256 bits. */
#define WK_FLASH_WORD_MAX 32u
/* No program call is longer than a block or crosses a multiple of it, so none crosses a page. */
#define WK_FLASH_BLOCK 64u

typedef enum {
    WK_FLASH_DONE = 0,
    WK_FLASH_BUSY = 1,   /* begun; ask wk_flash_poll */
    WK_FLASH_FAILED = 2, /* the flash refused, took too long, or (reading) cannot tell the bytes */
} wk_flash_status_t;

typedef struct {
    uint32_t sectors;      /* of the area; 0 if the board has none */
    uint32_t sector_bytes; /* what one erasure makes blank; a multiple of WK_FLASH_BLOCK */
    uint32_t word_bytes;   /* what is programmed at once: 1, 2, 4, 8, 16 or 32 */
} wk_flash_geometry_t;

const wk_flash_geometry_t *wk_flash_geometry(void);

/* After a reset, before anything else: sets up the flash and lets it end what it was doing when
 * the chip was reset. */
wk_flash_status_t wk_flash_start(void);

/* Make a sector blank. */
wk_flash_status_t wk_flash_erase(uint32_t sector);

/* Program whole words that are blank since their sector was erased, in ascending order; `bytes`
 * (4-byte aligned) stay as they are until the end. Whether the cells took them is for the caller
 * to read back. */
wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size);

/* WK_FLASH_BUSY until the operation under way has ended; then how it ended. Comes to an end
 * within the time that the flash's data sheet gives, whatever the flash does. */
wk_flash_status_t wk_flash_poll(void);

/* Read while nothing is under way. WK_FLASH_FAILED where a flash with error correction has bits
 * that it cannot correct; never WK_FLASH_BUSY. */
wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size);

#endif
