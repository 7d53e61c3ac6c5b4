/* Checkpoints of the link application: loaded at start, saved on command and by policy.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A save runs beside programs that read the network; what changes it waits
 * (wk_app_checkpoint_holds). */
#include "app_state.h"

#if WK_HAVE_STORE

#include "wagekit/wk_policy.h"
#include "wagekit/wk_port.h"
#include "wagekit/wk_store.h"
#include "wk_store_format.h"

#define IMPROVEMENT_MAX 65536u
#define POLICY_BYTES 13u

typedef enum { WORK_NONE = 0, WORK_SAVE = 1, WORK_LOAD = 2 } work_t;

static struct {
    wk_store_t store;
    wk_store_settings_t settings;
    wk_policy_t policy;
    wk_policy_state_t state;
    uint32_t spacing;  /* seconds */
    uint32_t step;     /* of the record that was saved or loaded last */
    uint8_t work;      /* work_t under way */
    uint8_t last_save; /* wk_store_status_t of the save that ended last */
    uint8_t last_load;
    uint8_t learning; /* wk_app_kept_t of the record that was loaded last */
    bool restored;
} checkpoint;

static const uint8_t fingerprint[32] = WK_MODEL_FINGERPRINT;
static const wk_store_network_t network = {.fingerprint = fingerprint,
                                           .frozen_crc = WK_MODEL_FROZEN_CRC,
                                           .layers = WK_MODEL_LAYERS,
                                           .master_bytes = WK_MODEL_MASTER_BYTES};

static void set_policy(uint32_t every, uint32_t improvement, uint32_t seconds) {
    checkpoint.spacing = seconds;
    checkpoint.policy = (wk_policy_t){
        .every = every, .improvement = improvement, .spacing = (uint64_t)seconds * WK_PORT_TICK_HZ};
}

/* The firmware's own settings in a record are the policy. */
static void collect_settings(void) {
    wk_store_settings_t *settings = &checkpoint.settings;
    settings->log2_lr = (int8_t)wk_app.log2_lr;
    settings->rule = (uint8_t)wk_app.rule;
    settings->size = POLICY_BYTES;
    uint8_t *at = wk_put_u32(settings->bytes, checkpoint.policy.every);
    at = wk_put_u32(at, checkpoint.policy.improvement);
    at = wk_put_u32(at, checkpoint.spacing);
    (void)wk_put_u8(at, wk_app_kept_level());
}

/* A record is right as it is, but may come from a firmware with other settings. */
static void take_settings(void) {
    const wk_store_settings_t *settings = &checkpoint.settings;
    if (settings->log2_lr >= WK_LOG2_LR_MIN && settings->log2_lr <= WK_LOG2_LR_MAX &&
        settings->rule <= WK_RULE_ERROR_SCALED) {
        wk_app.log2_lr = settings->log2_lr;
        wk_app.rule = (wk_rule_t)settings->rule;
    }
    wk_reply_t nobody = {.error = 0};
    if (settings->size == POLICY_BYTES && wk_get_u32(settings->bytes + 4) <= IMPROVEMENT_MAX &&
        settings->bytes[12] <= WK_KEEP_SAMPLES &&
        wk_app_kept_set_level(settings->bytes[12], &nobody)) {
        set_policy(wk_get_u32(settings->bytes), wk_get_u32(settings->bytes + 4),
                   wk_get_u32(settings->bytes + 8));
    }
}

void wk_app_checkpoint_moved(void) {
    checkpoint.state.saved_step = wk_model_step(&wk_app_model);
}

static void loaded(void) {
    checkpoint.learning = (uint8_t)wk_app_kept_loaded(checkpoint.store.extra);
    take_settings();
    checkpoint.step = wk_model_step(&wk_app_model);
    wk_app_checkpoint_moved();
    wk_app.loading = false;
}

static wk_store_status_t finish(wk_store_status_t status) {
    while (status == WK_STORE_BUSY) { /* as many slices as the slots have sectors and blocks */
        status = wk_store_poll(&checkpoint.store);
        wk_port_feed_watchdog();
    }
    return status;
}

void wk_app_checkpoint_init(void) {
    checkpoint.work = WORK_NONE;
    checkpoint.last_save = WK_STORE_NONE;
    checkpoint.last_load = WK_STORE_NONE;
    checkpoint.restored = false;
    checkpoint.step = 0;
    checkpoint.learning = WK_APP_KEPT_NONE;
    set_policy(0, 0, 0);
    wk_app_kept_init();
    wk_policy_start(&checkpoint.state, 0);
    wk_store_status_t status = finish(wk_store_open(&checkpoint.store, &wk_app_model, &network));
    if (status == WK_STORE_DONE) {
        status = finish(wk_store_load(&checkpoint.store, &checkpoint.settings));
    }
    checkpoint.last_load = (uint8_t)status;
    if (status == WK_STORE_DONE) {
        loaded();
        checkpoint.restored = true;
        if (checkpoint.learning == WK_APP_KEPT_TAKEN && wk_app_kept_was_active()) {
            wk_app_learn_resume();
        }
    } else if (status == WK_STORE_LOST) {
        (void)wk_app_kept_loaded(0);
        wk_model_init(&wk_app_model, 0);
    }
}

