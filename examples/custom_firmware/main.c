/* A firmware of one's own that learns while it does its own work, without wagekit's link.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The work here is a control loop that must come round often. Between its turns the network
 * learns to name the shape of a sensor's oscillation, one slice of a training step at a time; at
 * the end it is asked about signals that it has not seen. */
#include "wagekit/wagekit.h"
#include "wagekit/wk_port.h"
#include "wk_model.h"

#define STEPS 400u
#define TESTS 200u
#define REPORT_EVERY 50u
#define LOG2_RATE 3 /* learns at 2^3, scaled down as the errors shrink */
#define WANTED_PERCENT 90u

static wk_model_t model;

/* ---- The work that must not wait. ---- */

static struct {
    uint32_t turns;
    uint64_t last, longest; /* ticks */
} control;

static void control_turn(void) {
    const uint64_t now = wk_port_ticks();
    if (control.turns++ > 0 && now - control.last > control.longest) {
        control.longest = now - control.last;
    }
    control.last = now;
    wk_port_feed_watchdog();
}

/* ---- The sensor: a square, triangle or ramp of some height, phase and noise. ---- */

static uint32_t noise = 12345;

static uint32_t draw(uint32_t below) {
    noise = noise * 1664525u + 1013904223u;
    return (noise >> 16) % below;
}

static int32_t shape_value(uint16_t shape, uint32_t phase) {
    const int32_t at = (int32_t)(phase & 15u) - 8; /* -8..7, one period */
    switch (shape) {
    case 0:
        return at < 0 ? -8 : 8;
    case 1:
        return (at < 0 ? -at : at) * 2 - 8;
    default:
        return at;
    }
}

/* Put a signal of the given shape into the network's input, sample by sample as it is read. */
static void sense(uint32_t place, uint16_t shape) {
    int8_t *input = wk_model_input(&model, place);
    const int32_t height = 6 + (int32_t)draw(8);
    const uint32_t phase = draw(16);
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        const int32_t value = shape_value(shape, phase + i) * height + (int32_t)draw(31) - 15;
        input[i] = (int8_t)value; /* 128 less than the sensor's reading, as `centered` wants it */
    }
    control_turn();
}

/* ---- Words over the serial line. ---- */

static void say(const char *text) {
    uint32_t size = 0;
    while (text[size] != '\0') {
        size++;
    }
    wk_port_write((const uint8_t *)text, size);
}

static void say_number(uint32_t number) {
    uint8_t digits[10];
    uint32_t first = sizeof digits;
    do {
        digits[--first] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    wk_port_write(digits + first, sizeof digits - first);
}

/* ---- Learning and asking. ---- */

/* Run what was begun, a slice between two turns of the control loop. */
static void finish(void) {
    while (wk_model_poll(&model) == WK_BUSY) {
        control_turn();
    }
}

/* One training step; its errors. */
static uint32_t learn_batch(void) {
    uint16_t labels[WK_MODEL_BATCH];
    for (uint32_t i = 0; i < WK_MODEL_BATCH; i++) {
        labels[i] = (uint16_t)draw(WK_MODEL_CLASSES);
        sense(i, labels[i]);
    }
    (void)wk_model_begin_step(&model, WK_MODEL_BATCH, labels, LOG2_RATE, WK_RULE_ERROR_SCALED);
    finish();
    return wk_model_stats(&model)->errors;
}

static uint32_t count_right(uint32_t tests) {
    uint32_t right = 0;
    for (uint32_t i = 0; i < tests; i++) {
        const uint16_t shape = (uint16_t)draw(WK_MODEL_CLASSES);
        sense(0, shape);
        (void)wk_model_begin_forward(&model, 1);
        finish();
        right += wk_model_predicted(&model, 0) == shape;
    }
    return right;
}

int main(void) {
    wk_port_init();
    wk_model_init(&model, 7); /* with the masters that were built in */
    say("before: ");
    say_number(count_right(TESTS) * 100u / TESTS);
    say(" % right\n");
    uint32_t errors = 0;
    for (uint32_t step = 1; step <= STEPS; step++) {
        errors += learn_batch();
        if (step % REPORT_EVERY == 0) {
            say("step ");
            say_number(step);
            say(": ");
            say_number(errors);
            say(" wrong of ");
            say_number(REPORT_EVERY * WK_MODEL_BATCH);
            say("\n");
            errors = 0;
        }
    }
    const uint32_t percent = count_right(TESTS) * 100u / TESTS;
    say("after: ");
    say_number(percent);
    say(" % right\ncontrol loop: ");
    say_number(control.turns);
    say(" turns, at most ");
    say_number((uint32_t)control.longest);
    say(" ticks apart\nstack: ");
    say_number(wk_port_stack_free());
    say(" bytes never used\n");
    return percent >= WANTED_PERCENT ? 0 : 1; /* the code that QEMU ends with */
}
