/* Gives the inline functions of wk_math.h names that a test can call.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_inline.h"
#include "wagekit/wk_math.h"

int32_t inline_round_clip_i32(int32_t x, uint32_t shift, uint32_t limit) {
    return wk_round_clip_i32(x, shift, limit);
}

int32_t inline_round_clip_i64(int64_t x, uint32_t shift, uint32_t limit) {
    return wk_round_clip_i64(x, shift, limit);
}

int32_t inline_kappa(uint64_t m) {
    return wk_kappa(m);
}

uint32_t inline_mix(uint32_t x) {
    return wk_mix(x);
}

uint32_t inline_layer_key(uint32_t seed, uint32_t step, uint32_t layer) {
    return wk_layer_key(seed, step, layer);
}

uint32_t inline_rand16(uint32_t key, uint32_t i) {
    return wk_rand16(key, i);
}
