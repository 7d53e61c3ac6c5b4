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

/* Store `count` codes of a slot from `offset` on, if all of them and the label are valid. */
static uint8_t store(uint32_t slot, uint32_t offset, uint16_t label, const uint8_t *bytes,
                     uint32_t count, wk_reply_t *reply) {
    if (label >= WK_MODEL_CLASSES) {
        (void)wk_app_refuse(reply, WK_ERROR_LABEL, label, WK_MODEL_CLASSES - 1u);
        return WK_ERROR_LABEL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const int32_t code = (int8_t)bytes[i];
        if (code > WK_MODEL_INPUT_LIMIT || code < -WK_MODEL_INPUT_LIMIT) {
            (void)wk_app_refuse(reply, WK_ERROR_CODE, (uint32_t)code, WK_MODEL_INPUT_LIMIT);
            return WK_ERROR_CODE;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        codes[slot][offset + i] = (int8_t)bytes[i];
    }
    labels[slot] = label;
    return 0;
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
    (void)store(request.slot, request.offset, request.label, request.codes, request.codes_size,
                reply);
    return WK_APP_DONE;
}

wk_app_status_t wk_app_upload_many(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_upload_many_request_t request;
    const uint32_t sample_bytes = WK_MODEL_INPUTS + 2u;
    if (!wk_get_upload_many(payload, size, &request) || request.samples_size % sample_bytes != 0) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, sample_bytes);
    }
    const uint32_t count = request.samples_size / sample_bytes;
    if (request.slot + count > STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, request.slot + count, STORE_SLOTS);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *sample = request.samples + i * sample_bytes;
        if (store(request.slot + i, 0, wk_get_u16(sample), sample + 2, WK_MODEL_INPUTS, reply)) {
            break;
        }
    }
    return WK_APP_DONE;
}
