/* Feeds the link with noise, damaged frames and well-formed nonsense, under sanitizers:
 * fuzz SEED ROUNDS. SPDX-License-Identifier: Apache-2.0 */
#include "memory_port.h"
#include "wagekit/wk_link.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION 0x4321u

static uint32_t state;
static uint16_t sequence;

static uint32_t draw(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static void fill(uint8_t *bytes, uint32_t size) {
    const uint32_t kind = draw(3);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = kind == 0 ? (uint8_t)draw(256) : (uint8_t)(draw(8) ? 0 : draw(256));
    }
}

/* Bytes on the wire of a frame with this header and payload. */
static uint32_t wire_frame(uint8_t *wire, uint32_t room, uint8_t type, uint32_t payload_size) {
    uint8_t frame[WK_LINK_BUFFER_BYTES + 64];
    uint8_t *at = wk_put_u8(frame, draw(50) ? WK_PROTOCOL_VERSION : (uint8_t)draw(256));
    at = wk_put_u16(at, draw(50) ? SESSION : (uint16_t)draw(65536));
    at = wk_put_u16(at, draw(20) ? sequence : (uint16_t)(sequence + draw(5) - 2u));
    at = wk_put_u8(at, type);
    at = wk_put_u8(at, 0);
    fill(at, payload_size);
    if (type == WK_MSG_HELLO && payload_size >= 4) {
        (void)wk_put_u32(at, SESSION);
    }
    static uint8_t drain[1u << 18];
    (void)board_take(drain, sizeof drain);
    wk_send_frame(frame, WK_HEADER_BYTES + payload_size);
    return board_take(wire, room);
}

static void feed_patiently(const uint8_t *bytes, uint32_t size) {
    while (size > 0) {
        const uint32_t room = board_room();
        const uint32_t part = size < room ? size : room;
        board_feed(bytes, part);
        bytes += part;
        size -= part;
        board_pass(draw(4000));
        if (board_turn() != BOARD_RUNS) {
            board_reset();
            sequence = 0;
        }
    }
}

static void round_of_fuzz(void) {
    uint8_t wire[4096];
    uint32_t size;
    const uint32_t kind = draw(16);
    if (kind == 0) {
        size = draw(sizeof wire);
        fill(wire, size);
        board_feed(wire, size); /* may overrun the ring */
        size = 0;
    } else {
        const uint8_t type = sequence == 0 ? WK_MSG_HELLO : (uint8_t)draw(0x28);
        const uint32_t largest = WK_FRAME_BYTES + 30u;
        size = wire_frame(wire, sizeof wire, type, draw(4) ? draw(40) : draw(largest));
        if (type == WK_MSG_HELLO && sequence != 0) {
            size = wire_frame(wire, sizeof wire, WK_MSG_COUNTERS, 0);
        }
        if (kind == 1 && size > 0) {
            wire[draw(size)] = (uint8_t)draw(256);
        }
        sequence++;
    }
    feed_patiently(wire, size);
    for (uint32_t i = draw(12); i > 0; i--) {
        board_pass(draw(4000));
        if (board_turn() != BOARD_RUNS) {
            board_reset();
            sequence = 0;
        }
    }
    if (draw(40) == 0) {
        sequence = 0; /* open again */
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    state = (uint32_t)strtoul(argv[1], NULL, 10) * 2654435761u + 1u;
    const uint32_t rounds = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t frames = 0;
    board_reset();
    for (uint32_t i = 0; i < rounds; i++) {
        round_of_fuzz();
        frames = wk_link_stats()->frames > frames ? wk_link_stats()->frames : frames;
    }
    printf("%u\n", (unsigned)frames);
    return 0;
}
