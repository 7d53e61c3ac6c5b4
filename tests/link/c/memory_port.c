/* A board that is memory. SPDX-License-Identifier: Apache-2.0 */
#include "memory_port.h"
#include "wagekit/wk_app.h"
#include "wagekit/wk_fault.h"
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"
#include <setjmp.h>
#include <string.h>

static uint8_t ring[WK_RX_RING_BYTES];
static uint32_t ring_count, overruns;
static uint8_t sent[1u << 18];
static uint32_t sent_count;
static uint64_t ticks;
static jmp_buf turn;
static int ended;
static int computed;

void wk_port_init(void) {
}

uint32_t wk_port_received(const uint8_t **bytes, uint32_t least) {
    *bytes = ring;
    return ring_count >= least || memchr(ring, 0, ring_count) ? ring_count : 0;
}

void wk_port_release(uint32_t count) {
    memmove(ring, ring + count, ring_count - count);
    ring_count -= count;
}

void wk_port_idle(void) {
}

uint32_t wk_port_overruns(void) {
    return overruns;
}

void wk_port_write(const uint8_t *bytes, uint32_t size) {
    if (size <= sizeof sent - sent_count) {
        memcpy(sent + sent_count, bytes, size);
        sent_count += size;
    }
}

uint64_t wk_port_ticks(void) {
    return ticks++;
}

void wk_port_feed_watchdog(void) {
}

uint32_t wk_port_stack_free(void) {
    return 1234;
}

_Noreturn void wk_port_reset(void) {
    ended = BOARD_RESET;
    longjmp(turn, 1);
}

_Noreturn void wk_port_exit(int code) {
    ended = code;
    longjmp(turn, 1);
}

void board_reset(void) {
    ring_count = 0;
    overruns = 0;
    ended = BOARD_RUNS;
    wk_port_init();
    wk_app_init();
    wk_link_init();
}

uint32_t board_room(void) {
    return (uint32_t)sizeof ring - ring_count;
}

void board_feed(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        if (ring_count < sizeof ring) {
            ring[ring_count++] = bytes[i];
        } else {
            overruns++;
        }
    }
}

uint32_t board_take(uint8_t *bytes, uint32_t size) {
    const uint32_t count = size < sent_count ? size : sent_count;
    memcpy(bytes, sent, count);
    memmove(sent, sent + count, sent_count - count);
    sent_count -= count;
    return count;
}

void board_pass(uint32_t microseconds) {
    ticks += microseconds;
}

int board_turn(void) {
    if (ended == BOARD_RUNS && setjmp(turn) == 0) {
        (void)wk_link_poll();
        computed = wk_app_poll();
        if (!computed) {
            wk_port_idle();
        }
        wk_port_feed_watchdog();
    }
    return ended;
}

int board_computed(void) {
    return computed;
}

uint32_t board_overruns(void) {
    return overruns;
}

void board_fault(void) {
    const wk_fault_info_t info = {
        .cause = WK_FAULT_ASSERT,
        .pc = 0x1234,
        .sp = 0x20001000,
        .file = WK_FILE('t', 'e', 's', 't'),
        .line = 77,
    };
    const uint8_t half_a_frame[] = {9, 1, 2, 3};
    wk_port_write(half_a_frame, sizeof half_a_frame);
    wk_link_send_fault(&info);
    ended = 100 + WK_FAULT_ASSERT;
}

void board_log(const char *text) {
    wk_link_log(20, text);
}
