/* How learning by itself stands, behind the masters of a checkpoint.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app_learning.h"

#if WK_HAVE_STORE

#include "wagekit/wk_store.h"
#include "wk_store_format.h"

#define SAMPLE_BYTES (WK_MODEL_INPUTS + 2u)

_Static_assert(WK_KEPT_HEAD_BYTES == 2u * WK_FLASH_BLOCK &&
                   WK_KEPT_AT_RATES_FIRST == WK_FLASH_BLOCK,
               "the head is two blocks, the rates begin the second");

static struct {
    uint32_t count;  /* samples of the record that is written or read */
    uint32_t filled; /* of them, those of the reservoir; they come first */
    uint32_t index;  /* sample and its byte to be written or read next */
    uint32_t offset;
    uint32_t arrived; /* bytes that were read of a record */
    uint8_t level;    /* WK_KEEP_* */
    bool usable;      /* what was read so far fits this firmware */
    bool active;      /* the record was made while `learn` was under way */
} kept;

void wk_app_kept_init(void) {
    kept.level = WK_KEEP_LEARNING;
    kept.arrived = 0;
}

uint8_t wk_app_kept_level(void) {
    return kept.level;
}

static uint32_t bytes_of(uint32_t samples) {
    return WK_KEPT_HEAD_BYTES + samples * SAMPLE_BYTES;
}

bool wk_app_kept_fits(uint32_t capacity, uint32_t count, wk_reply_t *reply) {
    return kept.level == WK_KEEP_NETWORK ||
           wk_app_checkpoint_fits(bytes_of(capacity + (kept.level == WK_KEEP_SAMPLES ? count : 0u)),
                                  reply);
}

static bool is_active(void) {
    return wk_app.program == PROGRAM_LEARN && wk_app_learn_goes_on();
}

bool wk_app_kept_set_level(uint8_t level, wk_reply_t *reply) {
    const uint8_t before = kept.level;
    kept.level = level;
    if (!wk_app_kept_fits(wk_app_learning.replay.capacity, is_active() ? wk_app_learning.count : 0u,
                          reply)) {
        kept.level = before;
    }
    return kept.level == level;
}

static uint32_t samples_now(void) {
    return wk_replay_filled(&wk_app_learning.replay) +
           (kept.level == WK_KEEP_SAMPLES && is_active() ? wk_app_learning.count : 0u);
}

uint32_t wk_app_kept_bytes(void) {
    const bool any = wk_app_learning.planned || wk_app_learning.replay.capacity > 0;
    return kept.level == WK_KEEP_NETWORK || !any ? 0u : bytes_of(samples_now());
}

uint32_t wk_store_extra_bytes(void) {
    kept.filled = wk_replay_filled(&wk_app_learning.replay);
    kept.count = samples_now();
    return wk_app_kept_bytes();
}

/* The slot of the sample at the cursor. */
static uint32_t slot(void) {
    return kept.index < kept.filled ? wk_app_learning.replay_first + kept.index
                                    : wk_app_learning.first + kept.index - kept.filled;
}

static void step_cursor(void) {
    if (++kept.offset == SAMPLE_BYTES) {
        kept.offset = 0;
        kept.index++;
    }
}

static void put_plan(uint8_t *block) {
    const wk_app_learning_t *from = &wk_app_learning;
    const wk_learn_t *learn = &from->learn;
    (void)wk_put_u32(block + WK_KEPT_AT_LEARN_MAGIC, WK_KEPT_MAGIC);
    (void)wk_put_u16(block + WK_KEPT_AT_LEARN_FORMAT, WK_KEPT_FORMAT);
    block[WK_KEPT_AT_RATE_COUNT] = (uint8_t)(from->planned ? learn->plan.rate_count : 0u);
    block[WK_KEPT_AT_WINDOW_LOG2] = (uint8_t)learn->plan.window_log2;
    (void)wk_put_u32(block + WK_KEPT_AT_SAMPLE_CODES, WK_MODEL_INPUTS);
    (void)wk_put_u32(block + WK_KEPT_AT_SAMPLE_COUNT, kept.count);
    (void)wk_put_u32(block + WK_KEPT_AT_PLAN_SAMPLES, learn->plan.samples);
    (void)wk_put_u32(block + WK_KEPT_AT_PLAN_ACCURACY, learn->plan.accuracy);
    (void)wk_put_u32(block + WK_KEPT_AT_PLAN_PATIENCE, learn->plan.patience);
    (void)wk_put_u32(block + WK_KEPT_AT_SEEN, learn->seen);
    (void)wk_put_u32(block + WK_KEPT_AT_WRONG, learn->wrong);
    (void)wk_put_u32(block + WK_KEPT_AT_RUNNING, learn->running);
    (void)wk_put_u32(block + WK_KEPT_AT_BEST, learn->best);
    (void)wk_put_u32(block + WK_KEPT_AT_BEST_AT, learn->best_at);
    (void)wk_put_u32(block + WK_KEPT_AT_OFFERED, from->replay.offered);
    (void)wk_put_u32(block + WK_KEPT_AT_DRAWN, from->replay.drawn);
    (void)wk_put_u32(block + WK_KEPT_AT_REPLAY_SEED, from->replay_seed);
    (void)wk_put_u32(block + WK_KEPT_AT_ORDER_SEED, from->seed);
}

