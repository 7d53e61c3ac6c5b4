/* Health of the layers over the link, where it is counted. SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"

#if WK_MODEL_HEALTH

#define LAYER_HEALTH_BYTES 29u

wk_app_status_t wk_app_set_health(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_set_health_request_t request;
    if (!wk_get_set_health(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    wk_model_set_health(&wk_app_model, request.every);
    return WK_APP_DONE;
}

static uint8_t *put_layer(uint8_t *at, const wk_layer_health_t *layer) {
    at = wk_put_u32(at, layer->plus);
    at = wk_put_u32(at, layer->minus);
    at = wk_put_u32(at, layer->clipped);
    at = wk_put_u32(at, layer->nonzero);
    at = wk_put_u32(at, layer->flipped);
    at = wk_put_u32(at, layer->zero_errors);
    at = wk_put_u32(at, layer->saturated);
    return wk_put_i8(at, (int8_t)layer->gradient_exponent);
}

wk_app_status_t wk_app_health(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_health_request_t request;
    if (!wk_get_health(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const wk_health_t *counted = wk_model_health(&wk_app_model);
    const wk_health_reply_t health = {.step = counted->step, .samples = counted->samples};
    uint8_t *at = wk_put_health_reply(reply->payload, &health);
    const uint8_t *end = reply->payload + WK_FRAME_BYTES;
    for (uint32_t i = request.first; i < WK_MODEL_LAYERS; i++) {
        if ((uint32_t)(end - at) < LAYER_HEALTH_BYTES) {
            break;
        }
        at = put_layer(at, wk_model_layer_health(&wk_app_model, i));
    }
    reply->size = (uint32_t)(at - reply->payload);
    return WK_APP_DONE;
}

#endif
