/* The checkpoint store: opening, beginning, and what its parts share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_parts.h"

wk_store_status_t store_end(wk_store_t *store, wk_store_status_t result) {
    store->stage = STAGE_IDLE;
    store->waiting = false;
    store->result = (uint8_t)result;
    return result;
}

uint32_t store_slot_at(uint32_t slot) {
    const wk_flash_geometry_t *geometry = wk_flash_geometry();
    return slot * (geometry->sectors / 2u) * geometry->sector_bytes;
}

uint32_t store_get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | ((uint32_t)at[1] << 8) | ((uint32_t)at[2] << 16) |
           ((uint32_t)at[3] << 24);
}

void store_put_u32(uint8_t *at, uint32_t value) {
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)((value >> (8u * i)) & 0xFFu);
    }
}

void store_trailer(uint8_t *trailer, uint32_t sequence, uint32_t record_crc) {
    for (uint32_t i = 0; i < WK_STORE_TRAILER_BYTES; i++) {
        trailer[i] = 0xFF;
    }
    store_put_u32(trailer + WK_STORE_AT_TRAILER_MAGIC, WK_STORE_TRAILER_MAGIC);
    store_put_u32(trailer + WK_STORE_AT_TRAILER_SEQUENCE, sequence);
    store_put_u32(trailer + WK_STORE_AT_RECORD_CRC, record_crc);
    store_put_u32(trailer + WK_STORE_AT_TRAILER_CRC, wk_crc32(0, trailer, WK_STORE_AT_TRAILER_CRC));
}

bool store_is_blank(const uint8_t *bytes, uint32_t size) {
    uint8_t all = 0xFF;
    for (uint32_t i = 0; i < size; i++) {
        all &= bytes[i];
    }
    return all == 0xFF;
}

uint8_t store_choose(const wk_store_t *store) {
    const wk_slot_t *a = &store->slots[0], *b = &store->slots[1];
    if (a->state != WK_SLOT_WHOLE && b->state != WK_SLOT_WHOLE) {
        return WK_STORE_NO_SLOT;
    }
    if (a->state != WK_SLOT_WHOLE || b->state != WK_SLOT_WHOLE) {
        return a->state == WK_SLOT_WHOLE ? 0 : 1;
    }
    /* The difference, not the order: sequences start again behind 2^32 - 1. */
    return b->sequence - a->sequence - 1u < 0x7FFFFFFFu ? 1 : 0;
}

uint32_t store_blocks(uint32_t bytes) {
    return bytes / WK_FLASH_BLOCK + (bytes % WK_FLASH_BLOCK != 0);
}

uint32_t store_extra_begin(const wk_store_t *store) {
    return HEADER_BLOCKS + store_blocks(store->payload);
}

bool wk_store_fits(const wk_store_t *store, uint32_t extra_bytes) {
    const wk_flash_geometry_t *geometry = wk_flash_geometry();
    const uint32_t slot = geometry->sectors / 2u * geometry->sector_bytes;
    const uint32_t blocks = store_extra_begin(store) + store_blocks(extra_bytes) + 1u;
    return store->open && blocks <= slot / WK_FLASH_BLOCK;
}

bool store_set_extra(wk_store_t *store, uint32_t extra) {
    if (!wk_store_fits(store, extra)) {
        return false;
    }
    store->extra = extra;
    store->blocks = store_extra_begin(store) + store_blocks(extra) + 1u;
    return true;
}

wk_store_cost_t wk_store_cost(const wk_flash_geometry_t *geometry, uint32_t payload_bytes,
                              uint32_t extra_bytes) {
    const uint32_t blocks =
        HEADER_BLOCKS + store_blocks(payload_bytes) + store_blocks(extra_bytes) + 1u;
    const uint32_t bytes = blocks * WK_FLASH_BLOCK;
    return (wk_store_cost_t){
        .record_bytes = bytes,
        .erases = (bytes + geometry->sector_bytes - 1u) / geometry->sector_bytes,
        .words = bytes / geometry->word_bytes,
    };
}

