/* Reservoir sampling with the counter generator. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_learn.h"
#include "wk_draw.h"

void wk_replay_init(wk_replay_t *replay, uint32_t capacity, uint32_t seed) {
    *replay = (wk_replay_t){
        .capacity = capacity,
        .offer_key = wk_draw_key(seed, WK_DRAW_OFFER),
        .draw_key = wk_draw_key(seed, WK_DRAW_REPLAY),
    };
}

uint32_t wk_replay_filled(const wk_replay_t *replay) {
    return replay->offered < replay->capacity ? replay->offered : replay->capacity;
}

bool wk_replay_offer(wk_replay_t *replay, uint32_t *place) {
    const uint32_t number = replay->offered;
    if (replay->capacity == 0 || number == UINT32_MAX) {
        return false;
    }
    replay->offered++;
    *place = number < replay->capacity
                 ? number
                 : wk_below(wk_mix(replay->offer_key + number), replay->offered);
    return *place < replay->capacity;
}

bool wk_replay_draw(wk_replay_t *replay, uint32_t *place) {
    const uint32_t filled = wk_replay_filled(replay);
    if (filled == 0) {
        return false;
    }
    *place = wk_below(wk_mix(replay->draw_key + replay->drawn++), filled);
    return true;
}