static wk_store_status_t begin_save(void) {
    collect_settings();
    const wk_store_status_t status = wk_store_save(&checkpoint.store, &checkpoint.settings);
    if (status == WK_STORE_BUSY) {
        checkpoint.work = WORK_SAVE;
        checkpoint.last_save = WK_STORE_BUSY;
        wk_policy_begun(&checkpoint.state, wk_model_step(&wk_app_model), wk_port_ticks());
    }
    return status;
}

void wk_app_checkpoint_turn(void) {
    if (checkpoint.work == WORK_NONE && !wk_app.loading &&
        wk_policy_due(&checkpoint.policy, &checkpoint.state, wk_model_step(&wk_app_model),
                      wk_port_ticks())) {
        (void)begin_save();
    }
}

void wk_app_checkpoint_evaluated(uint32_t errors, uint32_t samples) {
    if (samples > 0) {
        wk_policy_evaluated(&checkpoint.policy, &checkpoint.state, errors, samples);
        wk_app_checkpoint_turn();
    }
}

bool wk_app_checkpoint_poll(void) {
    if (checkpoint.work == WORK_NONE) {
        return false;
    }
    const wk_store_status_t status = wk_store_poll(&checkpoint.store);
    if (status == WK_STORE_BUSY) {
        return true;
    }
    if (checkpoint.work == WORK_SAVE) {
        checkpoint.last_save = (uint8_t)status;
        checkpoint.step = status == WK_STORE_DONE ? checkpoint.state.saved_step : checkpoint.step;
    } else {
        checkpoint.last_load = (uint8_t)status;
        if (status == WK_STORE_DONE) {
            loaded();
        } else { /* the masters are a mixture, and the network stays out of use */
            (void)wk_app_kept_loaded(0);
        }
    }
    checkpoint.work = WORK_NONE;
    return true;
}

bool wk_app_checkpoint_holds(uint8_t type) {
    if (checkpoint.work == WORK_LOAD) {
        return true;
    }
    return checkpoint.work == WORK_SAVE &&
           (type == WK_MSG_TRAIN || type == WK_MSG_TRAIN_RANGE || type == WK_MSG_TRAIN_SAMPLES ||
            type == WK_MSG_SET_STATE || type == WK_MSG_LEARN || type == WK_MSG_LEARN_PLAN ||
            type == WK_MSG_REPLAY || type == WK_MSG_LOAD_BEGIN || type == WK_MSG_LOAD_CHUNK ||
            type == WK_MSG_LOAD_COMMIT || type == WK_MSG_CHECKPOINT_SAVE ||
            type == WK_MSG_CHECKPOINT_LOAD);
}

uint16_t wk_app_checkpoint_flags(void) {
    if (wk_flash_geometry()->sectors == 0) { /* an emulator need not have the chip's flash */
        return 0;
    }
    return (uint16_t)(WK_HELLO_CHECKPOINTS | (checkpoint.restored ? WK_HELLO_RESTORED : 0u));
}

bool wk_app_checkpoint_fits(uint32_t extra, wk_reply_t *reply) {
    const wk_store_t *store = &checkpoint.store;
    if (!store->open || wk_store_fits(store, extra)) {
        return true;
    }
    const wk_flash_geometry_t *geometry = wk_flash_geometry();
    (void)wk_app_refuse(reply, WK_ERROR_LARGE,
                        wk_store_cost(geometry, store->payload, extra).record_bytes,
                        geometry->sectors / 2u * geometry->sector_bytes);
    return false;
}

/* What the store says, as an error of the link. */
static wk_app_status_t refuse(wk_reply_t *reply, uint8_t status) {
    switch ((wk_store_status_t)status) {
    case WK_STORE_SMALL:
        return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
    case WK_STORE_WORN:
        return wk_app_refuse(reply, WK_ERROR_WORN, checkpoint.store.stats.failed_at, 0);
    case WK_STORE_NONE:
        return wk_app_refuse(reply, WK_ERROR_EMPTY, 0, 0);
    case WK_STORE_LOST:
        return wk_app_refuse(reply, WK_ERROR_LOADING, 0, 0);
    default:
        return wk_app_refuse(reply, WK_ERROR_STATE, status, 0);
    }
}

