/* Loading and reading masters over the link. SPDX-License-Identifier: Apache-2.0 */
#include "app_state.h"
#include "wagekit/wk_link.h"

#define COMMIT_BYTES 64u

wk_app_status_t wk_app_load_begin(wk_reply_t *reply) {
    reply->size = 0;
    wk_app.loading = true;
    wk_app.have_stats = false;
    wk_app.have_logits = false;
    return WK_APP_DONE;
}

/* Whether `count` weights from `first` on lie in the layer. */
static bool inside(uint32_t layer, uint32_t first, uint32_t count) {
    if (layer >= WK_MODEL_LAYERS) {
        return false;
    }
    const uint32_t weights = wk_model_weights(layer);
    return first <= weights && count <= weights - first;
}

wk_app_status_t wk_app_load_chunk(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_load_chunk_request_t request;
    if (!wk_get_load_chunk(payload, size, &request) ||
        request.data_size % WK_MODEL_MASTER_BYTES != 0) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const uint32_t count = request.data_size / WK_MODEL_MASTER_BYTES;
    if (!wk_app.loading) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    if (!inside(request.layer, request.first, count)) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.first, request.layer);
    }
    const wk_status_t status =
        wk_model_write_masters(&wk_app_model, request.layer, request.first, count, request.data);
    if (status != WK_OK) {
        return wk_app_refuse(reply, status == WK_ERR_STATE ? WK_ERROR_FROZEN : WK_ERROR_RANGE,
                             request.first, request.layer);
    }
    return WK_APP_DONE;
}

wk_app_status_t wk_app_load_commit(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_load_commit_request_t request;
    if (!wk_get_load_commit(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    if (!wk_app.loading) {
        return wk_app_refuse(reply, WK_ERROR_STATE, 0, 0);
    }
    wk_app.crc = 0;
    wk_app.crc_wanted = request.crc;
    wk_app.commit_step = request.step;
    wk_app.commit_seed = request.seed;
    wk_app.commit_layer = 0;
    wk_app.commit_first = 0;
    wk_app_started(PROGRAM_COMMIT, WK_MSG_LOAD_COMMIT);
    return WK_APP_RUNNING;
}

/* What lies in memory is checked, not what arrived, so that nothing between can go wrong unseen. */
void wk_app_commit_slice(void) {
    uint8_t bytes[COMMIT_BYTES];
    if (wk_app.commit_layer < WK_MODEL_LAYERS) {
        const uint32_t rest = wk_model_weights(wk_app.commit_layer) - wk_app.commit_first;
        const uint32_t room = COMMIT_BYTES / WK_MODEL_MASTER_BYTES;
        const uint32_t count = rest < room ? rest : room;
        if (count > 0) {
            (void)wk_model_read_masters(&wk_app_model, wk_app.commit_layer, wk_app.commit_first,
                                        count, bytes);
            wk_app.crc = wk_crc32(wk_app.crc, bytes, count * WK_MODEL_MASTER_BYTES);
        }
        wk_app.commit_first += count;
        if (count == rest) {
            wk_app.commit_layer++;
            wk_app.commit_first = 0;
        }
        return;
    }
    if (wk_app.crc == wk_app.crc_wanted) {
        wk_model_set_state(&wk_app_model, wk_app.commit_step, wk_app.commit_seed);
        wk_app.loading = false;
        wk_app_checkpoint_moved();
    } else {
        wk_app.failed = WK_ERROR_CHECKSUM;
    }
    wk_app_ended();
}

wk_app_status_t wk_app_read_masters(const uint8_t *payload, uint32_t size, wk_reply_t *reply) {
    wk_read_masters_request_t request;
    if (!wk_get_read_masters(payload, size, &request)) {
        return wk_app_refuse(reply, WK_ERROR_LENGTH, size, 0);
    }
    const uint32_t room = WK_FRAME_BYTES / WK_MODEL_MASTER_BYTES;
    if (request.count > room) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.count, room);
    }
    if (!inside(request.layer, request.first, request.count)) {
        return wk_app_refuse(reply, WK_ERROR_RANGE, request.first, request.layer);
    }
    (void)wk_model_read_masters(&wk_app_model, request.layer, request.first, request.count,
                                reply->payload);
    reply->size = (uint32_t)request.count * WK_MODEL_MASTER_BYTES;
    return WK_APP_DONE;
}