/* Where a part of the head's second block lies in it. */
#define IN_SECOND(at) ((at) - WK_FLASH_BLOCK)

static void put_rates(uint8_t *block) {
    const wk_app_learning_t *from = &wk_app_learning;
    for (uint32_t i = 0; i < WK_FLASH_BLOCK; i++) {
        block[i] = 0xFF;
    }
    for (uint32_t i = 0; i < WK_LEARN_RATES; i++) {
        const bool used = from->planned && i < from->learn.plan.rate_count;
        const wk_learn_rate_t *rate = &from->learn.plan.rates[i];
        (void)wk_put_u32(block + IN_SECOND(WK_KEPT_AT_RATES_FIRST) + 4u * i,
                         used ? rate->first : 0u);
        block[IN_SECOND(WK_KEPT_AT_RATES_LOG2) + i] = used ? (uint8_t)rate->log2_lr : 0u;
    }
    block[IN_SECOND(WK_KEPT_AT_END)] = (uint8_t)from->learn.end;
    block[IN_SECOND(WK_KEPT_AT_REPLAY_STEPS)] = (uint8_t)from->replay_steps;
    (void)wk_put_u16(block + IN_SECOND(WK_KEPT_AT_REPLAY_FIRST), (uint16_t)from->replay_first);
    (void)wk_put_u16(block + IN_SECOND(WK_KEPT_AT_REPLAY_CAPACITY),
                     (uint16_t)from->replay.capacity);
    block[IN_SECOND(WK_KEPT_AT_ACTIVE)] = kept.count > kept.filled;
    block[IN_SECOND(WK_KEPT_AT_ORDER)] = from->order;
    block[IN_SECOND(WK_KEPT_AT_LEARN_RULE)] = (uint8_t)from->rule;
    (void)wk_put_u16(block + IN_SECOND(WK_KEPT_AT_FIRST), (uint16_t)from->first);
    (void)wk_put_u16(block + IN_SECOND(WK_KEPT_AT_COUNT), (uint16_t)from->count);
    (void)wk_put_u16(block + IN_SECOND(WK_KEPT_AT_BATCH), (uint16_t)from->batch);
    (void)wk_put_u32(block + IN_SECOND(WK_KEPT_AT_LEFT), from->left);
}

void wk_store_extra_read(uint32_t at, uint8_t *bytes, uint32_t size) {
    if (at == 0) {
        kept.index = 0;
        kept.offset = 0;
        put_plan(bytes);
        return;
    }
    if (at == WK_FLASH_BLOCK) {
        put_rates(bytes);
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = wk_app_sample_byte(slot(), kept.offset);
        step_cursor();
    }
}

static bool take_plan(const uint8_t *block) {
    wk_app_learning_t *into = &wk_app_learning;
    wk_learn_t *learn = &into->learn;
    kept.count = wk_get_u32(block + WK_KEPT_AT_SAMPLE_COUNT);
    *learn = (wk_learn_t){
        .plan = {.rate_count = block[WK_KEPT_AT_RATE_COUNT],
                 .window_log2 = block[WK_KEPT_AT_WINDOW_LOG2],
                 .samples = wk_get_u32(block + WK_KEPT_AT_PLAN_SAMPLES),
                 .accuracy = wk_get_u32(block + WK_KEPT_AT_PLAN_ACCURACY),
                 .patience = wk_get_u32(block + WK_KEPT_AT_PLAN_PATIENCE)},
        .seen = wk_get_u32(block + WK_KEPT_AT_SEEN),
        .wrong = wk_get_u32(block + WK_KEPT_AT_WRONG),
        .running = wk_get_u32(block + WK_KEPT_AT_RUNNING),
        .best = wk_get_u32(block + WK_KEPT_AT_BEST),
        .best_at = wk_get_u32(block + WK_KEPT_AT_BEST_AT),
    };
    into->replay.offered = wk_get_u32(block + WK_KEPT_AT_OFFERED);
    into->replay.drawn = wk_get_u32(block + WK_KEPT_AT_DRAWN);
    into->replay_seed = wk_get_u32(block + WK_KEPT_AT_REPLAY_SEED);
    into->seed = wk_get_u32(block + WK_KEPT_AT_ORDER_SEED);
    return wk_get_u32(block + WK_KEPT_AT_LEARN_MAGIC) == WK_KEPT_MAGIC &&
           wk_get_u16(block + WK_KEPT_AT_LEARN_FORMAT) == WK_KEPT_FORMAT &&
           wk_get_u32(block + WK_KEPT_AT_SAMPLE_CODES) == WK_MODEL_INPUTS &&
           learn->plan.rate_count <= WK_LEARN_RATES;
}

