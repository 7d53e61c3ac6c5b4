/* The stand-in network. SPDX-License-Identifier: Apache-2.0 */
#include "wk_model.h"

static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

void wk_model_init(wk_model_t *model, uint32_t seed) {
    *model = (struct wk_model){.seed = seed};
}

int8_t *wk_model_input(wk_model_t *model, uint32_t index) {
    return model->inputs[index];
}

wk_status_t wk_model_begin_forward(wk_model_t *model, uint32_t samples) {
    if (model->program != 0) {
        return WK_ERR_STATE;
    }
    if (samples == 0 || samples > WK_MODEL_BATCH) {
        return WK_ERR_RANGE;
    }
    model->program = 1;
    model->samples = samples;
    model->at = 0;
    return WK_OK;
}

wk_status_t wk_model_begin_step(wk_model_t *model, uint32_t samples, const uint16_t *labels,
                                int32_t log2_lr, wk_rule_t rule) {
    const wk_status_t status = wk_model_begin_forward(model, samples);
    if (status != WK_OK) {
        return status;
    }
    for (uint32_t i = 0; i < samples; i++) {
        model->labels[i] = labels[i];
    }
    model->program = 2;
    model->counting = model->health_every != 0 && model->step % model->health_every == 0;
    model->log2_lr = log2_lr + (rule == WK_RULE_ERROR_SCALED ? -1 : 0);
    model->stats = (wk_step_stats_t){.step = model->step, .samples = samples};
    return WK_OK;
}

static void forward_sample(wk_model_t *model, uint32_t at) {
    for (uint32_t c = 0; c < WK_MODEL_CLASSES; c++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
            sum += model->inputs[at][i] * model->masters[c * WK_MODEL_INPUTS + i];
        }
        model->logits[at][c] = sum;
    }
}

static void learn_sample(wk_model_t *model, uint32_t at) {
    uint32_t hash = mix(model->seed + model->step + model->labels[at]) + (uint32_t)model->log2_lr;
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        hash = mix(hash + (uint8_t)model->inputs[at][i]);
    }
    for (uint32_t i = 0; i < WK_MODEL_WEIGHTS; i++) {
        hash = mix(hash + (uint16_t)model->masters[i]);
        model->masters[i] =
            (int16_t)((int32_t)(hash % (2u * WK_MODEL_MASTER_LIMIT + 1u)) - WK_MODEL_MASTER_LIMIT);
    }
    model->stats.sum_squared_error += hash;
    model->stats.errors += wk_model_predicted(model, at) != model->labels[at];
}

wk_status_t wk_model_poll(wk_model_t *model) {
    if (model->program == 0) {
        return WK_OK;
    }
    if (model->at < model->samples) {
        forward_sample(model, model->at);
        if (model->program == 2) {
            learn_sample(model, model->at);
        }
        model->at++;
        return WK_BUSY;
    }
    if (model->program == 2) {
        model->stats.log2_lr = model->log2_lr;
        for (uint32_t i = 0; i < WK_MODEL_LAYERS; i++) {
            const uint32_t hash = mix(model->step + i);
            model->layers[i] = (wk_layer_stats_t){
                .saturated = hash, .error_exponent = (int8_t)(i - 1u), .gradient_exponent = 31};
        }
        for (uint32_t i = 0; model->counting && i < WK_MODEL_LAYERS; i++) {
            model->layer_health[i] = (wk_layer_health_t){.plus = mix(model->step + i)};
            model->health = (wk_health_t){.step = model->step, .samples = model->samples};
        }
        model->counting = 0;
        model->step++;
    }
    model->program = 0;
    return WK_OK;
}

uint32_t wk_model_operation(const wk_model_t *model) {
    return model->program;
}

const int32_t *wk_model_logits(const wk_model_t *model, uint32_t sample) {
    return model->logits[sample];
}

uint32_t wk_model_predicted(const wk_model_t *model, uint32_t sample) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < WK_MODEL_CLASSES; c++) {
        if (model->logits[sample][c] > model->logits[sample][best]) {
            best = c;
        }
    }
    return best;
}

const wk_step_stats_t *wk_model_stats(const wk_model_t *model) {
    return &model->stats;
}

const wk_layer_stats_t *wk_model_layer_stats(const wk_model_t *model, uint32_t layer) {
    return &model->layers[layer];
}

void wk_model_set_health(wk_model_t *model, uint32_t every) {
    model->health_every = every;
}

int32_t wk_model_is_counting(const wk_model_t *model) {
    return model->counting;
}

const wk_health_t *wk_model_health(const wk_model_t *model) {
    return &model->health;
}

const wk_layer_health_t *wk_model_layer_health(const wk_model_t *model, uint32_t layer) {
    return &model->layer_health[layer];
}

uint32_t wk_model_step(const wk_model_t *model) {
    return model->step;
}

uint32_t wk_model_seed(const wk_model_t *model) {
    return model->seed;
}

void wk_model_set_state(wk_model_t *model, uint32_t step, uint32_t seed) {
    model->step = step;
    model->seed = seed;
}

uint32_t wk_model_weights(uint32_t layer) {
    (void)layer;
    return WK_MODEL_LAYER_WEIGHTS;
}

uint32_t wk_model_masters(uint32_t layer) {
    return wk_model_weights(layer);
}

wk_status_t wk_model_read_masters(const wk_model_t *model, uint32_t layer, uint32_t first,
                                  uint32_t count, uint8_t *bytes) {
    const int16_t *masters = model->masters + layer * WK_MODEL_LAYER_WEIGHTS + first;
    for (uint32_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)((uint16_t)masters[i] & 0xffu);
        bytes[2 * i + 1] = (uint8_t)((uint16_t)masters[i] >> 8);
    }
    return WK_OK;
}

wk_status_t wk_model_write_masters(wk_model_t *model, uint32_t layer, uint32_t first,
                                   uint32_t count, const uint8_t *bytes) {
    int16_t *masters = model->masters + layer * WK_MODEL_LAYER_WEIGHTS + first;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            const int16_t value = (int16_t)(uint16_t)(bytes[2 * i] | (bytes[2 * i + 1] << 8));
            if (value > WK_MODEL_MASTER_LIMIT || value < -WK_MODEL_MASTER_LIMIT) {
                return WK_ERR_RANGE;
            }
            if (pass == 1) {
                masters[i] = value;
            }
        }
    }
    return WK_OK;
}
