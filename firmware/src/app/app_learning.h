/* Where learning by itself is. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_APP_LEARNING_H
#define WK_APP_LEARNING_H

#include "app_state.h"
#include "wagekit/wk_learn.h"

enum { ORDER_IN_TURN, ORDER_DRAWN };

typedef struct {
    wk_learn_t learn;
    wk_replay_t replay;
    uint32_t replay_first; /* slot of the reservoir's first place */
    uint32_t replay_steps; /* steps on old samples after each step on new ones */
    uint32_t replay_seed;
    uint32_t replay_left;  /* of the steps, still to make */
    uint32_t first, count; /* slots to learn */
    uint32_t batch, seed;
    uint32_t left;  /* samples until the program ends, at most */
    uint32_t group; /* new samples of the present step and its replay */
    uint32_t at;    /* `seen` when the group began */
    wk_rule_t rule;
    uint8_t order;
    bool planned;
    bool is_new; /* the step under way is on new samples */
} wk_app_learning_t;

extern wk_app_learning_t wk_app_learning;

/* Whether the program goes on behind the present group. */
bool wk_app_learn_goes_on(void);

/* Whether `count` slots from `first` on can be learned as wk_app_learning says; otherwise the
 * error, and `*value` and `*limit` say more. */
uint8_t wk_app_learn_refusal(uint32_t *value, uint32_t *limit);

#endif