static bool is_possible(const wk_flash_geometry_t *geometry) {
    const uint32_t word = geometry->word_bytes;
    return geometry->sectors >= 2 && geometry->sector_bytes > 0 &&
           geometry->sector_bytes % WK_FLASH_BLOCK == 0 && word > 0 && word <= WK_FLASH_WORD_MAX &&
           (word & (word - 1u)) == 0;
}

wk_store_status_t wk_store_open(wk_store_t *store, wk_model_t *model,
                                const wk_store_network_t *network) {
    const wk_flash_geometry_t *geometry = wk_flash_geometry();
    *store = (wk_store_t){.model = model, .network = network, .newest = WK_STORE_NO_SLOT};
    for (uint32_t layer = 0; layer < network->layers; layer++) {
        store->payload += wk_model_masters(layer) * network->master_bytes;
    }
    if (!is_possible(geometry)) {
        return store_end(store, WK_STORE_SMALL);
    }
    store->open = true;
    if (!store_set_extra(store, 0)) {
        store->open = false;
        return store_end(store, WK_STORE_SMALL);
    }
    store->stage = STAGE_START;
    return WK_STORE_BUSY;
}

wk_store_status_t wk_store_load(wk_store_t *store, wk_store_settings_t *settings) {
    if (store->stage != STAGE_IDLE) {
        return WK_STORE_STATE;
    }
    if (store->newest == WK_STORE_NO_SLOT) {
        return WK_STORE_NONE;
    }
    store->loaded = settings;
    store_scan_begin(store, STAGE_LOAD, store->newest);
    return WK_STORE_BUSY;
}

/* The slot that the next record goes to: not the newest's. But where a cut has come behind the
 * first trailer of the newest, nobody was told of it, and it may not last; then the other one is
 * what must be kept. */
static uint8_t victim(const wk_store_t *store) {
    if (store->newest == WK_STORE_NO_SLOT) {
        return 0;
    }
    const uint8_t other = store->newest == 0 ? 1 : 0;
    const bool keep_other =
        store->slots[store->newest].unconfirmed && store->slots[other].state == WK_SLOT_WHOLE;
    return keep_other ? store->newest : other;
}

wk_store_status_t wk_store_save(wk_store_t *store, const wk_store_settings_t *settings) {
    if (store->stage != STAGE_IDLE || settings->size > WK_STORE_SETTINGS_BYTES) {
        return WK_STORE_STATE;
    }
    if (!store->open || !store_set_extra(store, wk_store_extra_bytes())) {
        return WK_STORE_SMALL;
    }
    store->saved = settings;
    store->slot = victim(store);
    store->sequence =
        store->newest == WK_STORE_NO_SLOT ? 1u : store->slots[store->newest].sequence + 1u;
    store->step = wk_model_step(store->model);
    store->seed = wk_model_seed(store->model);
    store->index = 0;
    store->part = 0;
    store->stage = STAGE_ERASE;
    return WK_STORE_BUSY;
}

/* The flash is ready once it has ended what a reset interrupted. */
static wk_store_status_t start(wk_store_t *store) {
    const wk_flash_status_t status = store->waiting ? wk_flash_poll() : wk_flash_start();
    store->waiting = status == WK_FLASH_BUSY;
    if (status == WK_FLASH_FAILED) {
        store->open = false;
        return store_end(store, WK_STORE_SMALL);
    }
    if (status == WK_FLASH_DONE) {
        store_scan_begin(store, STAGE_FIND, 0);
    }
    return WK_STORE_BUSY;
}

wk_store_status_t wk_store_poll(wk_store_t *store) {
    switch ((stage_t)store->stage) {
    case STAGE_IDLE:
        return (wk_store_status_t)store->result;
    case STAGE_START:
        return start(store);
    case STAGE_FIND:
    case STAGE_LOAD:
        return store_scan(store);
    default:
        return store_write(store);
    }
}
