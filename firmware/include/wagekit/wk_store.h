/* Checkpoints: what was learned, kept over power cuts. SPDX-License-Identifier: Apache-2.0
 *
 * Two slots of flash are written in turn, so that the newest whole record stays untouched while
 * the next is written over the older one. Every call only begins; wk_store_poll does the work in
 * slices. A slice erases one sector at most, or programs WK_FLASH_BLOCK bytes at most, or reads
 * WK_STORE_READ_BLOCKS blocks at most. Inference may go on between slices, learning must wait. */
#ifndef WK_STORE_H
#define WK_STORE_H

#include "wagekit/wagekit.h"
#include "wagekit/wk_flash.h"
#include <stdbool.h>

#define WK_STORE_SETTINGS_BYTES 56u
#define WK_STORE_READ_BLOCKS 4u
#define WK_STORE_NO_SLOT 2u

/* Stable numbers: they travel over the link. */
typedef enum {
    WK_STORE_DONE = 0,
    WK_STORE_BUSY = 1,    /* poll again */
    WK_STORE_NONE = 2,    /* there is no record of this network to load */
    WK_STORE_SMALL = 3,   /* no flash, an impossible one, or a record does not fit a slot */
    WK_STORE_WORN = 4,    /* the flash did not become what it should; see failed_at */
    WK_STORE_CHANGED = 5, /* the network learned while it was saved: nothing was saved */
    WK_STORE_LOST = 6,    /* a record went bad while it was loaded, and there is no other: the
                             masters are a mixture, initialise the network */
    WK_STORE_STATE = 7,   /* something is under way, or the settings are too long */
} wk_store_status_t;

typedef enum {
    WK_SLOT_BLANK = 0,
    WK_SLOT_DAMAGED = 1, /* cut while it was written, or gone bad since */
    WK_SLOT_FOREIGN = 2, /* of another network, other frozen weights or another format */
    WK_SLOT_WHOLE = 3,
} wk_slot_state_t;

/* Whose records are used. */
typedef struct {
    const uint8_t *fingerprint; /* WK_MODEL_FINGERPRINT, 32 bytes */
    uint32_t frozen_crc;  /* CRC-32 of the weights that no record holds; 0 if there are none */
    uint8_t layers;       /* WK_MODEL_LAYERS */
    uint8_t master_bytes; /* WK_MODEL_MASTER_BYTES */
} wk_store_network_t;

/* What a record keeps beside masters, step and seed. */
typedef struct {
    int8_t log2_lr;
    uint8_t rule;
    uint8_t size; /* used bytes of `bytes`, whose meaning is the firmware's own */
    uint8_t bytes[WK_STORE_SETTINGS_BYTES];
} wk_store_settings_t;

typedef struct {
    uint32_t sequence; /* of the record in it */
    uint8_t state;     /* wk_slot_state_t */
    bool unconfirmed;  /* whole, but a cut has come before its second trailer */
} wk_slot_t;

/* Since wk_store_open. */
typedef struct {
    uint32_t saves;     /* records written and read back */
    uint32_t failures;  /* that ended with WK_STORE_WORN */
    uint32_t erases[2]; /* sectors erased in each slot */
    uint32_t words;     /* words programmed */
    uint32_t failed_at; /* address of the last failure */
} wk_store_stats_t;

/* The state; all but `slots`, `newest` and `stats` is the store's own. */
typedef struct {
    wk_slot_t slots[2];
    uint8_t newest; /* the slot whose record would be loaded, or WK_STORE_NO_SLOT */
    uint8_t stage;
    uint8_t result; /* wk_store_status_t of what ended last */
    uint8_t slot;   /* that is worked on */
    bool open, waiting, foreign;
    uint8_t layer;    /* of the next master */
    uint32_t first;   /* number of the next master in its layer */
    uint32_t index;   /* of the next sector, block or trailer */
    uint32_t part;    /* bytes of the sector that were found blank */
    uint32_t blocks;  /* of the record that is written or read, both trailers among them */
    uint32_t extra;   /* its bytes behind the masters; of the record that was loaded last */
    uint32_t payload; /* bytes of masters */
    uint32_t crc;
    uint32_t sequence, step, seed;
    wk_model_t *model;
    const wk_store_network_t *network;
    wk_store_settings_t *loaded;
    const wk_store_settings_t *saved;
    wk_store_stats_t stats;
    _Alignas(4) uint8_t block[WK_FLASH_BLOCK];
} wk_store_t;

/* Begin to look for records. `model` and `network` stay valid as long as the store is used.
 * WK_STORE_BUSY, or WK_STORE_SMALL, after which every save is refused with the same. */
wk_store_status_t wk_store_open(wk_store_t *store, wk_model_t *model,
                                const wk_store_network_t *network);

/* Begin to load the newest record into the model and `settings`. WK_STORE_BUSY, WK_STORE_NONE or
 * WK_STORE_STATE. Ends with WK_STORE_DONE, or WK_STORE_LOST. */
wk_store_status_t wk_store_load(wk_store_t *store, wk_store_settings_t *settings);

/* Begin to write a record of the model as it is; `settings` stay valid until the end.
 * WK_STORE_BUSY, WK_STORE_SMALL (also if only what the firmware adds does not fit a slot) or
 * WK_STORE_STATE. Ends with WK_STORE_DONE once the record was
 * read back from the flash; with WK_STORE_WORN or WK_STORE_CHANGED, and then the record that was
 * the newest is untouched. A later save tries again. */
wk_store_status_t wk_store_save(wk_store_t *store, const wk_store_settings_t *settings);

/* What the firmware gives the store to keep behind the masters, in three calls of its own; one that
 * keeps no more has 0 bytes. `at` is a multiple of WK_FLASH_BLOCK and `size` WK_FLASH_BLOCK, or
 * less in the last call. */
/* Bytes of it, asked when a save begins; they stay as they are until its end. */
uint32_t wk_store_extra_bytes(void);
void wk_store_extra_read(uint32_t at, uint8_t *bytes, uint32_t size);
/* While a record is loaded that has some, in ascending order. They count once the load has ended
 * with WK_STORE_DONE and `extra` bytes of the store have come since `at` was 0: a record may go bad
 * in its midst, then the other one is loaded from its begin. */
void wk_store_extra_write(uint32_t at, const uint8_t *bytes, uint32_t size);

/* One slice: WK_STORE_BUSY, or how it ended; the same again until something else begins. */
wk_store_status_t wk_store_poll(wk_store_t *store);

/* What one save costs. */
typedef struct {
    uint32_t record_bytes;
    uint32_t erases; /* sectors */
    uint32_t words;  /* each programmed once */
} wk_store_cost_t;

wk_store_cost_t wk_store_cost(const wk_flash_geometry_t *geometry, uint32_t payload_bytes,
                              uint32_t extra_bytes);

/* Whether a record with so many extra bytes fits a slot; false if the store is not open. */
bool wk_store_fits(const wk_store_t *store, uint32_t extra_bytes);

#endif
