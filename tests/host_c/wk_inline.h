/* The inline functions of wk_math.h as functions that a test can call.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

int32_t inline_round_clip_i32(int32_t x, uint32_t shift, uint32_t limit);
int32_t inline_round_clip_i64(int64_t x, uint32_t shift, uint32_t limit);
int32_t inline_kappa(uint64_t m);
uint32_t inline_mix(uint32_t x);
uint32_t inline_layer_key(uint32_t seed, uint32_t step, uint32_t layer);
uint32_t inline_rand16(uint32_t key, uint32_t i);
