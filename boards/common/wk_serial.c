/* The receive ring between the serial interrupt and the firmware; polled sending.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define RING_MASK (WK_RX_RING_BYTES - 1u)
_Static_assert((WK_RX_RING_BYTES & RING_MASK) == 0, "the receive ring is a power of two");

static uint8_t ring[WK_RX_RING_BYTES];
/* Bytes ever put in and taken out: they wrap at 2^32, and only one side writes each. */
static volatile uint32_t received, taken;
static volatile bool paused;

/* Moves what the device holds into the ring. When that is full the interrupt is masked and the
 * byte stays in the device: an emulator holds its sender back, a real line overruns and counts.
 * The mask is the NVIC's, because not every emulated device lowers its line when its own
 * interrupt enable is cleared. */
static void drain(void) {
    uint32_t count = received;
    while (count - taken < WK_RX_RING_BYTES) {
        const int32_t byte = wk_uart_take();
        if (byte < 0) {
            return;
        }
        ring[count & RING_MASK] = (uint8_t)byte;
        __asm volatile("" ::: "memory"); /* the byte, then the count */
        received = ++count;
    }
    paused = true;
    wk_nvic_disable(WK_UART_IRQ);
}

void WK_IRQ_HANDLER(WK_UART_IRQ)(void);
void WK_IRQ_HANDLER(WK_UART_IRQ)(void) {
    drain();
}

uint32_t wk_port_read(uint8_t *bytes, uint32_t size) {
    const uint32_t start = taken;
    const uint32_t waiting = received - start;
    const uint32_t count = size < waiting ? size : waiting;
    __asm volatile("" ::: "memory");
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = ring[(start + i) & RING_MASK];
    }
    __asm volatile("" ::: "memory");
    taken = start + count;
    if (paused && count > 0) {
        paused = false;
        drain();
        if (!paused) {
            wk_nvic_enable(WK_UART_IRQ);
        }
    }
    return count;
}

void wk_port_idle(void) {
    /* An interrupt that comes behind the check stays pending, and ends the wait at once. */
    const uint32_t before = wk_irq_save();
    if (received == taken) {
        __asm volatile("dsb\n\twfi" ::: "memory");
    }
    wk_irq_restore(before);
}

uint32_t wk_port_overruns(void) {
    return wk_uart_overruns();
}

void wk_port_write(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        wk_uart_put(bytes[i]);
    }
}
