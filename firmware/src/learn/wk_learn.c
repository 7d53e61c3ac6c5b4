/* Rates, running accuracy and the stop rule. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_learn.h"
#include "wk_draw.h"

bool wk_learn_is_valid(const wk_learn_plan_t *plan) {
    if (plan->rate_count < 1 || plan->rate_count > WK_LEARN_RATES || plan->rates[0].first != 0 ||
        plan->window_log2 < 1 || plan->window_log2 > WK_LEARN_WINDOW_MAX ||
        plan->accuracy > WK_LEARN_ONE) {
        return false;
    }
    for (uint32_t i = 0; i < plan->rate_count; i++) {
        const wk_learn_rate_t *rate = &plan->rates[i];
        if (rate->log2_lr < WK_LOG2_LR_MIN || rate->log2_lr > WK_LOG2_LR_MAX ||
            (i > 0 && rate->first <= plan->rates[i - 1u].first)) {
            return false;
        }
    }
    return true;
}

wk_status_t wk_learn_begin(wk_learn_t *learn, const wk_learn_plan_t *plan) {
    if (!wk_learn_is_valid(plan)) {
        return WK_ERR_RANGE;
    }
    *learn = (wk_learn_t){.plan = *plan, .end = WK_LEARN_GOES_ON};
    return WK_OK;
}

int32_t wk_learn_rate(const wk_learn_t *learn) {
    int32_t rate = learn->plan.rates[0].log2_lr;
    for (uint32_t i = 1; i < learn->plan.rate_count; i++) {
        if (learn->seen >= learn->plan.rates[i].first) {
            rate = learn->plan.rates[i].log2_lr;
        }
    }
    return rate;
}

/* The mean while the first window fills, then an exponentially weighted one. */
static void count_sample(wk_learn_t *learn, bool right) {
    const uint32_t log2 = learn->plan.window_log2;
    learn->seen += learn->seen < UINT32_MAX;
    learn->wrong += !right && learn->wrong < UINT32_MAX;
    if (learn->seen <= 1u << log2) {
        learn->running = (learn->seen - learn->wrong) * WK_LEARN_ONE / learn->seen;
    } else {
        learn->running -= learn->running >> log2;
        learn->running += right ? WK_LEARN_ONE >> log2 : 0u;
    }
    if (learn->seen >= 1u << log2 && learn->running > learn->best) {
        learn->best = learn->running;
        learn->best_at = learn->seen;
    }
}

bool wk_learn_observe(wk_learn_t *learn, uint32_t samples, uint32_t errors) {
    const wk_learn_plan_t *plan = &learn->plan;
    for (uint32_t i = 0; i < samples; i++) {
        count_sample(learn, i >= errors);
    }
    const uint32_t window = 1u << plan->window_log2;
    const uint32_t since = learn->best_at > window ? learn->best_at : window;
    if (learn->end != WK_LEARN_GOES_ON) {
        return false;
    }
    if (plan->samples > 0 && learn->seen >= plan->samples) {
        learn->end = WK_LEARN_SAMPLES;
    } else if (plan->accuracy > 0 && learn->best >= plan->accuracy) {
        learn->end = WK_LEARN_ACCURACY;
    } else if (plan->patience > 0 && learn->seen > since && learn->seen - since >= plan->patience) {
        learn->end = WK_LEARN_PATIENCE;
    }
    return learn->end == WK_LEARN_GOES_ON;
}

void wk_learn_stop(wk_learn_t *learn) {
    if (learn->end == WK_LEARN_GOES_ON) {
        learn->end = WK_LEARN_ASKED;
    }
}

uint32_t wk_learn_draw(uint32_t seed, uint32_t n, uint32_t count) {
    return wk_below(wk_mix(wk_draw_key(seed, WK_DRAW_ORDER) + n), count);
}
