/* The link application: state, dispatch and the program under way.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"
#include "wagekit/wk_build.h"
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

wk_app_t wk_app;
wk_model_t wk_app_model;

static const uint8_t fingerprint[32] = WK_MODEL_FINGERPRINT;

wk_app_status_t wk_app_refuse(wk_reply_t *reply, uint8_t error, uint32_t value, uint32_t limit) {
    reply->error = error;
    reply->value = value;
    reply->limit = limit;
    return WK_APP_DONE;
}

void wk_app_started(program_t program, uint8_t waiting) {
    wk_app.program = program;
    wk_app.waiting = waiting;
    wk_app.failed = 0;
    wk_app.computing = 0;
    for (uint32_t i = 0; i < WK_MODEL_OPERATIONS; i++) {
        wk_app.operation_ticks[i] = 0;
        wk_app.longest_slice[i] = 0;
    }
    wk_app.started = wk_port_ticks();
}

void wk_app_ended(void) {
    wk_app.program_ticks = wk_port_ticks() - wk_app.started;
    wk_app.compute_ticks = wk_app.computing;
    wk_app.program = PROGRAM_NONE;
}

void wk_app_init(void) {
    wk_app = (wk_app_t){.program = PROGRAM_NONE};
    wk_model_init(&wk_app_model, 0);
    wk_app_clear_store();
    wk_app_learn_init();
    wk_app_checkpoint_init();
}

uint32_t wk_app_progress(void) {
    return wk_app.progress;
}

uint32_t wk_app_recent_ticks(void) {
    return wk_app.ticks_are_recent ? wk_app.last_ticks : (uint32_t)wk_port_ticks();
}

static uint16_t flags(void) {
    return (uint16_t)((wk_app.loading ? WK_HELLO_LOADING : 0u) |
                      (WK_MODEL_TRAINING ? WK_HELLO_TRAINS | WK_HELLO_STREAMS : 0u) |
                      (WK_MODEL_HEALTH ? WK_HELLO_HEALTH : 0u) |
                      (WK_HAVE_SENSOR ? WK_HELLO_SENSES : 0u) |
                      (WK_MODEL_PACKED_LAYERS != 0 ? WK_HELLO_FROZEN : 0u) |
                      wk_app_checkpoint_flags());
}

void wk_app_hello(wk_hello_reply_t *hello) {
    hello->fingerprint = fingerprint;
    hello->inputs = WK_MODEL_INPUTS;
    hello->classes = WK_MODEL_CLASSES;
    hello->layers = WK_MODEL_LAYERS;
    hello->master_bytes = WK_MODEL_MASTER_BYTES;
    hello->batch = WK_MODEL_BATCH;
    hello->frame_bytes = WK_FRAME_BYTES;
    hello->store_slots = STORE_SLOTS;
    hello->flags = flags();
    hello->weights = WK_MODEL_WEIGHTS;
}

void wk_app_abandon(void) {
    wk_app.waiting = 0;
    wk_app.batch_type = 0;
    if (wk_app.program == PROGRAM_COMMIT || wk_app.program == PROGRAM_SENSE) {
        wk_app.program = PROGRAM_NONE;
    }
    if (wk_app.program == PROGRAM_EVALUATE) {
        wk_app.end = wk_app.next; /* the group under way is its last */
    }
    if (wk_app.program == PROGRAM_LEARN) {
        wk_app_learn_abandon();
    }
}

void wk_app_answered(void) {
    if (wk_app.last_words == WK_MSG_RESET) {
        wk_port_reset();
    }
    if (wk_app.last_words == WK_MSG_EXIT) {
        wk_port_exit(wk_app.exit_code);
    }
}

static void compute_slice(void) {
    const uint32_t operation = wk_model_operation(&wk_app_model);
    const uint64_t before = wk_port_ticks();
    const wk_status_t status = wk_model_poll(&wk_app_model);
    const uint64_t after = wk_port_ticks();
    const uint64_t spent = after - before;
    wk_app.last_ticks = (uint32_t)after;
    wk_app.ticks_are_recent = true;
    wk_app.computing += spent;
    if (operation > 0) {
        wk_app.operation_ticks[operation - 1u] += spent;
        if (spent > wk_app.longest_slice[operation - 1u]) {
            wk_app.longest_slice[operation - 1u] =
                spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
        }
    }
    if (status == WK_BUSY) {
        return;
    }
    if (wk_app.program == PROGRAM_EVALUATE) {
        wk_app_evaluate_next();
        return;
    }
    if (wk_app.program == PROGRAM_LEARN) {
        wk_app.step_ended = true;
        return;
    }
    wk_app.have_stats = wk_app.program == PROGRAM_STEP;
    wk_app.have_logits = wk_app.program == PROGRAM_INFER;
    wk_app_ended();
    if (wk_app.have_stats) {
        wk_app_checkpoint_turn();
    }
}

