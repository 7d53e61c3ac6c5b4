/* Reading records: is it whole, is it ours, and into the model. SPDX-License-Identifier: Apache-2.0
 */
#include "store_parts.h"

typedef enum { READ_ON, READ_BLANK, READ_DAMAGED, READ_FOREIGN, READ_WHOLE } verdict_t;

void store_scan_begin(wk_store_t *store, stage_t stage, uint32_t slot) {
    store->stage = (uint8_t)stage;
    store->slot = (uint8_t)slot;
    store->index = 0;
    store->crc = 0;
    store->foreign = false;
    store_rewind(store);
}

static bool is_ours(const wk_store_t *store, const uint8_t *block) {
    const wk_store_network_t *network = store->network;
    for (uint32_t i = 0; i < WK_STORE_FINGERPRINT_BYTES; i++) {
        if (block[WK_STORE_AT_FINGERPRINT + i] != network->fingerprint[i]) {
            return false;
        }
    }
    return store_get_u32(block + WK_STORE_AT_PAYLOAD_BYTES) == store->payload &&
           block[WK_STORE_AT_MASTER_BYTES] == network->master_bytes &&
           store_get_u32(block + WK_STORE_AT_FROZEN_CRC) == network->frozen_crc;
}

/* The first block of the header: who it is. Another format may end its header elsewhere, so it is
 * not read on. */
static verdict_t take_identity(wk_store_t *store, const uint8_t *block) {
    if (store_get_u32(block + WK_STORE_AT_MAGIC) != WK_STORE_MAGIC) {
        return store_is_blank(block, WK_FLASH_BLOCK) ? READ_BLANK : READ_DAMAGED;
    }
    const uint32_t format = store_get_u32(block + WK_STORE_AT_FORMAT); /* and header_bytes */
    if (format != (WK_STORE_FORMAT | (WK_STORE_HEADER_BYTES << 16))) {
        return READ_FOREIGN;
    }
    store->foreign = !is_ours(store, block);
    store->sequence = store_get_u32(block + WK_STORE_AT_SEQUENCE);
    store->step = store_get_u32(block + WK_STORE_AT_STEP);
    store->seed = store_get_u32(block + WK_STORE_AT_SEED);
    if (store->stage == STAGE_LOAD) {
        store->loaded->log2_lr = (int8_t)block[WK_STORE_AT_LOG2_LR];
        store->loaded->rule = block[WK_STORE_AT_RULE];
        store->loaded->size = block[WK_STORE_AT_SETTINGS_SIZE];
    }
    return READ_ON;
}

static verdict_t take_settings(wk_store_t *store, const uint8_t *block, uint32_t header_crc) {
    const uint32_t end = WK_STORE_AT_HEADER_CRC - WK_STORE_AT_SETTINGS;
    if (store_get_u32(block + end) != header_crc) {
        return READ_DAMAGED;
    }
    if (store->foreign) {
        return READ_FOREIGN;
    }
    if (!store_set_extra(store,
                         store_get_u32(block + WK_STORE_AT_EXTRA_BYTES - WK_STORE_AT_SETTINGS))) {
        return READ_DAMAGED;
    }
    if (store->stage == STAGE_LOAD) {
        for (uint32_t i = 0; i < WK_STORE_SETTINGS_BYTES; i++) {
            store->loaded->bytes[i] = block[i];
        }
        if (store->loaded->size > WK_STORE_SETTINGS_BYTES) {
            return READ_DAMAGED;
        }
    }
    return READ_ON;
}

/* The record counts if one of its trailers is right. They are read one by one: with error
 * correction, a word that a cut has torn can make its read fail. */
static verdict_t take_trailers(wk_store_t *store, uint32_t address) {
    uint8_t *wanted = store->block;
    uint8_t *found = store->block + WK_STORE_TRAILER_BYTES;
    bool right = false, blank = false;
    store_trailer(wanted, store->sequence, store->crc);
    for (uint32_t i = 0; i < 2; i++) {
        blank = false;
        if (wk_flash_read(address + i * WK_STORE_TRAILER_BYTES, found, WK_STORE_TRAILER_BYTES) !=
            WK_FLASH_DONE) {
            continue;
        }
        bool same = true;
        for (uint32_t k = 0; k < WK_STORE_TRAILER_BYTES; k++) {
            same = same && found[k] == wanted[k];
        }
        right = right || same;
        blank = store_is_blank(found, WK_STORE_TRAILER_BYTES);
    }
    wk_slot_t *slot = &store->slots[store->slot];
    slot->sequence = store->sequence;
    slot->unconfirmed = blank;
    return right ? READ_WHOLE : READ_DAMAGED;
}

/* Behind the header: into the network, or to the firmware. False if the network does not take it.
 */
static bool put_block(wk_store_t *store, const uint8_t *block) {
    const uint32_t begin = store_extra_begin(store);
    if (store->index < begin) {
        return store_put_masters(store, block);
    }
    const uint32_t at = (store->index - begin) * WK_FLASH_BLOCK;
    const uint32_t rest = store->extra - at;
    wk_store_extra_write(at, block, rest < WK_FLASH_BLOCK ? rest : WK_FLASH_BLOCK);
    return true;
}

static verdict_t take_block(wk_store_t *store) {
    uint8_t *block = store->block;
    const uint32_t address = store_slot_at(store->slot) + store->index * WK_FLASH_BLOCK;
    if (store->index >= HEADER_BLOCKS && store->index == store->blocks - 1u) {
        return take_trailers(store, address);
    }
    if (wk_flash_read(address, block, WK_FLASH_BLOCK) != WK_FLASH_DONE) {
        return READ_DAMAGED;
    }
    const uint32_t before = store->crc;
    store->crc = wk_crc32(before, block, WK_FLASH_BLOCK);
    if (store->index == 0) {
        return take_identity(store, block);
    }
    if (store->index == 1) {
        return take_settings(
            store, block, wk_crc32(before, block, WK_STORE_AT_HEADER_CRC - WK_STORE_AT_SETTINGS));
    }
    if (store->stage == STAGE_LOAD && !put_block(store, block)) {
        return READ_DAMAGED;
    }
    return READ_ON;
}

static wk_slot_state_t state_of(verdict_t verdict) {
    switch (verdict) {
    case READ_BLANK:
        return WK_SLOT_BLANK;
    case READ_FOREIGN:
        return WK_SLOT_FOREIGN;
    case READ_WHOLE:
        return WK_SLOT_WHOLE;
    default:
        return WK_SLOT_DAMAGED;
    }
}

wk_store_status_t store_scan(wk_store_t *store) {
    verdict_t verdict = READ_ON;
    for (uint32_t i = 0; i < WK_STORE_READ_BLOCKS && verdict == READ_ON; i++) {
        verdict = take_block(store);
        store->index++;
    }
    if (verdict == READ_ON) {
        return WK_STORE_BUSY;
    }
    store->slots[store->slot].state = (uint8_t)state_of(verdict);
    if (store->stage == STAGE_FIND && store->slot == 0) {
        store_scan_begin(store, STAGE_FIND, 1);
        return WK_STORE_BUSY;
    }
    store->newest = store_choose(store);
    if (store->stage == STAGE_FIND) {
        return store_end(store, WK_STORE_DONE);
    }
    if (verdict == READ_WHOLE) {
        wk_model_set_state(store->model, store->step, store->seed);
        return store_end(store, WK_STORE_DONE);
    }
    if (store->newest == WK_STORE_NO_SLOT) {
        return store_end(store, WK_STORE_LOST);
    }
    store_scan_begin(store, STAGE_LOAD, store->newest);
    return WK_STORE_BUSY;
}
