/* A serial device, the interrupts of a processor, and a line. Interrupts come wherever the code
 * that is tested touches the device. SPDX-License-Identifier: Apache-2.0 */
#include "device.h"
#include "wk_board.h"
#include "wk_cortex.h"
#include <string.h>

#define MOST 65536u
#define PATIENCE 1000u

static uint8_t line[MOST], incoming[64], outgoing[64];
static uint32_t line_count, incoming_count, outgoing_count;
static uint32_t room, pace, state, standing;
static bool by_edge, by_one, wanted, byte_left, in_handler, waited_for, enabled[2];

static uint32_t draw(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static void leave(void) {
    if (outgoing_count > 0) {
        line[line_count++ % MOST] = outgoing[0];
        memmove(outgoing, outgoing + 1, --outgoing_count);
        byte_left = byte_left || wanted;
    }
}

static bool receive_pending(void) {
    return incoming_count > 0;
}

static bool room_pending(void) {
    return wanted && (by_edge ? byte_left : outgoing_count < room);
}

static void call(void (*handler)(void)) {
    in_handler = true;
    handler();
    in_handler = false;
}

void WK_IRQ_HANDLER(WK_UART_IRQ)(void);
#if WK_UART_TX_IRQ != WK_UART_IRQ
void WK_IRQ_HANDLER(WK_UART_TX_IRQ)(void);
#endif

static void serve(void) {
    if (in_handler) {
        return;
    }
#if WK_UART_TX_IRQ == WK_UART_IRQ
    while (enabled[WK_UART_IRQ] && (receive_pending() || room_pending())) {
        call(WK_IRQ_HANDLER(WK_UART_IRQ));
    }
#else
    while ((enabled[WK_UART_IRQ] && receive_pending()) ||
           (enabled[WK_UART_TX_IRQ] && room_pending())) {
        if (enabled[WK_UART_IRQ] && receive_pending()) {
            call(WK_IRQ_HANDLER(WK_UART_IRQ));
        } else {
            call(WK_IRQ_HANDLER(WK_UART_TX_IRQ));
        }
    }
#endif
}

static void place(void) {
    if (pace > 0 && draw() % pace == 0) {
        leave();
    }
    if (++standing > PATIENCE) {
        waited_for = true;
        leave();
    }
    if (pace == 0 || draw() % 4u != 0) { /* or a little later */
        serve();
    }
}

void device_begin(uint32_t depth, bool edge, bool one, uint32_t chosen, uint32_t seed) {
    line_count = incoming_count = outgoing_count = standing = 0;
    wanted = byte_left = waited_for = enabled[0] = enabled[1] = false;
    room = depth;
    by_edge = edge;
    by_one = one;
    pace = chosen;
    state = seed;
}

void device_pass(uint32_t bytes) {
    standing = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        leave();
        serve();
    }
}

uint32_t device_feed(const uint8_t *bytes, uint32_t size) {
    uint32_t count = 0;
    while (count < size && incoming_count < room) {
        incoming[incoming_count++] = bytes[count++];
        serve();
    }
    return count;
}

uint32_t device_sent(uint8_t *bytes, uint32_t size) {
    const uint32_t count = size < line_count ? size : line_count;
    memcpy(bytes, line, count);
    return count;
}

bool device_was_waited_for(void) {
    return waited_for;
}

void wk_uart_init(void) {
}

uint32_t wk_uart_take(uint8_t *bytes, uint32_t most) {
    place();
    uint32_t count = most < incoming_count ? most : incoming_count;
    if (by_one && count > 1) {
        count = 1;
    }
    memcpy(bytes, incoming, count);
    incoming_count -= count;
    memmove(incoming, incoming + count, incoming_count);
    place();
    return count;
}

bool wk_uart_put(uint8_t byte) {
    place();
    byte_left = false;
    if (outgoing_count == room) {
        place(); /* a byte leaves before the caller knows what to do about it */
        return false;
    }
    outgoing[outgoing_count++] = byte;
    standing = 0;
    place();
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    place();
    wanted = on;
    byte_left = byte_left && on;
    place();
}

void wk_uart_flush(void) {
    while (outgoing_count > 0) {
        leave();
    }
}

uint32_t wk_uart_overruns(void) {
    return 0;
}

void wk_nvic_enable(uint32_t irq) {
    enabled[irq] = true;
    place();
}

void wk_nvic_disable(uint32_t irq) {
    place();
    enabled[irq] = false;
}

uint32_t wk_irq_save(void) {
    return 0;
}

void wk_irq_restore(uint32_t before) {
    (void)before;
}
