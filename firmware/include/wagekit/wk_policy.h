/* When to save: every so many steps, on improvement, on command, and never too often.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `spacing` bounds the wear by itself: whatever the training does, a day of T ticks sees at most
 * T / spacing + 1 saves, those on command apart. */
#ifndef WK_POLICY_H
#define WK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t every;       /* steps between saves; 0: not by steps */
    uint32_t improvement; /* save when an evaluation's share of errors is at least so many
                             65536ths below the best so far; 0: not by improvement */
    uint64_t spacing;     /* ticks between the begin of one save and of the next */
} wk_policy_t;

typedef struct {
    uint64_t saved_ticks;
    uint32_t saved_step;
    uint32_t best_errors, best_samples; /* of the last evaluation that was an improvement */
    bool commanded, improved;
    bool ever; /* a save was begun since the start */
} wk_policy_state_t;

/* At start, and after a load: `step` is saved already. */
void wk_policy_start(wk_policy_state_t *state, uint32_t step);

/* A save is wanted now. */
void wk_policy_command(wk_policy_state_t *state);

/* An evaluation has ended with so many errors among so many samples (at least 1). */
void wk_policy_evaluated(const wk_policy_t *policy, wk_policy_state_t *state, uint32_t errors,
                         uint32_t samples);

/* Whether to begin a save now; `ticks` only grow. */
bool wk_policy_due(const wk_policy_t *policy, const wk_policy_state_t *state, uint32_t step,
                   uint64_t ticks);

/* A save of this step has begun. */
void wk_policy_begun(wk_policy_state_t *state, uint32_t step, uint64_t ticks);

#endif