bool wk_app_poll(void) {
    const bool keeping = wk_app_checkpoint_poll();
    wk_app.ticks_are_recent = false;
    if (wk_app.program == PROGRAM_NONE) {
        wk_app.progress += keeping;
        return keeping;
    }
    wk_app.progress++;
    if (wk_app.program == PROGRAM_COMMIT) {
        wk_app_commit_slice();
    } else if (wk_app.program == PROGRAM_SENSE) {
        wk_app_sense_slice();
    } else if (wk_app.step_ended) {
        wk_app.step_ended = false;
        wk_app.group_ended = wk_app_learn_step_ended();
        if (wk_app.group_ended) {
            wk_app_checkpoint_turn();
        }
    } else if (wk_app.group_ended) { /* the next one waits for a save, if one has begun */
        if (!keeping) {
            wk_app.group_ended = false;
            wk_app_learn_next();
        }
    } else {
        compute_slice();
    }
    return true;
}

wk_app_status_t wk_app_finish(wk_reply_t *reply) {
    if (wk_app.program != PROGRAM_NONE) {
        return WK_APP_RUNNING;
    }
    const uint8_t waiting = wk_app.waiting;
    if (waiting == WK_MSG_CHECKPOINT_SAVE || waiting == WK_MSG_CHECKPOINT_LOAD) {
        return wk_app_checkpoint_finish(waiting, reply);
    }
    wk_app.waiting = 0;
    if (wk_app.failed != 0) {
        return wk_app_refuse(reply, wk_app.failed, 0, 0);
    }
    if (waiting == WK_MSG_INFER || waiting == WK_MSG_INFER_RANGE) {
        return wk_app_infer_answer(reply);
    }
    if (waiting == WK_MSG_EVALUATE) {
        return wk_app_evaluate_answer(reply);
    }
    return WK_APP_DONE;
}

