/* The rings between the serial interrupt and the firmware: received bytes wait in one, bytes to be
 * sent in the other, so that the firmware computes while they come and go.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define RX_MASK (WK_RX_RING_BYTES - 1u)
#define TX_MASK (WK_TX_RING_BYTES - 1u)
_Static_assert((WK_RX_RING_BYTES & RX_MASK) == 0, "the receive ring is a power of two");
_Static_assert((WK_TX_RING_BYTES & TX_MASK) == 0, "the transmit ring is a power of two");

static uint8_t rx_ring[WK_RX_RING_BYTES], tx_ring[WK_TX_RING_BYTES];
/* Bytes ever put in and taken out: they wrap at 2^32, and only one side writes each. */
static volatile uint32_t received, taken, queued, sent;
/* `received` as it was just behind the last zero that came. */
static volatile uint32_t behind_zero;
/* `received` as it was when there was nothing to give. */
static uint32_t looked_at;
static volatile bool paused;
/* Bytes wait in the transmit ring, and the device interrupts when it has room. While this is false
 * the interrupt touches nothing of the ring. */
static volatile bool sending;

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Moves what the device holds into the ring. When that is full the interrupt is masked and the
 * byte stays in the device: an emulator holds its sender back, a real line overruns and counts.
 * The mask is the NVIC's, because not every emulated device lowers its line when its own
 * interrupt enable is cleared. */
static void drain(void) {
    uint32_t count = received;
    uint32_t room;
    while ((room = WK_RX_RING_BYTES - (count - taken)) > 0) {
        const uint32_t place = count & RX_MASK;
        const uint32_t most = smaller(room, WK_RX_RING_BYTES - place);
        const uint32_t came = wk_uart_take(rx_ring + place, most);
        for (uint32_t i = 0; i < came; i++) {
            count++;
            if (rx_ring[place + i] == 0) {
                behind_zero = count;
            }
        }
        __asm volatile("" ::: "memory"); /* the bytes, then the count */
        received = count;
        if (came < most) {
            return;
        }
    }
    paused = true;
    wk_nvic_disable(WK_UART_IRQ);
}

/* Gives the device what it has room for; with the interrupt masked, or from it. By itself, so that
 * the interrupt of a received byte saves no registers for it. */
static __attribute__((noinline)) void pump(void) {
    uint32_t count = sent;
    while (count != queued && wk_uart_put(tx_ring[count & TX_MASK])) {
        sent = ++count;
    }
    if (count == queued) {
        sending = false;
        wk_uart_interrupt_on_room(false);
    }
}

void WK_IRQ_HANDLER(WK_UART_IRQ)(void);
#if WK_UART_TX_IRQ == WK_UART_IRQ
void WK_IRQ_HANDLER(WK_UART_IRQ)(void) {
    drain();
    if (sending) {
        pump();
    }
}
#else
void WK_IRQ_HANDLER(WK_UART_IRQ)(void) {
    drain();
}

void WK_IRQ_HANDLER(WK_UART_TX_IRQ)(void);
void WK_IRQ_HANDLER(WK_UART_TX_IRQ)(void) {
    if (sending) {
        pump();
    }
}
#endif

/* Pumps in the place of the interrupt, which may be masked: a fault is reported like that. */
static __attribute__((noinline)) void pump_by_hand(void) {
    wk_nvic_disable(WK_UART_TX_IRQ);
    pump();
    if (WK_UART_TX_IRQ != WK_UART_IRQ || !paused) {
        wk_nvic_enable(WK_UART_TX_IRQ);
    }
}

void wk_serial_init(void) {
    wk_uart_init();
    wk_nvic_enable(WK_UART_IRQ);
    wk_nvic_enable(WK_UART_TX_IRQ);
}

uint32_t wk_port_received(const uint8_t **bytes, uint32_t least) {
    if (sending) {
        pump_by_hand(); /* not every emulated device interrupts when a late byte has left */
    }
    const uint32_t start = taken;
    const uint32_t waiting = received - start;
    if (waiting < least && behind_zero - start - 1u >= waiting) {
        looked_at = start + waiting;
        return 0;
    }
    __asm volatile("" ::: "memory"); /* the count, then the bytes */
    const uint32_t place = start & RX_MASK;
    *bytes = rx_ring + place;
    return smaller(waiting, WK_RX_RING_BYTES - place);
}

void wk_port_release(uint32_t count) {
    __asm volatile("" ::: "memory"); /* the bytes, then the count */
    taken = taken + count;
    if (paused && count > 0) {
        paused = false;
        drain();
        if (!paused) {
            wk_nvic_enable(WK_UART_IRQ);
        }
    }
}

void wk_port_idle(void) {
    /* An interrupt that comes behind the check stays pending, and ends the wait at once. */
    const uint32_t before = wk_irq_save();
    if (received == looked_at && !sending) {
        __asm volatile("dsb\n\twfi" ::: "memory");
    }
    wk_irq_restore(before);
}

uint32_t wk_port_overruns(void) {
    return wk_uart_overruns();
}

static void send(uint8_t byte) {
    if (!sending && wk_uart_put(byte)) {
        return;
    }
    while (queued - sent == WK_TX_RING_BYTES) {
        pump_by_hand(); /* the line is slower than the core */
    }
    tx_ring[queued & TX_MASK] = byte;
    __asm volatile("" ::: "memory"); /* the byte, then the count */
    queued = queued + 1u;
    if (!sending) {
        /* First the interrupt, then another try: room that comes in between is not missed. */
        sending = true;
        wk_uart_interrupt_on_room(true);
        pump_by_hand();
    }
}

void wk_port_write(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        send(bytes[i]);
    }
}

void wk_serial_flush(void) {
    while (sending) {
        pump_by_hand();
    }
    wk_uart_flush();
}
