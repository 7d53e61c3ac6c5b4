/* A network that only holds masters, and the store that saves it. SPDX-License-Identifier:
 * Apache-2.0 */
#include "sim.h"
#include "wagekit/wk_state.h"
#include "wagekit/wk_store.h"
#include <stdlib.h>
#include <string.h>

#define LAYERS 8u
#define MOST_POLLS 10000000u

struct wk_model {
    uint32_t step, seed;
    uint32_t layers, weights[LAYERS], master_bytes;
    int32_t limit;
    uint8_t masters[1u << 17]; /* all layers in order, little-endian */
};

static wk_model_t model;
static wk_store_t store;
static wk_store_network_t network;
static uint8_t fingerprint[32];
static wk_store_settings_t saved, loaded;
static struct {
    uint8_t saved[1u << 14], loaded[1u << 14];
    uint32_t size, arrived;
} extra;

void sim_model_new(uint32_t layers, const uint32_t *weights, uint32_t master_bytes, int32_t limit) {
    memset(&model, 0, sizeof model);
    model.layers = layers;
    model.master_bytes = master_bytes;
    model.limit = limit;
    memcpy(model.weights, weights, layers * sizeof *weights);
}

uint8_t *sim_model_masters(void) {
    return model.masters;
}

uint32_t sim_model_step(void) {
    return model.step;
}

uint32_t sim_model_seed(void) {
    return model.seed;
}

void sim_model_set(uint32_t step, uint32_t seed) {
    wk_model_set_state(&model, step, seed);
}

uint32_t wk_model_step(const wk_model_t *m) {
    return m->step;
}

uint32_t wk_model_seed(const wk_model_t *m) {
    return m->seed;
}

void wk_model_set_state(wk_model_t *m, uint32_t step, uint32_t seed) {
    m->step = step;
    m->seed = seed;
}

uint32_t wk_model_masters(uint32_t layer) {
    return model.weights[layer];
}

static uint32_t place(uint32_t layer, uint32_t first) {
    for (uint32_t i = 0; i < layer; i++) {
        first += model.weights[i];
    }
    return first * model.master_bytes;
}

wk_status_t wk_model_read_masters(const wk_model_t *m, uint32_t layer, uint32_t first,
                                  uint32_t count, uint8_t *bytes) {
    if (layer >= m->layers || !wk_is_part(first, count, m->weights[layer])) {
        return WK_ERR_RANGE;
    }
    memcpy(bytes, &m->masters[place(layer, first)], count * m->master_bytes);
    return WK_OK;
}

wk_status_t wk_model_write_masters(wk_model_t *m, uint32_t layer, uint32_t first, uint32_t count,
                                   const uint8_t *bytes) {
    if (layer >= m->layers || !wk_is_part(first, count, m->weights[layer])) {
        return WK_ERR_RANGE;
    }
    uint8_t *masters = &m->masters[place(layer, first)];
    return m->master_bytes == 1
               ? wk_write_masters_m8((int8_t *)masters, count, m->limit, bytes)
               : wk_write_masters_m16((int16_t *)(void *)masters, count, m->limit, bytes);
}

void sim_store_network(const uint8_t *print, uint32_t frozen_crc) {
    memcpy(fingerprint, print, sizeof fingerprint);
    network = (wk_store_network_t){fingerprint, frozen_crc, (uint8_t)model.layers,
                                   (uint8_t)model.master_bytes};
}

static int run(wk_store_status_t status) {
    for (uint32_t polls = 0; status == WK_STORE_BUSY; polls++) {
        if (polls == MOST_POLLS) {
            return SIM_ENDLESS;
        }
        status = (wk_store_status_t)sim_store_poll();
        if (sim_flash_dead()) {
            return SIM_DEAD;
        }
    }
    return (int)status;
}

void sim_extra_set(const uint8_t *bytes, uint32_t size) {
    memcpy(extra.saved, bytes, size);
    extra.size = size;
}

uint32_t wk_store_extra_bytes(void) {
    return extra.size;
}

void wk_store_extra_read(uint32_t at, uint8_t *bytes, uint32_t size) {
    memcpy(bytes, extra.saved + at, size);
}

void wk_store_extra_write(uint32_t at, const uint8_t *bytes, uint32_t size) {
    if (at == 0) {
        extra.arrived = 0;
    }
    if (at != extra.arrived || size > WK_FLASH_BLOCK || at + size > sizeof extra.loaded) {
        abort(); /* out of order */
    }
    memcpy(extra.loaded + at, bytes, size);
    extra.arrived += size;
}

const uint8_t *sim_extra_loaded(void) {
    return extra.loaded;
}

/* 0 if what came was not all of the record that was loaded. */
uint32_t sim_extra_loaded_size(void) {
    return extra.arrived == store.extra ? extra.arrived : 0;
}

int sim_store_open(void) {
    memset(&store, 0xA5, sizeof store); /* RAM after a reset holds anything */
    return run(wk_store_open(&store, &model, &network));
}

int sim_store_load(void) {
    memset(&loaded, 0xA5, sizeof loaded);
    memset(extra.loaded, 0xA5, sizeof extra.loaded);
    extra.arrived = 0;
    return run(wk_store_load(&store, &loaded));
}

int sim_store_begin_save(int32_t log2_lr, uint32_t rule, const uint8_t *bytes, uint32_t size) {
    saved = (wk_store_settings_t){
        .log2_lr = (int8_t)log2_lr, .rule = (uint8_t)rule, .size = (uint8_t)size};
    memcpy(saved.bytes, bytes, size < sizeof saved.bytes ? size : sizeof saved.bytes);
    return (int)wk_store_save(&store, &saved);
}

int sim_store_save(int32_t log2_lr, uint32_t rule, const uint8_t *bytes, uint32_t size) {
    return run((wk_store_status_t)sim_store_begin_save(log2_lr, rule, bytes, size));
}

int sim_store_poll(void) {
    const int status = (int)wk_store_poll(&store);
    sim_flash_slice();
    return status;
}

uint32_t sim_store_newest(void) {
    return store.newest;
}

uint32_t sim_store_slot_state(uint32_t slot) {
    return store.slots[slot].state;
}

uint32_t sim_store_slot_unconfirmed(uint32_t slot) {
    return store.slots[slot].unconfirmed;
}

uint32_t sim_store_failed_at(void) {
    return store.stats.failed_at;
}

uint32_t sim_store_saves(void) {
    return store.stats.saves;
}

uint32_t sim_store_failures(void) {
    return store.stats.failures;
}

uint32_t sim_store_erases(uint32_t slot) {
    return store.stats.erases[slot];
}

uint32_t sim_store_words(void) {
    return store.stats.words;
}

uint32_t sim_store_bytes(void) {
    return (uint32_t)sizeof store;
}

int32_t sim_loaded_log2_lr(void) {
    return loaded.log2_lr;
}

uint32_t sim_loaded_rule(void) {
    return loaded.rule;
}

uint32_t sim_loaded_size(void) {
    return loaded.size;
}

const uint8_t *sim_loaded_bytes(void) {
    return loaded.bytes;
}
