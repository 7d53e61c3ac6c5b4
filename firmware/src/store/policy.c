/* When to save. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_policy.h"

void wk_policy_start(wk_policy_state_t *state, uint32_t step) {
    *state = (wk_policy_state_t){.saved_step = step};
}

void wk_policy_command(wk_policy_state_t *state) {
    state->commanded = true;
}

/* errors/samples + margin/65536 <= best_errors/best_samples, in whole numbers. Counts above 2^16
 * are halved first, both alike, so that the products keep within 64 bits. */
static bool is_better(const wk_policy_state_t *state, uint32_t errors, uint32_t samples,
                      uint32_t margin) {
    uint64_t best_errors = state->best_errors, best_samples = state->best_samples;
    uint64_t now_errors = errors, now_samples = samples;
    while (best_samples > 0xFFFFu) {
        best_errors >>= 1;
        best_samples >>= 1;
    }
    while (now_samples > 0xFFFFu) {
        now_errors >>= 1;
        now_samples >>= 1;
    }
    const uint64_t now = (now_errors << 16) + (uint64_t)margin * now_samples;
    return now * best_samples <= (best_errors << 16) * now_samples;
}

void wk_policy_evaluated(const wk_policy_t *policy, wk_policy_state_t *state, uint32_t errors,
                         uint32_t samples) {
    if (state->best_samples == 0) { /* the first evaluation is what others are compared with */
        state->best_errors = errors;
        state->best_samples = samples;
        return;
    }
    if (policy->improvement > 0 && is_better(state, errors, samples, policy->improvement)) {
        state->improved = true;
        state->best_errors = errors;
        state->best_samples = samples;
    }
}

bool wk_policy_due(const wk_policy_t *policy, const wk_policy_state_t *state, uint32_t step,
                   uint64_t ticks) {
    if (state->commanded) {
        return true;
    }
    if (state->ever && ticks - state->saved_ticks < policy->spacing) {
        return false;
    }
    /* An improvement that training has since gone on from is worth saving as it is now. */
    return state->improved || (policy->every > 0 && step - state->saved_step >= policy->every);
}

void wk_policy_begun(wk_policy_state_t *state, uint32_t step, uint64_t ticks) {
    state->saved_step = step;
    state->saved_ticks = ticks;
    state->commanded = false;
    state->improved = false;
    state->ever = true;
}
