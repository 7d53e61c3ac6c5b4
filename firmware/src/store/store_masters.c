/* The payload of a record: the masters in RAM, layer by layer. SPDX-License-Identifier: Apache-2.0
 */
#include "store_parts.h"

void store_rewind(wk_store_t *store) {
    store->layer = 0;
    store->first = 0;
}

/* How many masters of the present layer go into `room` bytes; steps over layers that are done. */
static uint32_t next_count(wk_store_t *store, uint32_t room) {
    while (store->layer < store->network->layers) {
        const uint32_t rest = wk_model_masters(store->layer) - store->first;
        const uint32_t fitting = room / store->network->master_bytes;
        if (rest > 0) {
            return rest < fitting ? rest : fitting;
        }
        store->layer++;
        store->first = 0;
    }
    return 0;
}

void store_take_masters(wk_store_t *store, uint8_t *block) {
    uint32_t filled = 0;
    for (;;) {
        const uint32_t count = next_count(store, WK_FLASH_BLOCK - filled);
        if (count == 0) {
            break;
        }
        (void)wk_model_read_masters(store->model, store->layer, store->first, count,
                                    block + filled);
        store->first += count;
        filled += count * store->network->master_bytes;
    }
    for (; filled < WK_FLASH_BLOCK; filled++) {
        block[filled] = 0xFF;
    }
}

bool store_put_masters(wk_store_t *store, const uint8_t *block) {
    uint32_t used = 0;
    for (;;) {
        const uint32_t count = next_count(store, WK_FLASH_BLOCK - used);
        if (count == 0) {
            return true;
        }
        if (wk_model_write_masters(store->model, store->layer, store->first, count, block + used) !=
            WK_OK) {
            return false;
        }
        store->first += count;
        used += count * store->network->master_bytes;
    }
}
