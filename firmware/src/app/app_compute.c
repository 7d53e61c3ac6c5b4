/* Training, inference and evaluation over the link. SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"

#define LAYER_STATS_BYTES 6u
#define LOGIT_BYTES 4u

static bool is_training(uint8_t type) {
    return type == WK_MSG_TRAIN || type == WK_MSG_TRAIN_RANGE || type == WK_MSG_TRAIN_SAMPLES;
}

/* Whether a program of this request may run at all; if not, the reply says why. */
static bool may_compute(uint8_t type, wk_reply_t *reply) {
    if (wk_app.loading) {
        (void)wk_app_refuse(reply, WK_ERROR_LOADING, 0, 0);
        return false;
    }
    if (is_training(type) && !WK_MODEL_TRAINING) {
        (void)wk_app_refuse(reply, WK_ERROR_TRAINING, 0, 0);
        return false;
    }
    return true;
}

/* The batch is complete: begin with it. */
static wk_app_status_t begin_batch(uint8_t type, wk_reply_t *reply) {
    const uint32_t samples = wk_app.batch;
    wk_app.batch = 0;
    wk_app.have_stats = false;
    wk_app.have_logits = false;
    const wk_status_t status = is_training(type)
                                   ? wk_model_begin_step(&wk_app_model, samples, wk_app.labels,
                                                         wk_app.log2_lr, wk_app.rule)
                                   : wk_model_begin_forward(&wk_app_model, samples);
    if (status != WK_OK) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, samples, WK_MODEL_BATCH);
    }
    if (is_training(type)) {
        wk_app_started(PROGRAM_STEP, 0);
        return WK_APP_DONE;
    }
    wk_app.evaluated = samples;
    wk_app_started(PROGRAM_INFER, type);
    return WK_APP_RUNNING;
}

/* A part of a batch to be inferred is there: no logits yet. */
static wk_app_status_t answer_part(wk_reply_t *reply) {
    const wk_infer_reply_t infer = {.samples = (uint16_t)wk_app.batch};
    reply->size = (uint32_t)(wk_put_infer_reply(reply->payload, &infer) - reply->payload);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_batch(uint8_t type, const uint8_t *payload, uint32_t size,
                             wk_reply_t *reply) {
    wk_train_request_t request;
    if (!wk_get_train(payload, size, &request) || request.slots_size % 2u != 0) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const uint32_t count = request.slots_size / 2u;
    if (!may_compute(type, reply)) {
        return WK_APP_DONE;
    }
    if (request.place == 0 || wk_app.batch_type != type) {
        wk_app.batch = 0;
        wk_app.batch_type = type;
    }
    if (request.place != wk_app.batch) {
        return wk_app_refuse(reply, WK_ERROR_STATE, request.place, wk_app.batch);
    }
    if (count == 0 || count > WK_MODEL_BATCH - wk_app.batch) {
        return wk_app_refuse(reply, WK_ERROR_BATCH, wk_app.batch + count, WK_MODEL_BATCH);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t slot = wk_get_u16(request.slots + 2u * i);
        if (slot >= STORE_SLOTS) {
            return wk_app_refuse(reply, WK_ERROR_SLOT, slot, STORE_SLOTS - 1u);
        }
        wk_app_take_sample(slot, request.place + i);
    }
    wk_app.batch += count;
    if (request.flags & WK_BATCH_MORE) {
        return is_training(type) ? WK_APP_DONE : answer_part(reply);
    }
    return begin_batch(type, reply);
}

wk_app_status_t wk_app_batch_range(uint8_t type, const uint8_t *payload, uint32_t size,
                                   wk_reply_t *reply) {
    wk_train_range_request_t request;
    if (!wk_get_train_range(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!may_compute(type, reply)) {
        return WK_APP_DONE;
    }
    if (request.count == 0 || request.count > WK_MODEL_BATCH) {
        return wk_app_refuse(reply, WK_ERROR_BATCH, request.count, WK_MODEL_BATCH);
    }
    if (request.first >= STORE_SLOTS || request.count > STORE_SLOTS - request.first) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, (uint32_t)request.first + request.count,
                             STORE_SLOTS);
    }
    for (uint32_t i = 0; i < request.count; i++) {
        wk_app_take_sample(request.first + i, i);
    }
    wk_app.batch = request.count;
    return begin_batch(type, reply);
}

/* As many layers as fit, from `first` on. */
static uint8_t *put_layers(uint8_t *at, const uint8_t *end, uint32_t first) {
    for (uint32_t layer = first; layer < WK_MODEL_LAYERS; layer++) {
        if ((uint32_t)(end - at) < LAYER_STATS_BYTES) {
            break;
        }
        const wk_layer_stats_t *stats = wk_model_layer_stats(&wk_app_model, layer);
        at = wk_put_u32(at, stats->saturated);
        at = wk_put_i8(at, stats->error_exponent);
        at = wk_put_i8(at, stats->gradient_exponent);
    }
    return at;
}

/* What the last training step reports. */
static void put_result(wk_reply_t *reply) {
    const wk_step_stats_t *stats = wk_model_stats(&wk_app_model);
    const wk_result_reply_t result = {
        .step = stats->step,
        .samples = stats->samples,
        .errors = stats->errors,
        .sum_squared_error = stats->sum_squared_error,
        .log2_lr = (int8_t)stats->log2_lr,
    };
    uint8_t *at = wk_put_result_reply(reply->payload, &result);
    at = put_layers(at, reply->payload + WK_FRAME_BYTES, 0);
    reply->size = (uint32_t)(at - reply->payload);
}

