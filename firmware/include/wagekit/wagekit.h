/* The library a user embeds: infer, learn, and the state of one generated network.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The generated wk_model.h completes `struct wk_model` (its size is the whole RAM of the
 * network) and defines WK_MODEL_* constants; the generated wk_model.c implements these
 * calls. No call blocks, allocates or uses floating point. */
#ifndef WK_WAGEKIT_H
#define WK_WAGEKIT_H

#include "wagekit/wk_status.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wk_model wk_model_t;

typedef enum { WK_RULE_PAPER = 0, WK_RULE_ERROR_SCALED = 1 } wk_rule_t;

/* Learning rates are powers of two, 2^log2_lr. */
#define WK_LOG2_LR_MIN (-16)
#define WK_LOG2_LR_MAX 15
/* Stands for every rate too small to change a weight. */
#define WK_LOG2_LR_NONE (-17)
/* An exponent that does not exist: the maximum was 0, or was not computed. */
#define WK_NO_EXPONENT (-1)

/* What one weight layer reports of the last training step. */
typedef struct {
    uint32_t saturated;       /* stored activations at the largest magnitude, over the batch */
    int8_t error_exponent;    /* kappa(M) of the error at the layer's output, or WK_NO_EXPONENT */
    int8_t gradient_exponent; /* kappa(G) of the layer's gradient, or WK_NO_EXPONENT */
} wk_layer_stats_t;

/* What the last training step reports; the layers' part is read with wk_model_layer_stats. */
typedef struct {
    uint64_t sum_squared_error; /* sum of e*e over logits and samples, saturated at 2^64-1 */
    uint32_t step;              /* number of the step just made: the one its random numbers used */
    uint32_t samples;
    uint32_t errors; /* samples whose first largest logit is not the label */
    int32_t log2_lr; /* after the rule, not below WK_LOG2_LR_NONE */
} wk_step_stats_t;

/* How one weight layer fared in the last step that counted it. Nothing is counted of weights in a
 * layer that does not learn, nor of errors where none are computed. */
typedef struct {
    uint32_t plus, minus; /* masters that the update raised, and lowered */
    uint32_t clipped;     /* masters at the end of their range after it */
    uint32_t nonzero;     /* weights that are not 0 after it */
    uint32_t flipped;     /* weights whose sign (-1, 0, 1) it changed */
    uint32_t zero_errors; /* quantised errors at the layer's output that are 0, over the batch */
    uint32_t saturated;   /* as in wk_layer_stats_t */
    int32_t gradient_exponent;
} wk_layer_health_t;

/* Which step that was. */
typedef struct {
    uint32_t step;
    uint32_t samples; /* of its batch; 0: there was none yet */
} wk_health_t;

/* Put the network into its first state: step 0, the given seed, and the masters that were
 * built in (all zero if none were). */
void wk_model_init(wk_model_t *model, uint32_t seed);

/* Where sample `index` (below WK_MODEL_BATCH) of the next batch goes: WK_MODEL_INPUTS codes of
 * the k_A grid in NHWC order. Valid while no program is under way; a program may overwrite it. */
int8_t *wk_model_input(wk_model_t *model, uint32_t index);

/* Start a forward pass over the first `samples` inputs, or a training step with labels
 * (class numbers, copied). WK_ERR_RANGE for a count, label, rate or rule outside its range,
 * WK_ERR_STATE if a program is under way. */
wk_status_t wk_model_begin_forward(wk_model_t *model, uint32_t samples);
wk_status_t wk_model_begin_step(wk_model_t *model, uint32_t samples, const uint16_t *labels,
                                int32_t log2_lr, wk_rule_t rule);

/* Run one slice of the program under way: WK_BUSY, or WK_OK when it is done (or none was). */
wk_status_t wk_model_poll(wk_model_t *model);

/* Number of the operation that the next poll works on: 1..WK_MODEL_OPERATIONS in the order of the
 * program, 0 if none is under way. For progress and for counting what each operation costs. */
uint32_t wk_model_operation(const wk_model_t *model);

/* Both at once: begin and poll to the end. */
wk_status_t wk_infer(wk_model_t *model, uint32_t samples);
wk_status_t wk_learn(wk_model_t *model, uint32_t samples, const uint16_t *labels, int32_t log2_lr,
                     wk_rule_t rule);

/* Results of the last finished program: WK_MODEL_CLASSES logits of a sample, the first largest
 * of them, and what a training step reports. */
const int32_t *wk_model_logits(const wk_model_t *model, uint32_t sample);
uint32_t wk_model_predicted(const wk_model_t *model, uint32_t sample);
const wk_step_stats_t *wk_model_stats(const wk_model_t *model);
const wk_layer_stats_t *wk_model_layer_stats(const wk_model_t *model, uint32_t layer);

/* Health of the layers, where WK_MODEL_HEALTH is 1: it is counted in steps whose number is a
 * multiple of `every`, from the next one on that begins; 0, as at the start, is never. The numbers
 * stay until the next such step, and are incomplete while it is under way:
 * wk_model_is_counting. */
void wk_model_set_health(wk_model_t *model, uint32_t every);
int32_t wk_model_is_counting(const wk_model_t *model);
const wk_health_t *wk_model_health(const wk_model_t *model);
const wk_layer_health_t *wk_model_layer_health(const wk_model_t *model, uint32_t layer);

/* State. Masters are little-endian int8 or int16 (WK_MODEL_MASTER_BYTES each) in OHWI or
 * [out, in] order; `first` and `count` are in weights. Writing checks every value against the
 * master grid and changes nothing on an error. wk_model_masters is wk_model_weights where a layer's
 * masters lie in RAM, and 0 where its weights are constants in flash: these read as masters on the
 * grid of weights, and writing is WK_ERR_STATE where it would change them. */
uint32_t wk_model_step(const wk_model_t *model);
uint32_t wk_model_seed(const wk_model_t *model);
void wk_model_set_state(wk_model_t *model, uint32_t step, uint32_t seed);
uint32_t wk_model_weights(uint32_t layer);
uint32_t wk_model_masters(uint32_t layer);
wk_status_t wk_model_read_masters(const wk_model_t *model, uint32_t layer, uint32_t first,
                                  uint32_t count, uint8_t *bytes);
wk_status_t wk_model_write_masters(wk_model_t *model, uint32_t layer, uint32_t first,
                                   uint32_t count, const uint8_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
