/* Learning by itself from the sample store, over the link. SPDX-License-Identifier: Apache-2.0 */
#include "app_learning.h"

#define RATE_BYTES 5u

wk_app_learning_t wk_app_learning;

void wk_app_learn_init(void) {
    wk_app_learning = (wk_app_learning_t){.planned = false};
    wk_replay_init(&wk_app_learning.replay, 0, 0);
}

/* Slot of the new sample with number `n` since the plan. */
static uint32_t new_slot(uint32_t n) {
    return wk_app_learning.first +
           (wk_app_learning.order == ORDER_DRAWN
                ? wk_learn_draw(wk_app_learning.seed, n, wk_app_learning.count)
                : n % wk_app_learning.count);
}

static void begin_step(uint32_t samples, bool is_new) {
    wk_app_learning.is_new = is_new;
    if (wk_model_begin_step(&wk_app_model, samples, wk_app.labels,
                            wk_learn_rate(&wk_app_learning.learn), wk_app_learning.rule) != WK_OK) {
        wk_app_ended(); /* cannot be: the request was checked */
    }
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static void begin_group(void) {
    const uint32_t planned = wk_app_learning.learn.plan.samples;
    wk_app_learning.group = smaller(wk_app_learning.batch, wk_app_learning.left);
    if (planned > 0) {
        wk_app_learning.group =
            smaller(wk_app_learning.group, planned - wk_app_learning.learn.seen);
    }
    wk_app_learning.at = wk_app_learning.learn.seen;
    wk_app_learning.left -= wk_app_learning.group;
    for (uint32_t i = 0; i < wk_app_learning.group; i++) {
        wk_app_take_sample(new_slot(wk_app_learning.at + i), i);
    }
    wk_app_learning.replay_left = wk_app_learning.replay_steps;
    begin_step(wk_app_learning.group, true);
}

static void begin_replay(void) {
    uint32_t place = 0;
    for (uint32_t i = 0;
         i < wk_app_learning.batch && wk_replay_draw(&wk_app_learning.replay, &place); i++) {
        wk_app_take_sample(wk_app_learning.replay_first + place, i);
    }
    wk_app_learning.replay_left--;
    begin_step(wk_app_learning.batch, false);
}

static void offer_group(void) {
    uint32_t place = 0;
    for (uint32_t i = 0; i < wk_app_learning.group; i++) {
        if (wk_replay_offer(&wk_app_learning.replay, &place)) {
            wk_app_copy_sample(new_slot(wk_app_learning.at + i),
                               wk_app_learning.replay_first + place);
        }
    }
}

bool wk_app_learn_goes_on(void) {
    return wk_app_learning.left > 0 && wk_app_learning.learn.end == WK_LEARN_GOES_ON;
}

bool wk_app_learn_step_ended(void) {
    if (wk_app_learning.is_new) {
        (void)wk_learn_observe(&wk_app_learning.learn, wk_app_learning.group,
                               wk_model_stats(&wk_app_model)->errors);
    }
    if (wk_app_learning.replay_left > 0 && wk_replay_filled(&wk_app_learning.replay) > 0) {
        begin_replay();
        return false;
    }
    offer_group();
    return true;
}

void wk_app_learn_next(void) {
    if (wk_app_learn_goes_on()) {
        begin_group();
    } else {
        wk_app.have_stats = true;
        wk_app_ended();
    }
}

static void start(void) {
    wk_app.have_stats = false;
    wk_app.have_logits = false;
    wk_app_started(PROGRAM_LEARN, 0);
    begin_group();
}

void wk_app_learn_resume(void) {
    if (wk_app_learn_goes_on()) {
        start();
    }
}

void wk_app_learn_abandon(void) {
    wk_app_learning.left = 0;
}

/* Put the rates of a request into a plan; what is wrong with it, or 0. */
static uint8_t no_plan(const uint8_t *rates, uint32_t size, wk_learn_plan_t *plan) {
    plan->rate_count = size / RATE_BYTES;
    if (size % RATE_BYTES != 0 || plan->rate_count > WK_LEARN_RATES) {
        return WK_ERROR_LENGTH;
    }
    for (uint32_t i = 0; i < plan->rate_count; i++) {
        const uint8_t *rate = rates + i * RATE_BYTES;
        plan->rates[i].first = wk_get_u32(rate);
        plan->rates[i].log2_lr = (int8_t)rate[4];
    }
    return wk_learn_is_valid(plan) ? 0 : WK_ERROR_RANGE;
}

wk_app_status_t wk_app_learn_plan(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_learn_plan_request_t request;
    if (!wk_get_learn_plan(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    wk_learn_plan_t plan = {
        .window_log2 = request.window_log2,
        .samples = request.samples,
        .accuracy = request.accuracy,
        .patience = request.patience,
    };
    const uint8_t error = no_plan(request.rates, request.rates_size, &plan);
    if (error != 0) {
        return wk_app_refuse(reply, error, request.rates_size, WK_LEARN_RATES * RATE_BYTES);
    }
    if (wk_app_kept_fits(wk_app_learning.replay.capacity, 0, reply)) {
        (void)wk_learn_begin(&wk_app_learning.learn, &plan);
        wk_app_learning.planned = true;
    }
    return WK_APP_DONE;
}

wk_app_status_t wk_app_learn_rates(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_learn_rates_request_t request;
    if (!wk_get_learn_rates(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!wk_app_learning.planned) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    wk_learn_plan_t plan = wk_app_learning.learn.plan;
    const uint8_t error = no_plan(request.rates, request.rates_size, &plan);
    if (error != 0) {
        return wk_app_refuse(reply, error, request.rates_size, WK_LEARN_RATES * RATE_BYTES);
    }
    wk_app_learning.learn.plan = plan;
    return WK_APP_DONE;
}

wk_app_status_t wk_app_replay(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_replay_request_t request;
    if (!wk_get_replay(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if ((uint32_t)request.first + request.capacity > STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, (uint32_t)request.first + request.capacity,
                             STORE_SLOTS);
    }
    if (wk_app_kept_fits(request.capacity, 0, reply)) {
        wk_replay_init(&wk_app_learning.replay, request.capacity, request.seed);
        wk_app_learning.replay_first = request.first;
        wk_app_learning.replay_steps = request.steps;
        wk_app_learning.replay_seed = request.seed;
    }
    return WK_APP_DONE;
}

/* Whether the slots to learn and the reservoir share some. */
static bool is_overlapping(uint32_t first, uint32_t count) {
    return first < wk_app_learning.replay_first + wk_app_learning.replay.capacity &&
           wk_app_learning.replay_first < first + count;
}

uint8_t wk_app_learn_refusal(uint32_t *value, uint32_t *limit) {
    const wk_app_learning_t *wanted = &wk_app_learning;
    const uint32_t end = wanted->first + wanted->count;
    *value = end;
    *limit = STORE_SLOTS;
    if (wanted->count == 0 || end > STORE_SLOTS || is_overlapping(wanted->first, wanted->count)) {
        return WK_ERROR_SLOT;
    }
    *value = wanted->batch;
    *limit = WK_MODEL_BATCH;
    if (wanted->batch == 0 || wanted->batch > WK_MODEL_BATCH) {
        return WK_ERROR_BATCH;
    }
    if (wanted->rule > WK_RULE_ERROR_SCALED || wanted->order > ORDER_DRAWN) {
        return WK_ERROR_RANGE;
    }
    return 0;
}

/* Why nothing can be learned now, or 0. */
static uint8_t not_now(void) {
    if (wk_app.loading) {
        return WK_ERROR_LOADING;
    }
    if (!WK_MODEL_TRAINING) {
        return WK_ERROR_TRAINING;
    }
    if (!wk_app_learning.planned || wk_app_learning.learn.end != WK_LEARN_GOES_ON) {
        return WK_ERROR_STATE;
    }
    return 0;
}

wk_app_status_t wk_app_learn(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_learn_request_t request;
    if (!wk_get_learn(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    uint8_t error = not_now();
    if (error != 0) {
        return wk_app_refuse(reply, error, 0, 0);
    }
    wk_app_learning.first = request.first;
    wk_app_learning.count = request.count;
    wk_app_learning.batch = request.batch;
    wk_app_learning.order = request.order;
    wk_app_learning.rule = (wk_rule_t)request.rule;
    wk_app_learning.seed = request.seed;
    wk_app_learning.left = request.limit > 0 ? request.limit : UINT32_MAX;
    uint32_t value = 0;
    uint32_t limit = 0;
    error = wk_app_learn_refusal(&value, &limit);
    if (error != 0) {
        return wk_app_refuse(reply, error, value, limit);
    }
    if (wk_app_kept_fits(wk_app_learning.replay.capacity, request.count, reply)) {
        start();
    }
    return WK_APP_DONE;
}

wk_app_status_t wk_app_learn_stop(void) {
    wk_learn_stop(&wk_app_learning.learn);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_learn_state(wk_reply_t *reply) {
    const wk_learn_state_reply_t state = {
        .active = wk_app.program == PROGRAM_LEARN,
        .end = (uint8_t)wk_app_learning.learn.end,
        .log2_lr = (int8_t)wk_learn_rate(&wk_app_learning.learn),
        .seen = wk_app_learning.learn.seen,
        .wrong = wk_app_learning.learn.wrong,
        .running = wk_app_learning.learn.running,
        .best = wk_app_learning.learn.best,
        .best_at = wk_app_learning.learn.best_at,
        .stored = wk_replay_filled(&wk_app_learning.replay),
        .step = wk_model_step(&wk_app_model),
        .replay_first = (uint16_t)wk_app_learning.replay_first,
        .replay_capacity = (uint16_t)wk_app_learning.replay.capacity,
    };
    reply->size = (uint32_t)(wk_put_learn_state_reply(reply->payload, &state) - reply->payload);
    return WK_APP_DONE;
}
