/* What the files of the link application share. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_APP_STATE_H
#define WK_APP_STATE_H

#include "wagekit/wagekit.h"
#include "wagekit/wk_app.h"
#include "wk_model.h"
#include <stdbool.h>

/* The sample store: labels apart from codes, so that nothing needs alignment. */
#define SAMPLE_BYTES (WK_MODEL_INPUTS + 2u) /* on the line the label comes first */
#define STORE_SLOTS_FITTING (WK_SAMPLE_STORE_BYTES / SAMPLE_BYTES)
#define STORE_SLOTS (STORE_SLOTS_FITTING > 65535u ? 65535u : STORE_SLOTS_FITTING)
_Static_assert(STORE_SLOTS >= 1, "the sample store does not hold one sample");
_Static_assert(WK_MODEL_LAYERS <= 255 && WK_MODEL_OPERATIONS <= 255 && WK_MODEL_BATCH <= 65535 &&
                   WK_MODEL_CLASSES <= 65535,
               "the link has no fields for such a network");

typedef enum {
    PROGRAM_NONE,
    PROGRAM_STEP,
    PROGRAM_INFER,
    PROGRAM_EVALUATE,
    PROGRAM_COMMIT,
    PROGRAM_LEARN,
    PROGRAM_SENSE,
} program_t;

typedef struct {
    uint64_t started; /* ticks when the program began */
    uint64_t program_ticks;
    uint64_t compute_ticks;
    uint64_t computing;                            /* compute_ticks of the program under way */
    uint64_t operation_ticks[WK_MODEL_OPERATIONS]; /* compute_ticks, operation by operation */
    uint32_t longest_slice[WK_MODEL_OPERATIONS];   /* ticks, operation by operation */
    uint32_t last_ticks;                           /* after the last slice, their lower half */
    uint64_t sum_squared_error;                    /* of an evaluation */
    uint32_t evaluated, errors;
    uint32_t next, end; /* slots that an evaluation has still to infer; or the one that is sensed */
    uint32_t crc, crc_wanted, commit_step, commit_seed;
    uint32_t commit_layer, commit_first;
    uint32_t progress;
    uint32_t batch; /* samples in the model's input */
    int32_t log2_lr;
    wk_rule_t rule;
    program_t program;
    uint16_t labels[WK_MODEL_BATCH];
    uint8_t log2_one;
    uint8_t waiting;    /* request that waits for the end of the program, or 0 */
    uint8_t batch_type; /* request whose samples are in the model's input */
    uint8_t failed;     /* error of the program just ended, or 0 */
    uint8_t last_words; /* WK_MSG_RESET or WK_MSG_EXIT once it is answered, or 0 */
    uint8_t exit_code;
    bool loading;     /* masters are incomplete */
    bool step_ended;  /* of learning by itself; it is not yet counted */
    bool group_ended; /* step and replay are counted; the next has not begun */
    bool have_stats;  /* a training step has ended */
    bool have_logits;
    bool ticks_are_recent; /* last_ticks are: the last turn computed */
} wk_app_t;

extern wk_app_t wk_app;
extern wk_model_t wk_app_model;

/* Fill a reply that refuses; returns WK_APP_DONE. */
wk_app_status_t wk_app_refuse(wk_reply_t *reply, uint8_t error, uint32_t value, uint32_t limit);

/* A program has been begun: `waiting` is the request to answer at its end, or 0. */
void wk_app_started(program_t program, uint8_t waiting);

/* The program has ended. */
void wk_app_ended(void);