static bool take_rates(const uint8_t *block) {
    wk_app_learning_t *into = &wk_app_learning;
    wk_learn_plan_t *plan = &into->learn.plan;
    const wk_replay_t counts = into->replay;
    for (uint32_t i = 0; i < plan->rate_count; i++) {
        plan->rates[i].first = wk_get_u32(block + IN_SECOND(WK_KEPT_AT_RATES_FIRST) + 4u * i);
        plan->rates[i].log2_lr = (int8_t)block[IN_SECOND(WK_KEPT_AT_RATES_LOG2) + i];
    }
    into->learn.end = (wk_learn_end_t)block[IN_SECOND(WK_KEPT_AT_END)];
    into->replay_steps = block[IN_SECOND(WK_KEPT_AT_REPLAY_STEPS)];
    into->replay_first = wk_get_u16(block + IN_SECOND(WK_KEPT_AT_REPLAY_FIRST));
    wk_replay_init(&into->replay, wk_get_u16(block + IN_SECOND(WK_KEPT_AT_REPLAY_CAPACITY)),
                   into->replay_seed);
    into->replay.offered = counts.offered;
    into->replay.drawn = counts.drawn;
    kept.active = block[IN_SECOND(WK_KEPT_AT_ACTIVE)] != 0;
    into->order = block[IN_SECOND(WK_KEPT_AT_ORDER)];
    into->rule = (wk_rule_t)block[IN_SECOND(WK_KEPT_AT_LEARN_RULE)];
    into->first = wk_get_u16(block + IN_SECOND(WK_KEPT_AT_FIRST));
    into->count = wk_get_u16(block + IN_SECOND(WK_KEPT_AT_COUNT));
    into->batch = wk_get_u16(block + IN_SECOND(WK_KEPT_AT_BATCH));
    into->left = wk_get_u32(block + IN_SECOND(WK_KEPT_AT_LEFT));
    into->planned = plan->rate_count > 0;
    kept.filled = wk_replay_filled(&into->replay);
    uint32_t value = 0, limit = 0;
    return (!into->planned || wk_learn_is_valid(plan)) && into->learn.end <= WK_LEARN_ASKED &&
           into->replay_first + into->replay.capacity <= STORE_SLOTS &&
           (!kept.active ||
            (WK_MODEL_TRAINING && into->planned && wk_app_learn_refusal(&value, &limit) == 0)) &&
           kept.count == kept.filled + (kept.active ? into->count : 0u);
}

static bool take_samples(const uint8_t *bytes, uint32_t size) {
    bool valid = true;
    for (uint32_t i = 0; i < size && kept.index < kept.count; i++) {
        valid = wk_app_put_sample_byte(slot(), kept.offset, bytes[i]) && valid;
        step_cursor();
    }
    return valid;
}

void wk_store_extra_write(uint32_t at, const uint8_t *bytes, uint32_t size) {
    if (at == 0) { /* a record begins, perhaps after one that went bad */
        kept.arrived = 0;
        kept.index = 0;
        kept.offset = 0;
        kept.usable = true;
    }
    kept.arrived += size;
    if (!kept.usable) {
        return;
    }
    if (at < WK_KEPT_HEAD_BYTES) {
        kept.usable = size == WK_FLASH_BLOCK && (at == 0 ? take_plan(bytes) : take_rates(bytes));
    } else {
        kept.usable = take_samples(bytes, size);
    }
}

void wk_app_kept_load_begins(void) {
    kept.arrived = 0;
}

wk_app_kept_t wk_app_kept_loaded(uint32_t extra) {
    if (kept.arrived == 0) {
        return WK_APP_KEPT_NONE; /* no record had any: what there is stays */
    }
    if (kept.usable && kept.arrived == extra && extra == bytes_of(kept.count)) {
        return WK_APP_KEPT_TAKEN;
    }
    wk_app_learn_init();
    return extra > 0 ? WK_APP_KEPT_REFUSED : WK_APP_KEPT_NONE;
}

bool wk_app_kept_was_active(void) {
    return kept.active;
}

#else /* no checkpoints */

bool wk_app_kept_fits(uint32_t capacity, uint32_t count, wk_reply_t *reply) {
    (void)capacity;
    (void)count;
    (void)reply;
    return true;
}

#endif
