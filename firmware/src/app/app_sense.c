/* Samples of the device's own sensor, and the way back out of the store.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"
#include "wagekit/wk_sense.h"

wk_app_status_t wk_app_sense_begin(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_sense_request_t request;
    if (!wk_get_sense(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!WK_HAVE_SENSOR) {
        return wk_app_refuse(reply, WK_ERROR_SENSOR, 0, 0);
    }
    if (request.slot >= STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, request.slot, STORE_SLOTS - 1u);
    }
    wk_app.next = request.slot;
    wk_app_started(PROGRAM_SENSE, WK_MSG_SENSE);
    return WK_APP_RUNNING;
}

#if WK_HAVE_SENSOR
void wk_app_sense_slice(void) {
    const wk_status_t status = wk_app_sense(wk_app_codes(wk_app.next));
    if (status == WK_BUSY) {
        return;
    }
    if (status != WK_OK) {
        wk_app.failed = WK_ERROR_NO_SAMPLE;
    } else if (!wk_app_sensed(wk_app.next)) {
        wk_app.failed = WK_ERROR_CODE;
    }
    wk_app_ended();
}

#else
void wk_app_sense_slice(void) {
}

#endif

wk_app_status_t wk_app_read_sample(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_read_sample_request_t request;
    if (!wk_get_read_sample(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (request.slot >= STORE_SLOTS) {
        return wk_app_refuse(reply, WK_ERROR_SLOT, request.slot, STORE_SLOTS - 1u);
    }
    if (request.offset >= WK_MODEL_INPUTS) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.offset, WK_MODEL_INPUTS - 1u);
    }
    const wk_read_sample_reply_t sample = {.label = wk_app_label(request.slot)};
    uint8_t *at = wk_put_read_sample_reply(reply->payload, &sample);
    const uint32_t room = (uint32_t)(reply->payload + WK_FRAME_BYTES - at);
    const uint32_t left = WK_MODEL_INPUTS - request.offset;
    const int8_t *codes = wk_app_codes(request.slot) + request.offset;
    for (uint32_t i = 0; i < (left < room ? left : room); i++) {
        at = wk_put_i8(at, codes[i]);
    }
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}