/* app_store.c: samples. */
wk_app_status_t wk_app_upload(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_upload_many(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
void wk_app_clear_store(void);
/* Copy a slot (below STORE_SLOTS) into the model's input. */
void wk_app_take_sample(uint32_t slot, uint32_t place);
/* Copy SAMPLE_BYTES that came over the link there; false, and a reply that refuses, if they are no
 * sample. */
bool wk_app_put_sample(uint32_t place, const uint8_t *sample, wk_reply_t *reply);
uint16_t wk_app_label(uint32_t slot);
/* WK_MODEL_INPUTS codes of a slot. */
int8_t *wk_app_codes(uint32_t slot);
/* Somebody has written them: the label is 0 again. False if one was no code; that is 0 then. */
bool wk_app_sensed(uint32_t slot);
void wk_app_copy_sample(uint32_t from, uint32_t to);
/* Byte by byte, in ascending order: the label (u16), then the codes. Putting returns false if one
 * is no class or no code. */
uint8_t wk_app_sample_byte(uint32_t slot, uint32_t offset);
bool wk_app_put_sample_byte(uint32_t slot, uint32_t offset, uint8_t byte);

/* app_sense.c: the sensor. */
wk_app_status_t wk_app_sense_begin(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
void wk_app_sense_slice(void);
wk_app_status_t wk_app_read_sample(const uint8_t *payload, uint32_t size, wk_reply_t *reply);

/* app_masters.c: weights. */
wk_app_status_t wk_app_load_begin(wk_reply_t *reply);
wk_app_status_t wk_app_load_chunk(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_load_commit(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_read_masters(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
void wk_app_commit_slice(void);

/* app_checkpoint.c: what is kept over power cuts. */
/* Looks for the newest checkpoint of this network and loads it: state, rate, rule and policy. */
void wk_app_checkpoint_init(void);
/* The host has changed step or masters: the policy counts from here. */
void wk_app_checkpoint_moved(void);
/* A training step has ended: begin to save if the policy says so. */
void wk_app_checkpoint_turn(void);
void wk_app_checkpoint_evaluated(uint32_t errors, uint32_t samples);
/* One slice of a save or load; false if none is under way. */
bool wk_app_checkpoint_poll(void);
/* Whether a request must wait for its end. */
bool wk_app_checkpoint_holds(uint8_t type);
/* Whether a record with so many bytes behind the masters fits a slot, or there are none; otherwise
 * the reply refuses. */
bool wk_app_checkpoint_fits(uint32_t extra, wk_reply_t *reply);
/* Bits of hello flags. */
uint16_t wk_app_checkpoint_flags(void);
wk_app_status_t wk_app_checkpoint_save(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_checkpoint_load(wk_reply_t *reply);
wk_app_status_t wk_app_checkpoint_finish(uint8_t waiting, wk_reply_t *reply);
wk_app_status_t wk_app_checkpoint_info(wk_reply_t *reply);
wk_app_status_t wk_app_set_policy(const uint8_t *payload, uint32_t size, wk_reply_t *reply);

/* app_compute.c: training, inference and evaluation. */
wk_app_status_t wk_app_batch(uint8_t type, const uint8_t *payload, uint32_t size,
                             wk_reply_t *reply);
wk_app_status_t wk_app_batch_range(uint8_t type, const uint8_t *payload, uint32_t size,
                                   wk_reply_t *reply);
wk_app_status_t wk_app_evaluate(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_train_samples(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_result(wk_reply_t *reply);
wk_app_status_t wk_app_layer_stats(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_read_logits(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_infer_answer(wk_reply_t *reply);
wk_app_status_t wk_app_evaluate_answer(wk_reply_t *reply);
/* The forward pass of an evaluation has ended: count it and begin the next. */
void wk_app_evaluate_next(void);

/* app_health.c: health of layers, where WK_MODEL_HEALTH is 1. */
wk_app_status_t wk_app_set_health(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_health(const uint8_t *payload, uint32_t size, wk_reply_t *reply);

/* app_learn.c: learning by itself. */
void wk_app_learn_init(void);
wk_app_status_t wk_app_learn_plan(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_replay(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_learn(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_learn_rates(const uint8_t *payload, uint32_t size, wk_reply_t *reply);
wk_app_status_t wk_app_learn_stop(void);
wk_app_status_t wk_app_learn_state(wk_reply_t *reply);
/* A step has ended: count it, and begin one on old samples if it is their turn. True if none is
 * left of the group. */
bool wk_app_learn_step_ended(void);
/* Begin the next group, or end. */
void wk_app_learn_next(void);
/* Go on with the program that a checkpoint has brought. */
void wk_app_learn_resume(void);
/* The step under way, with its replay, is the last of the program. */
void wk_app_learn_abandon(void);

/* app_kept.c: learning in checkpoints, WK_KEEP_* of it. */
typedef enum { WK_APP_KEPT_NONE = 0, WK_APP_KEPT_TAKEN = 1, WK_APP_KEPT_REFUSED = 2 } wk_app_kept_t;
void wk_app_kept_init(void);
uint8_t wk_app_kept_level(void);
/* False, and the reply refuses, if a record would no longer fit. */
bool wk_app_kept_set_level(uint8_t level, wk_reply_t *reply);
/* Bytes that a save would add now. */
uint32_t wk_app_kept_bytes(void);
/* Whether records fit with a full reservoir of this capacity while so many samples are learned;
 * otherwise the reply refuses. */
bool wk_app_kept_fits(uint32_t capacity, uint32_t count, wk_reply_t *reply);
void wk_app_kept_load_begins(void);
/* A load has ended, of a record with so many bytes behind the masters (0: or of none): what came.
 */
wk_app_kept_t wk_app_kept_loaded(uint32_t extra);
/* Of what was taken: `learn` was under way. */
bool wk_app_kept_was_active(void);

#endif
