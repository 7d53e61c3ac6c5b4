/* Writing a record: erase, check, program, read back; the trailers last.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_parts.h"

#define CHECK_BYTES 32u

static wk_store_status_t fail(wk_store_t *store, uint32_t address) {
    store->slots[store->slot].state = WK_SLOT_DAMAGED;
    store->stats.failures++;
    store->stats.failed_at = address;
    return store_end(store, WK_STORE_WORN);
}

/* Whether `size` bytes, a multiple of CHECK_BYTES, lie in the flash. */
static bool lies_there(uint32_t address, const uint8_t *bytes, uint32_t size) {
    uint8_t found[CHECK_BYTES];
    for (uint32_t done = 0; done < size; done += CHECK_BYTES) {
        if (wk_flash_read(address + done, found, CHECK_BYTES) != WK_FLASH_DONE) {
            return false;
        }
        for (uint32_t i = 0; i < CHECK_BYTES; i++) {
            if (found[i] != bytes[done + i]) {
                return false;
            }
        }
    }
    return true;
}

/* Program bytes of the block, or go on with it; WK_FLASH_DONE once they were read back. */
static wk_flash_status_t program(wk_store_t *store, uint32_t address, const uint8_t *bytes,
                                 uint32_t size) {
    wk_flash_status_t status;
    if (store->waiting) {
        status = wk_flash_poll();
    } else {
        store->stats.words += size / wk_flash_geometry()->word_bytes;
        status = wk_flash_program(address, bytes, size);
    }
    store->waiting = status == WK_FLASH_BUSY;
    if (status == WK_FLASH_DONE && !lies_there(address, bytes, size)) {
        return WK_FLASH_FAILED;
    }
    return status;
}

static uint32_t sector_at(const wk_store_t *store) {
    return store_slot_at(store->slot) + store->index * wk_flash_geometry()->sector_bytes;
}

static wk_store_status_t erase(wk_store_t *store) {
    const uint32_t sector = store->slot * (wk_flash_geometry()->sectors / 2u) + store->index;
    wk_flash_status_t status;
    if (store->waiting) {
        status = wk_flash_poll();
    } else {
        store->slots[store->slot].state = WK_SLOT_DAMAGED;
        store->stats.erases[store->slot]++;
        status = wk_flash_erase(sector);
    }
    store->waiting = status == WK_FLASH_BUSY;
    if (status == WK_FLASH_FAILED) {
        return fail(store, sector_at(store));
    }
    if (status == WK_FLASH_DONE) {
        store->stage = STAGE_BLANK;
        store->part = 0;
    }
    return WK_STORE_BUSY;
}

/* Read what will be written of the sector that was erased, then erase the next or begin to write.
 */
static wk_store_status_t check_blank(wk_store_t *store) {
    const uint32_t size = wk_flash_geometry()->sector_bytes;
    const uint32_t rest = store->blocks * WK_FLASH_BLOCK - store->index * size;
    const uint32_t used = rest < size ? rest : size;
    for (uint32_t i = 0; i < WK_STORE_READ_BLOCKS && store->part < used; i++) {
        const uint32_t address = sector_at(store) + store->part;
        if (wk_flash_read(address, store->block, WK_FLASH_BLOCK) != WK_FLASH_DONE ||
            !store_is_blank(store->block, WK_FLASH_BLOCK)) {
            return fail(store, address);
        }
        store->part += WK_FLASH_BLOCK;
    }
    if (store->part < used) {
        return WK_STORE_BUSY;
    }
    if (used < rest) {
        store->index++;
        store->stage = STAGE_ERASE;
        return WK_STORE_BUSY;
    }
    store->index = 0;
    store->crc = 0;
    store_rewind(store);
    store->stage = STAGE_WRITE;
    return WK_STORE_BUSY;
}

