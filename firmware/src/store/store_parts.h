/* What the files of the checkpoint store share. SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include "wagekit/wk_crc32.h"
#include "wagekit/wk_store.h"
#include "wk_store_format.h"

_Static_assert(WK_STORE_BLOCK_BYTES == WK_FLASH_BLOCK, "a record is made of blocks");
_Static_assert(WK_STORE_AT_SETTINGS + WK_STORE_SETTINGS_BYTES == WK_STORE_AT_EXTRA_BYTES &&
                   WK_STORE_AT_EXTRA_BYTES + 4u == WK_STORE_AT_HEADER_CRC &&
                   WK_STORE_AT_SETTINGS == WK_FLASH_BLOCK &&
                   WK_STORE_HEADER_BYTES == 2u * WK_FLASH_BLOCK,
               "the header is two blocks: identity, then settings");
_Static_assert(2u * WK_STORE_TRAILER_BYTES == WK_FLASH_BLOCK &&
                   WK_STORE_TRAILER_BYTES >= WK_FLASH_WORD_MAX,
               "both trailers fill a block, and a trailer is whole words");

#define HEADER_BLOCKS 2u

typedef enum {
    STAGE_IDLE,
    STAGE_START, /* the flash ends what it was doing */
    STAGE_FIND,  /* read a slot to know its state */
    STAGE_LOAD,  /* read the newest into the model */
    STAGE_ERASE,
    STAGE_BLANK, /* is the sector blank? */
    STAGE_WRITE, /* header and payload */
    STAGE_SEAL,  /* both trailers */
} stage_t;

/* End what is under way. */
wk_store_status_t store_end(wk_store_t *store, wk_store_status_t result);

/* Blocks that so many bytes take. */
uint32_t store_blocks(uint32_t bytes);

/* The record that is written or read has so many extra bytes; false if no slot holds it. */
bool store_set_extra(wk_store_t *store, uint32_t extra);

/* First block behind the masters. */
uint32_t store_extra_begin(const wk_store_t *store);

/* Address of a slot. */
uint32_t store_slot_at(uint32_t slot);

/* Begin at the first master again. */
void store_rewind(wk_store_t *store);

/* The next masters into a block, filled up with 0xFF behind the last; and back. Putting returns
 * false if one is outside its grid. */
void store_take_masters(wk_store_t *store, uint8_t *block);
bool store_put_masters(wk_store_t *store, const uint8_t *block);

uint32_t store_get_u32(const uint8_t *at);
void store_put_u32(uint8_t *at, uint32_t value);

/* Fill a trailer. */
void store_trailer(uint8_t *trailer, uint32_t sequence, uint32_t record_crc);

bool store_is_blank(const uint8_t *bytes, uint32_t size);

/* Slices of finding and loading, and of saving. */
void store_scan_begin(wk_store_t *store, stage_t stage, uint32_t slot);
wk_store_status_t store_scan(wk_store_t *store);
wk_store_status_t store_write(wk_store_t *store);

/* The slot with the newest whole record, or WK_STORE_NO_SLOT. */
uint8_t store_choose(const wk_store_t *store);

#endif
