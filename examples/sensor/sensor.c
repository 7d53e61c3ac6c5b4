/* A sensor that is none: 8x8 points, in which a bar moves over a noisy ground. A real one would
 * read a camera, a microphone or an accelerometer here. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_encode.h"
#include "wagekit/wk_sense.h"
#include "wk_model.h"

#define SIDE 8u
#define KINDS 4u
#define ACTIVATION_BITS 8u

static uint32_t state = 2463534242u;

/* Numbers that look like chance and are the same after each reset (xorshift). */
static uint32_t draw(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (state >> 8) % below;
}

/* How far a point lies from the bar, which is level, upright, falling or rising. */
static uint32_t distance(uint32_t kind, uint32_t place, uint32_t row, uint32_t column) {
    const uint32_t along[KINDS] = {row, column, (row - column) % SIDE, (row + column) % SIDE};
    const uint32_t apart = (along[kind] - place) % SIDE;
    return apart < SIDE - apart ? apart : SIDE - apart;
}

wk_status_t wk_app_sense(int8_t *codes) {
    uint8_t points[SIDE * SIDE];
    const uint32_t kind = draw(KINDS), place = draw(SIDE);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        const uint32_t lit = distance(kind, place, i / SIDE, i % SIDE) == 0 ? 160u : 0u;
        points[i] = (uint8_t)(lit + draw(90));
    }
    wk_encode_centered(points, SIDE * SIDE, ACTIVATION_BITS, codes);
    return WK_OK;
}
