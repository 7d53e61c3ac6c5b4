/* A stand-in for a generated network: quick, and every bit depends on all that was ever learned,
 * in its order. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_MODEL_H
#define WK_MODEL_H

#include "wagekit/wagekit.h"

#define WK_MODEL_NAME "stand-in"
#define WK_MODEL_INPUTS 20
#define WK_MODEL_CLASSES 4
#define WK_MODEL_LAYERS 9
#define WK_MODEL_OPERATIONS 2
#define WK_MODEL_BATCH 40
#define WK_MODEL_TRAINING 1
#define WK_MODEL_HEALTH 1
#define WK_MODEL_PACKED_LAYERS 0
#define WK_MODEL_FROZEN_CRC 0
#define WK_MODEL_LAYER_WEIGHTS 37
#define WK_MODEL_WEIGHTS (WK_MODEL_LAYERS * WK_MODEL_LAYER_WEIGHTS)
#define WK_MODEL_MASTER_BYTES 2
#define WK_MODEL_MASTER_LIMIT 16383
#define WK_MODEL_INPUT_LIMIT 7
#define WK_MODEL_FINGERPRINT                                                                       \
    {                                                                                              \
        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,                          \
        0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,                          \
        0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00}

struct wk_model {
    int16_t masters[WK_MODEL_WEIGHTS];
    int8_t inputs[WK_MODEL_BATCH][WK_MODEL_INPUTS];
    int32_t logits[WK_MODEL_BATCH][WK_MODEL_CLASSES];
    uint16_t labels[WK_MODEL_BATCH];
    wk_step_stats_t stats;
    wk_layer_stats_t layers[WK_MODEL_LAYERS];
    wk_layer_health_t layer_health[WK_MODEL_LAYERS];
    wk_health_t health;
    uint32_t health_every;
    int32_t counting;
    uint32_t step, seed, samples, at;
    int32_t log2_lr;
    uint8_t program; /* 0 none, 1 forward, 2 step */
};

#endif
