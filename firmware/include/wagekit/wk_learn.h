/* Learning without a host: rates over time, running accuracy, when to stop, and a reservoir of
 * samples that were seen. SPDX-License-Identifier: Apache-2.0
 *
 * Nothing here knows a network: the caller learns, and tells what wk_model_stats said. */
#ifndef WK_LEARN_H
#define WK_LEARN_H

#include "wagekit/wagekit.h"
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WK_LEARN_RATES 8u
/* The running accuracy that stands for 1. */
#define WK_LEARN_ONE (1u << 20)
#define WK_LEARN_WINDOW_MAX 10u

/* From sample `first` on (counted from the begin) the rate is 2^log2_lr. */
typedef struct {
    uint32_t first;
    int32_t log2_lr;
} wk_learn_rate_t;

/* How to learn, and when to stop; the first limit that is reached stops. */
typedef struct {
    wk_learn_rate_t rates[WK_LEARN_RATES]; /* the first begins at 0, the others grow */
    uint32_t rate_count;                   /* 1..WK_LEARN_RATES */
    uint32_t window_log2; /* 1..WK_LEARN_WINDOW_MAX: weight 2^-window_log2 of the newest sample */
    uint32_t samples;     /* stop after so many; 0: no limit */
    uint32_t accuracy; /* stop when so much of WK_LEARN_ONE is right; 0: no limit; judged from the
                          end of the first window on, as `patience` is */
    uint32_t patience; /* stop after so many samples without a new best; 0: no limit */
} wk_learn_plan_t;

/* Stable numbers: they travel over the link. */
typedef enum {
    WK_LEARN_GOES_ON = 0,
    WK_LEARN_SAMPLES = 1,  /* as many as planned */
    WK_LEARN_ACCURACY = 2, /* good enough */
    WK_LEARN_PATIENCE = 3, /* no longer better */
    WK_LEARN_ASKED = 4,    /* wk_learn_stop */
} wk_learn_end_t;

typedef struct {
    wk_learn_plan_t plan;
    uint32_t seen;    /* samples learned, saturated at 2^32 - 1 */
    uint32_t wrong;   /* of them, those classified wrongly before they were learned */
    uint32_t running; /* running accuracy, 0..WK_LEARN_ONE: each sample before it was learned */
    uint32_t best;    /* its largest value since the end of the first window */
    uint32_t best_at; /* `seen` when it was reached */
    wk_learn_end_t end;
} wk_learn_t;

/* Whether a plan is within its limits. */
bool wk_learn_is_valid(const wk_learn_plan_t *plan);

/* Begin at sample 0. WK_ERR_RANGE, and nothing changed, for a plan outside its limits. */
wk_status_t wk_learn_begin(wk_learn_t *learn, const wk_learn_plan_t *plan);

/* The log2_lr of the next step. */
int32_t wk_learn_rate(const wk_learn_t *learn);

/* A step was made with `samples`, `errors` of which were classified wrongly before it (in a batch
 * these count as the first ones). Returns whether to go on. */
bool wk_learn_observe(wk_learn_t *learn, uint32_t samples, uint32_t errors);

/* No more steps. */
void wk_learn_stop(wk_learn_t *learn);

/* Which of `count` (1..65536) samples is learned as number `n`: drawn anew for each number. */
uint32_t wk_learn_draw(uint32_t seed, uint32_t n, uint32_t count);

/* A reservoir: `capacity` places for samples, whose memory is the caller's. After any number of
 * offers each sample that was offered lies in it with the same probability. */
typedef struct {
    uint32_t capacity; /* 0: off */
    uint32_t offered;  /* saturated at 2^32 - 1 */
    uint32_t drawn;
    uint32_t offer_key, draw_key;
} wk_replay_t;

void wk_replay_init(wk_replay_t *replay, uint32_t capacity, uint32_t seed);

/* Places that hold a sample. */
uint32_t wk_replay_filled(const wk_replay_t *replay);

/* A sample was seen: true if it is to be stored, over what was there, in `*place`. */
bool wk_replay_offer(wk_replay_t *replay, uint32_t *place);

/* A place with a sample to learn again; false if there is none. */
bool wk_replay_draw(wk_replay_t *replay, uint32_t *place);

#ifdef __cplusplus
}
#endif

#endif