static void fill_identity(const wk_store_t *store, uint8_t *block) {
    store_put_u32(block + WK_STORE_AT_MAGIC, WK_STORE_MAGIC);
    store_put_u32(block + WK_STORE_AT_FORMAT, WK_STORE_FORMAT | (WK_STORE_HEADER_BYTES << 16));
    store_put_u32(block + WK_STORE_AT_SEQUENCE, store->sequence);
    store_put_u32(block + WK_STORE_AT_PAYLOAD_BYTES, store->payload);
    for (uint32_t i = 0; i < WK_STORE_FINGERPRINT_BYTES; i++) {
        block[WK_STORE_AT_FINGERPRINT + i] = store->network->fingerprint[i];
    }
    store_put_u32(block + WK_STORE_AT_FROZEN_CRC, store->network->frozen_crc);
    store_put_u32(block + WK_STORE_AT_STEP, store->step);
    store_put_u32(block + WK_STORE_AT_SEED, store->seed);
    block[WK_STORE_AT_LOG2_LR] = (uint8_t)store->saved->log2_lr;
    block[WK_STORE_AT_RULE] = store->saved->rule;
    block[WK_STORE_AT_MASTER_BYTES] = store->network->master_bytes;
    block[WK_STORE_AT_SETTINGS_SIZE] = store->saved->size;
}

static void fill_settings(const wk_store_t *store, uint8_t *block) {
    const uint32_t end = WK_STORE_AT_HEADER_CRC - WK_STORE_AT_SETTINGS;
    for (uint32_t i = 0; i < WK_STORE_SETTINGS_BYTES; i++) {
        block[i] = i < store->saved->size ? store->saved->bytes[i] : 0xFF;
    }
    store_put_u32(block + WK_STORE_AT_EXTRA_BYTES - WK_STORE_AT_SETTINGS, store->extra);
    store_put_u32(block + end, wk_crc32(store->crc, block, end));
}

static void fill_extra(const wk_store_t *store, uint8_t *block) {
    const uint32_t at = (store->index - store_extra_begin(store)) * WK_FLASH_BLOCK;
    const uint32_t rest = store->extra - at;
    const uint32_t size = rest < WK_FLASH_BLOCK ? rest : WK_FLASH_BLOCK;
    wk_store_extra_read(at, block, size);
    for (uint32_t i = size; i < WK_FLASH_BLOCK; i++) {
        block[i] = 0xFF;
    }
}

static wk_store_status_t write_block(wk_store_t *store) {
    uint8_t *block = store->block;
    if (!store->waiting) {
        if (store->index == 0) {
            fill_identity(store, block);
        } else if (store->index == 1) {
            fill_settings(store, block);
        } else if (store->index < store_extra_begin(store)) {
            store_take_masters(store, block);
        } else {
            fill_extra(store, block);
        }
        store->crc = wk_crc32(store->crc, block, WK_FLASH_BLOCK);
    }
    const uint32_t address = store_slot_at(store->slot) + store->index * WK_FLASH_BLOCK;
    const wk_flash_status_t status = program(store, address, block, WK_FLASH_BLOCK);
    if (status == WK_FLASH_FAILED) {
        return fail(store, address);
    }
    if (status == WK_FLASH_DONE) {
        store->index++;
        if (store->index == store->blocks - 1u) {
            store->index = 0;
            store->stage = STAGE_SEAL;
        }
    }
    return WK_STORE_BUSY;
}

static bool learned_meanwhile(const wk_store_t *store) {
    return wk_model_step(store->model) != store->step || wk_model_seed(store->model) != store->seed;
}

/* The first trailer makes the record count. The second tells later starts that the first was read
 * back: until then its last word may be torn so finely that it reads right today and not tomorrow.
 */
static wk_store_status_t seal(wk_store_t *store) {
    wk_slot_t *slot = &store->slots[store->slot];
    if (!store->waiting) {
        if (store->index == 0 && learned_meanwhile(store)) {
            return store_end(store, WK_STORE_CHANGED);
        }
        store_trailer(store->block, store->sequence, store->crc);
    }
    const uint32_t address = store_slot_at(store->slot) + (store->blocks - 1u) * WK_FLASH_BLOCK +
                             store->index * WK_STORE_TRAILER_BYTES;
    const wk_flash_status_t status = program(store, address, store->block, WK_STORE_TRAILER_BYTES);
    if (status == WK_FLASH_FAILED) {
        return fail(store, address);
    }
    if (status == WK_FLASH_BUSY || ++store->index < 2) {
        return WK_STORE_BUSY;
    }
    *slot = (wk_slot_t){.sequence = store->sequence, .state = WK_SLOT_WHOLE};
    store->newest = store->slot;
    store->stats.saves++;
    return store_end(store, WK_STORE_DONE);
}

wk_store_status_t store_write(wk_store_t *store) {
    switch ((stage_t)store->stage) {
    case STAGE_ERASE:
        return erase(store);
    case STAGE_BLANK:
        return check_blank(store);
    case STAGE_WRITE:
        return write_block(store);
    default:
        return seal(store);
    }
}
