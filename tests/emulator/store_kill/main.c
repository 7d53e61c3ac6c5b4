/* Learns, saves and tells, until the power goes; what is learned follows from the step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_crc32.h"
#include "wagekit/wk_math.h"
#include "wagekit/wk_port.h"
#include "wagekit/wk_store.h"

#define LAYERS 3u
#define WEIGHTS 2000u

struct wk_model {
    uint32_t step, seed;
    int8_t masters[WEIGHTS];
};

static const uint32_t weights[LAYERS] = {77, 1900, 23};
static const uint32_t starts[LAYERS] = {0, 77, 1977};
static const uint8_t fingerprint[32] = {1, 2, 3};
static const wk_store_network_t network = {fingerprint, 0, LAYERS, 1};

static wk_model_t model;
static wk_store_t store;
static uint32_t slices;
static uint32_t extra_first, extra_wrong, extra_count;

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
    return weights[layer];
}

wk_status_t wk_model_read_masters(const wk_model_t *m, uint32_t layer, uint32_t first,
                                  uint32_t count, uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)m->masters[starts[layer] + first + i];
    }
    return WK_OK;
}

wk_status_t wk_model_write_masters(wk_model_t *m, uint32_t layer, uint32_t first, uint32_t count,
                                   const uint8_t *bytes) {
    for (uint32_t i = 0; i < count; i++) {
        m->masters[starts[layer] + first + i] = (int8_t)bytes[i];
    }
    return WK_OK;
}

/* Behind the masters: bytes that follow from the step, as many as it has, up to 3 blocks. */
uint32_t wk_store_extra_bytes(void) {
    return model.step % 193u;
}

void wk_store_extra_read(uint32_t at, uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)((model.step + at + i) & 0xFFu);
    }
}

void wk_store_extra_write(uint32_t at, const uint8_t *bytes, uint32_t size) {
    if (at == 0) {
        extra_first = bytes[0];
        extra_wrong = 0;
        extra_count = 0;
    }
    for (uint32_t i = 0; i < size; i++) {
        extra_wrong += bytes[i] != ((extra_first + at + i) & 0xFFu);
    }
    extra_count += size;
}

/* What came with the record of this step. */
static bool extra_is_right(void) {
    const uint32_t wanted = model.step % 193u;
    return store.extra == wanted && (wanted == 0 || (extra_count == wanted && extra_wrong == 0 &&
                                                     extra_first == (model.step & 0xFFu)));
}

/* Every step changes every weight, by a rule that the host knows too. */
static void learn(void) {
    model.step++;
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        model.masters[i] = (int8_t)(wk_mix(model.step * 0x10001u + i) & 0x7Fu);
    }
}

static void put_word(uint32_t word) {
    const uint8_t bytes[4] = {(uint8_t)(word & 0xFFu), (uint8_t)((word >> 8) & 0xFFu),
                              (uint8_t)((word >> 16) & 0xFFu), (uint8_t)(word >> 24)};
    wk_port_write(bytes, sizeof bytes);
}

static void tell(char what, uint32_t value) {
    const uint8_t byte = (uint8_t)what;
    wk_port_write(&byte, 1);
    put_word(value);
    put_word(model.step);
    put_word(wk_crc32(0, (const uint8_t *)model.masters, WEIGHTS));
}

static wk_store_status_t finish(wk_store_status_t status) {
    for (slices = 0; status == WK_STORE_BUSY; slices++) {
        status = wk_store_poll(&store);
        wk_port_feed_watchdog();
    }
    return status;
}

/* Bytes from the host: 'g' learn and save without end, 's' once, 'r' reset at once. */
static uint8_t get(void) {
    uint8_t byte = 0;
    while (wk_port_read(&byte, 1) == 0) {
        wk_port_feed_watchdog();
    }
    return byte;
}

static void save(void) {
    static const wk_store_settings_t settings = {.log2_lr = -3, .rule = 1, .size = 1};
    learn();
    const wk_store_status_t begun = wk_store_save(&store, &settings);
    const wk_store_status_t status = finish(begun);
    tell(status == WK_STORE_DONE ? 'A' : 'E', status == WK_STORE_DONE ? slices : status);
}

int main(void) {
    wk_store_settings_t settings;
    wk_port_init();
    wk_store_status_t status = finish(wk_store_open(&store, &model, &network));
    if (status == WK_STORE_DONE) {
        status = finish(wk_store_load(&store, &settings));
    }
    if (status == WK_STORE_DONE && !extra_is_right()) {
        status = WK_STORE_LOST;
    }
    tell('L', status);
    for (;;) {
        switch (get()) {
        case 'g':
            for (;;) {
                save();
            }
        case 's':
            save();
            break;
        case 'r':
            wk_port_reset();
        default:
            break;
        }
    }
}