static wk_app_status_t answer_save(wk_reply_t *reply) {
    const wk_checkpoint_save_reply_t saved = {.step = checkpoint.state.saved_step};
    const uint8_t *end = wk_put_checkpoint_save_reply(reply->payload, &saved);
    reply->size = (uint32_t)(end - reply->payload);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_checkpoint_finish(uint8_t waiting, wk_reply_t *reply) {
    if (checkpoint.work != WORK_NONE) {
        return WK_APP_RUNNING;
    }
    wk_app.waiting = 0;
    if (waiting == WK_MSG_CHECKPOINT_SAVE) {
        return checkpoint.last_save == WK_STORE_DONE ? answer_save(reply)
                                                     : refuse(reply, checkpoint.last_save);
    }
    if (checkpoint.last_load != WK_STORE_DONE) {
        return refuse(reply, checkpoint.last_load);
    }
    const wk_checkpoint_load_reply_t back = {.step = checkpoint.step};
    const uint8_t *end = wk_put_checkpoint_load_reply(reply->payload, &back);
    reply->size = (uint32_t)(end - reply->payload);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_checkpoint_save(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_checkpoint_save_request_t request;
    if (!wk_get_checkpoint_save(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (wk_app.loading) {
        return wk_app_refuse(reply, WK_ERROR_LOADING, 0, 0);
    }
    const wk_store_status_t status = begin_save();
    if (status != WK_STORE_BUSY) {
        return refuse(reply, (uint8_t)status);
    }
    if (!request.wait) {
        return answer_save(reply);
    }
    wk_app.waiting = WK_MSG_CHECKPOINT_SAVE;
    return WK_APP_RUNNING;
}

wk_app_status_t wk_app_checkpoint_load(wk_reply_t *reply) {
    wk_app_kept_load_begins();
    const wk_store_status_t status = wk_store_load(&checkpoint.store, &checkpoint.settings);
    if (status != WK_STORE_BUSY) {
        return refuse(reply, checkpoint.store.open ? (uint8_t)status : (uint8_t)WK_STORE_SMALL);
    }
    wk_app.loading = true; /* until all of it is there */
    wk_app.have_stats = false;
    wk_app.have_logits = false;
    checkpoint.work = WORK_LOAD;
    wk_app.waiting = WK_MSG_CHECKPOINT_LOAD;
    return WK_APP_RUNNING;
}

wk_app_status_t wk_app_checkpoint_info(wk_reply_t *reply) {
    const wk_store_t *store = &checkpoint.store;
    const wk_flash_geometry_t *geometry = wk_flash_geometry();
    if (geometry->sectors == 0) {
        return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
    }
    const bool whole = store->newest != WK_STORE_NO_SLOT;
    const wk_checkpoint_info_reply_t info = {
        .work = checkpoint.work,
        .last_save = checkpoint.last_save,
        .newest = store->newest,
        .unconfirmed = whole && store->slots[store->newest].unconfirmed,
        .slot0 = store->slots[0].state,
        .slot1 = store->slots[1].state,
        .word_bytes = (uint8_t)geometry->word_bytes,
        .step = checkpoint.step,
        .sequence = whole ? store->slots[store->newest].sequence : 0,
        .saves = store->stats.saves,
        .failures = store->stats.failures,
        .erases = store->stats.erases[0] + store->stats.erases[1],
        .words = store->stats.words,
        .failed_at = store->stats.failed_at,
        .sectors = geometry->sectors,
        .sector_bytes = geometry->sector_bytes,
        .every = checkpoint.policy.every,
        .improvement = checkpoint.policy.improvement,
        .spacing = checkpoint.spacing,
        .keep = wk_app_kept_level(),
        .learning = checkpoint.learning,
        .record_bytes = wk_store_cost(geometry, store->payload, wk_app_kept_bytes()).record_bytes,
    };
    const uint8_t *end = wk_put_checkpoint_info_reply(reply->payload, &info);
    reply->size = (uint32_t)(end - reply->payload);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_set_policy(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_set_policy_request_t request;
    if (!wk_get_set_policy(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (request.improvement > IMPROVEMENT_MAX) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.improvement, IMPROVEMENT_MAX);
    }
    if (request.keep > WK_KEEP_SAMPLES) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.keep, WK_KEEP_SAMPLES);
    }
    if (!checkpoint.store.open) {
        return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
    }
    if (!wk_app_kept_set_level(request.keep, reply)) {
        return WK_APP_DONE;
    }
    set_policy(request.every, request.improvement, request.spacing);
    wk_app_checkpoint_moved();
    return WK_APP_DONE;
}

#else /* the board has no flash for it */

void wk_app_checkpoint_init(void) {
}

void wk_app_checkpoint_moved(void) {
}

void wk_app_checkpoint_turn(void) {
}

void wk_app_checkpoint_evaluated(uint32_t errors, uint32_t samples) {
    (void)errors;
    (void)samples;
}

bool wk_app_checkpoint_poll(void) {
    return false;
}

bool wk_app_checkpoint_holds(uint8_t type) {
    (void)type;
    return false;
}

uint16_t wk_app_checkpoint_flags(void) {
    return 0;
}

wk_app_status_t wk_app_checkpoint_finish(uint8_t waiting, wk_reply_t *reply) {
    (void)waiting; /* none ever waits */
    return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
}

wk_app_status_t wk_app_checkpoint_save(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    (void)payload;
    (void)size;
    return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
}

wk_app_status_t wk_app_checkpoint_load(wk_reply_t *reply) {
    return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
}

wk_app_status_t wk_app_checkpoint_info(wk_reply_t *reply) {
    return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
}

wk_app_status_t wk_app_set_policy(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    (void)payload;
    (void)size;
    return wk_app_refuse(reply, WK_ERROR_SMALL, 0, 0);
}

#endif
