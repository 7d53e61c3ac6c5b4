/* The sample store of the link application. SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"

static int8_t codes[STORE_SLOTS][WK_MODEL_INPUTS];
static uint16_t labels[STORE_SLOTS];

void wk_app_clear_store(void) {
    for (uint32_t slot = 0; slot < STORE_SLOTS; slot++) {
        labels[slot] = 0;
        for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
            codes[slot][i] = 0;
        }
    }
}

void wk_app_take_sample(uint32_t slot, uint32_t place) {
    int8_t *input = wk_model_input(&wk_app_model, place);
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        input[i] = codes[slot][i];
    }
    wk_app.labels[place] = labels[slot];
}

void wk_app_copy_sample(uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        codes[to][i] = codes[from][i];
    }
    labels[to] = labels[from];
}

uint8_t wk_app_sample_byte(uint32_t slot, uint32_t offset) {
    if (offset < 2u) {
        return (uint8_t)((uint32_t)labels[slot] >> (8u * offset));
    }
    return (uint8_t)codes[slot][offset - 2u];
}

bool wk_app_put_sample_byte(uint32_t slot, uint32_t offset, uint8_t byte) {
    if (offset < 2u) { /* the low byte comes first */
        labels[slot] = (uint16_t)(offset == 0 ? byte : labels[slot] | ((uint32_t)byte << 8));
        return labels[slot] < WK_MODEL_CLASSES || (offset == 0 && WK_MODEL_CLASSES > 255);
    }
    const int32_t code = (int8_t)byte;
    codes[slot][offset - 2u] = (int8_t)byte;
    return code <= WK_MODEL_INPUT_LIMIT && code >= -WK_MODEL_INPUT_LIMIT;
}

int8_t *wk_app_codes(uint32_t slot) {
    return codes[slot];
}

bool wk_app_sensed(uint32_t slot) {
    bool valid = true;
    labels[slot] = 0;
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        const int32_t code = codes[slot][i];
        if (code > WK_MODEL_INPUT_LIMIT || code < -WK_MODEL_INPUT_LIMIT) {
            codes[slot][i] = 0;
            valid = false;
        }
    }
    return valid;
}

uint16_t wk_app_label(uint32_t slot) {
    return labels[slot];
}

/* Copy `count` codes and the label, if all of them are valid; else the reply refuses. */
static bool copy_valid(int8_t *to, uint16_t *to_label, uint16_t label, const uint8_t *bytes,
                       uint32_t count, wk_reply_t *reply) {
    if (label >= WK_MODEL_CLASSES) {
        (void)wk_app_refuse(reply, WK_ERROR_LABEL, label, WK_MODEL_CLASSES - 1u);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const int32_t code = (int8_t)bytes[i];
        if (code > WK_MODEL_INPUT_LIMIT || code < -WK_MODEL_INPUT_LIMIT) {
            (void)wk_app_refuse(reply, WK_ERROR_CODE, (uint32_t)code, WK_MODEL_INPUT_LIMIT);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        to[i] = (int8_t)bytes[i];
    }
    *to_label = label;
    return true;
}

bool wk_app_put_sample(uint32_t place, const uint8_t *sample, wk_reply_t *reply) {
    return copy_valid(wk_model_input(&wk_app_model, place), &wk_app.labels[place],
                      wk_get_u16(sample), sample + 2, WK_MODEL_INPUTS, reply);
}

wk_app_status_t wk_app_upload(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_upload_request_t request;
    if (!wk_get_upload(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (request.slot >= STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, request.slot, STORE_SLOTS - 1u);
    }
    if (request.offset > WK_MODEL_INPUTS || request.codes_size > WK_MODEL_INPUTS - request.offset) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.offset, WK_MODEL_INPUTS);
    }
    (void)copy_valid(codes[request.slot] + request.offset, &labels[request.slot], request.label,
                     request.codes, request.codes_size, reply);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_upload_many(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_upload_many_request_t request;
    if (!wk_get_upload_many(payload, size, &request) || request.samples_size % SAMPLE_BYTES != 0) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, SAMPLE_BYTES);
    }
    const uint32_t count = request.samples_size / SAMPLE_BYTES;
    if (request.slot + count > STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, request.slot + count, STORE_SLOTS);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *sample = request.samples + i * SAMPLE_BYTES;
        if (!copy_valid(codes[request.slot + i], &labels[request.slot + i], wk_get_u16(sample),
                        sample + 2, WK_MODEL_INPUTS, reply)) {
            break;
        }
    }
    return WK_APP_DONE;
}