wk_app_status_t wk_app_result(wk_reply_t *reply) {
    if (!wk_app.have_stats) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    put_result(reply);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_train_samples(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    const uint32_t count = size / SAMPLE_BYTES;
    if (!may_compute(WK_MSG_TRAIN_SAMPLES, reply)) {
        return WK_APP_DONE;
    }
    if (size % SAMPLE_BYTES != 0) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, SAMPLE_BYTES);
    }
    if (count == 0 || count > WK_MODEL_BATCH) {
        return wk_app_refuse(reply, WK_ERROR_BATCH, count, WK_MODEL_BATCH);
    }
    wk_app.batch_type = 0; /* a batch that comes in parts has lost its first ones */
    for (uint32_t i = 0; i < count; i++) {
        if (!wk_app_put_sample(i, payload + i * SAMPLE_BYTES, reply)) {
            return WK_APP_DONE;
        }
    }
    if (wk_app.have_stats) {
        put_result(reply);
    } else {
        const wk_result_reply_t none = {.samples = 0};
        reply->size = (uint32_t)(wk_put_result_reply(reply->payload, &none) - reply->payload);
    }
    wk_app.batch = count;
    return begin_batch(WK_MSG_TRAIN_SAMPLES, reply);
}

wk_app_status_t wk_app_layer_stats(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_layer_stats_request_t request;
    if (!wk_get_layer_stats(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!wk_app.have_stats) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    reply->size = (uint32_t)(put_layers(reply->payload, end, request.first) - reply->payload);
    return WK_APP_DONE;
}

/* As many logits as fit, from flat index `first` on. */
static uint8_t *put_logits(uint8_t *at, const uint8_t *end, uint32_t first) {
    const uint32_t count = wk_app.evaluated * WK_MODEL_CLASSES;
    for (uint32_t i = first; i < count; i++) {
        if ((uint32_t)(end - at) < LOGIT_BYTES) {
            break;
        }
        at = wk_put_i32(at,
                        wk_model_logits(&wk_app_model, i / WK_MODEL_CLASSES)[i % WK_MODEL_CLASSES]);
    }
    return at;
}

wk_app_status_t wk_app_infer_answer(wk_reply_t *reply) {
    const wk_infer_reply_t infer = {.samples = (uint16_t)wk_app.evaluated};
    uint8_t *at = wk_put_infer_reply(reply->payload, &infer);
    at = put_logits(at, reply->payload + WK_FRAME_BYTES, 0);
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_read_logits(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_read_logits_request_t request;
    if (!wk_get_read_logits(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!wk_app.have_logits) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    reply->size = (uint32_t)(put_logits(reply->payload, end, request.first) - reply->payload);
    return WK_APP_DONE;
}

/* Begin the forward pass over the next samples of an evaluation. */
static void begin_group(void) {
    uint32_t count = wk_app.end - wk_app.next;
    count = count < WK_MODEL_BATCH ? count : WK_MODEL_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        wk_app_take_sample(wk_app.next + i, i);
    }
    wk_app.batch = count;
    if (wk_model_begin_forward(&wk_app_model, count) != WK_OK) {
        wk_app.failed = WK_ERROR_STATE;
        wk_app_ended();
    }
}

wk_app_status_t wk_app_evaluate(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_evaluate_request_t request;
    if (!wk_get_evaluate(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!may_compute(WK_MSG_EVALUATE, reply)) {
        return WK_APP_DONE;
    }
    if (request.first >= STORE_SLOTS || request.count > STORE_SLOTS - request.first) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, (uint32_t)request.first + request.count,
                             STORE_SLOTS);
    }
    if (request.count == 0 || request.log2_one > 30) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.log2_one, 30);
    }
    wk_app.next = request.first;
    wk_app.end = (uint32_t)request.first + request.count;
    wk_app.log2_one = request.log2_one;
    wk_app.evaluated = 0;
    wk_app.errors = 0;
    wk_app.sum_squared_error = 0;
    wk_app.have_stats = false;
    wk_app.have_logits = false;
    wk_app_started(PROGRAM_EVALUATE, WK_MSG_EVALUATE);
    begin_group();
    return WK_APP_RUNNING;
}

static void count_sample(uint32_t place) {
    const int32_t *logits = wk_model_logits(&wk_app_model, place);
    const uint16_t label = wk_app.labels[place];
    for (uint32_t i = 0; i < WK_MODEL_CLASSES; i++) {
        const int64_t target = i == label ? (int64_t)1 << wk_app.log2_one : 0;
        const int64_t error = logits[i] - target;
        const uint64_t magnitude = (uint64_t)(error < 0 ? -error : error);
        const uint64_t square = magnitude * magnitude; /* below 2^64: magnitudes are below 2^32 */
        const uint64_t room = UINT64_MAX - wk_app.sum_squared_error;
        wk_app.sum_squared_error += square < room ? square : room;
    }
    wk_app.errors += wk_model_predicted(&wk_app_model, place) != label;
    wk_app.evaluated++;
}

void wk_app_evaluate_next(void) {
    for (uint32_t i = 0; i < wk_app.batch; i++) {
        count_sample(i);
    }
    wk_app.next += wk_app.batch;
    if (wk_app.next < wk_app.end) {
        begin_group();
    } else {
        wk_app.batch = 0;
        wk_app_ended();
        wk_app_checkpoint_evaluated(wk_app.errors, wk_app.evaluated);
    }
}

wk_app_status_t wk_app_evaluate_answer(wk_reply_t *reply) {
    const wk_evaluate_reply_t result = {
        .samples = wk_app.evaluated,
        .errors = wk_app.errors,
        .sum_squared_error = wk_app.sum_squared_error,
    };
    const uint8_t *end = wk_put_evaluate_reply(reply->payload, &result);
    reply->size = (uint32_t)(end - reply->payload);
    return WK_APP_DONE;
}