static wk_app_status_t about(wk_reply_t *reply) {
    const wk_about_reply_t about = {
        .tick_hz = WK_PORT_TICK_HZ,
        .instructions = WK_INSTRUCTIONS_PER_TICK_NUMERATOR,
        .ticks = WK_INSTRUCTIONS_PER_TICK_DENOMINATOR,
        .board = WK_BOARD_NAME,
        .firmware = WK_FIRMWARE_VERSION,
    };
    reply->size = (uint32_t)(wk_put_about_reply(reply->payload, &about) - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t manifest(wk_reply_t *reply) {
    const wk_manifest_reply_t manifest = {.hash = wk_build.hash};
    reply->size = (uint32_t)(wk_put_manifest_reply(reply->payload, &manifest) - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t build_text(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_build_text_request_t request;
    if (!wk_get_build_text(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const wk_build_text_reply_t build = {.size = (uint16_t)wk_build.size};
    uint8_t *at = wk_put_build_text_reply(reply->payload, &build);
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    for (uint32_t i = request.first; i < wk_build.size && at < end; i++) {
        *at++ = (uint8_t)wk_build.text[i];
    }
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t frozen(wk_reply_t *reply) {
    uint8_t layers[32] = {0};
    for (uint32_t i = 0; i < WK_MODEL_LAYERS; i++) {
        if (wk_model_masters(i) == 0) {
            layers[i / 8u] |= (uint8_t)(1u << (i % 8u));
        }
    }
    const wk_frozen_reply_t frozen = {.crc = WK_MODEL_FROZEN_CRC, .layers = layers};
    reply->size = (uint32_t)(wk_put_frozen_reply(reply->payload, &frozen) - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t counters(wk_reply_t *reply) {
    const wk_link_stats_t *stats = wk_link_stats();
    const wk_counters_reply_t counters = {
        .ticks = wk_port_ticks(),
        .program_ticks = wk_app.program_ticks,
        .compute_ticks = wk_app.compute_ticks,
        .frames = stats->frames,
        .crc_errors = stats->crc_errors,
        .overruns = wk_port_overruns(),
        .duplicates = stats->duplicates,
        .dropped = stats->dropped,
        .sent = stats->sent,
        .stack_free = wk_port_stack_free(),
    };
    reply->size = (uint32_t)(wk_put_counters_reply(reply->payload, &counters) - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t profile(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_profile_request_t request;
    if (!wk_get_profile(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const wk_profile_reply_t profile = {.operations = WK_MODEL_OPERATIONS};
    uint8_t *at = wk_put_profile_reply(reply->payload, &profile);
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    for (uint32_t i = request.first; i < WK_MODEL_OPERATIONS; i++) {
        if ((uint32_t)(end - at) < sizeof(uint64_t)) {
            break;
        }
        at = wk_put_u64(at, wk_app.operation_ticks[i]);
    }
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t slices(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_slices_request_t request;
    if (!wk_get_slices(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const wk_slices_reply_t slices = {.operations = WK_MODEL_OPERATIONS};
    uint8_t *at = wk_put_slices_reply(reply->payload, &slices);
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    for (uint32_t i = request.first; i < WK_MODEL_OPERATIONS; i++) {
        if ((uint32_t)(end - at) < sizeof(uint32_t)) {
            break;
        }
        at = wk_put_u32(at, wk_app.longest_slice[i]);
    }
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t get_state(wk_reply_t *reply) {
    const wk_get_state_reply_t state = {
        .step = wk_model_step(&wk_app_model),
        .seed = wk_model_seed(&wk_app_model),
        .log2_lr = (int8_t)wk_app.log2_lr,
        .rule = (uint8_t)wk_app.rule,
        .flags = flags(),
    };
    reply->size = (uint32_t)(wk_put_get_state_reply(reply->payload, &state) - reply->payload);
    return WK_APP_DONE;
}

static wk_app_status_t set_state(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_set_state_request_t request;
    if (!wk_get_set_state(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    wk_model_set_state(&wk_app_model, request.step, request.seed);
    wk_app_checkpoint_moved();
    return WK_APP_DONE;
}

static wk_app_status_t set_rule(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_set_rule_request_t request;
    if (!wk_get_set_rule(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (request.log2_lr < WK_LOG2_LR_MIN || request.log2_lr > WK_LOG2_LR_MAX) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, (uint32_t)request.log2_lr, WK_LOG2_LR_MAX);
    }
    if (request.rule > WK_RULE_ERROR_SCALED) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.rule, WK_RULE_ERROR_SCALED);
    }
    wk_app.log2_lr = request.log2_lr;
    wk_app.rule = (wk_rule_t)request.rule;
    return WK_APP_DONE;
}

static wk_app_status_t end_with(uint8_t type, const uint8_t *payload, uint32_t size,
                                wk_reply_t *reply) {
    wk_app.exit_code = 0;
    if (type == WK_MSG_EXIT) {
        wk_exit_request_t request;
        if (!wk_get_exit(payload, size, &request)) {
            return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
        }
        wk_app.exit_code = request.code;
    }
    wk_app.last_words = type;
    return WK_APP_DONE;
}

/* Requests that touch neither the model nor what a program uses. Of health this is so but in a
 * step that counts it. */
static bool runs_beside(uint8_t type) {
    switch (type) {
#if WK_MODEL_HEALTH
    case WK_MSG_HEALTH:
        return !wk_model_is_counting(&wk_app_model);
    case WK_MSG_SET_HEALTH:
#endif
    case WK_MSG_ABOUT:
    case WK_MSG_MANIFEST:
    case WK_MSG_BUILD_TEXT:
    case WK_MSG_FROZEN:
    case WK_MSG_COUNTERS:
    case WK_MSG_SET_RULE:
    case WK_MSG_UPLOAD:
    case WK_MSG_UPLOAD_MANY:
    case WK_MSG_READ_SAMPLE:
    case WK_MSG_RESET:
    case WK_MSG_EXIT:
    case WK_MSG_LEARN_STATE:
    case WK_MSG_LEARN_STOP:
    case WK_MSG_LEARN_PAUSE:
    case WK_MSG_CHECKPOINT_INFO:
    case WK_MSG_SET_POLICY:
        return true;
    default:
        return false;
    }
}

bool wk_app_must_wait(uint8_t type) {
    return (wk_app.program != PROGRAM_NONE || wk_app_checkpoint_holds(type)) && !runs_beside(type);
}

wk_app_status_t wk_app_begin(uint8_t type, const uint8_t *payload, uint32_t size,
                             wk_reply_t *reply) {
    wk_app.progress++;
    switch (type) {
    case WK_MSG_ABOUT:
        return about(reply);
    case WK_MSG_MANIFEST:
        return manifest(reply);
    case WK_MSG_BUILD_TEXT:
        return build_text(payload, size, reply);
    case WK_MSG_FROZEN:
        return frozen(reply);
    case WK_MSG_GET_STATE:
        return get_state(reply);
    case WK_MSG_SET_STATE:
        return set_state(payload, size, reply);
    case WK_MSG_SET_RULE:
        return set_rule(payload, size, reply);
    case WK_MSG_LOAD_BEGIN:
        return wk_app_load_begin(reply);
    case WK_MSG_LOAD_CHUNK:
        return wk_app_load_chunk(payload, size, reply);
    case WK_MSG_LOAD_COMMIT:
        return wk_app_load_commit(payload, size, reply);
    case WK_MSG_READ_MASTERS:
        return wk_app_read_masters(payload, size, reply);
    case WK_MSG_UPLOAD:
        return wk_app_upload(payload, size, reply);
    case WK_MSG_UPLOAD_MANY:
        return wk_app_upload_many(payload, size, reply);
    case WK_MSG_SENSE:
        return wk_app_sense_begin(payload, size, reply);
    case WK_MSG_READ_SAMPLE:
        return wk_app_read_sample(payload, size, reply);
    case WK_MSG_TRAIN:
    case WK_MSG_INFER:
        return wk_app_batch(type, payload, size, reply);
    case WK_MSG_TRAIN_RANGE:
    case WK_MSG_INFER_RANGE:
        return wk_app_batch_range(type, payload, size, reply);
    case WK_MSG_TRAIN_SAMPLES:
        return wk_app_train_samples(payload, size, reply);
    case WK_MSG_RESULT:
        return wk_app_result(reply);
    case WK_MSG_LAYER_STATS:
        return wk_app_layer_stats(payload, size, reply);
    case WK_MSG_READ_LOGITS:
        return wk_app_read_logits(payload, size, reply);
    case WK_MSG_EVALUATE:
        return wk_app_evaluate(payload, size, reply);
    case WK_MSG_LEARN_PLAN:
        return wk_app_learn_plan(payload, size, reply);
    case WK_MSG_REPLAY:
        return wk_app_replay(payload, size, reply);
    case WK_MSG_LEARN:
        return wk_app_learn(payload, size, reply);
    case WK_MSG_LEARN_STOP:
        return wk_app_learn_stop();
    case WK_MSG_LEARN_PAUSE:
        wk_app_learn_abandon();
        return WK_APP_DONE;
    case WK_MSG_LEARN_RATES:
        return wk_app_learn_rates(payload, size, reply);
    case WK_MSG_LEARN_STATE:
        return wk_app_learn_state(reply);
    case WK_MSG_COUNTERS:
        return counters(reply);
    case WK_MSG_PROFILE:
        return profile(payload, size, reply);
    case WK_MSG_SLICES:
        return slices(payload, size, reply);
#if WK_MODEL_HEALTH
    case WK_MSG_SET_HEALTH:
        return wk_app_set_health(payload, size, reply);
    case WK_MSG_HEALTH:
        return wk_app_health(payload, size, reply);
#endif
    case WK_MSG_CHECKPOINT_SAVE:
        return wk_app_checkpoint_save(payload, size, reply);
    case WK_MSG_CHECKPOINT_LOAD:
        return wk_app_checkpoint_load(reply);
    case WK_MSG_CHECKPOINT_INFO:
        return wk_app_checkpoint_info(reply);
    case WK_MSG_SET_POLICY:
        return wk_app_set_policy(payload, size, reply);
    case WK_MSG_RESET:
    case WK_MSG_EXIT:
        return end_with(type, payload, size, reply);
    default:
        return wk_app_refuse(reply, WK_ERROR_UNKNOWN, type, 0);
    }
}
