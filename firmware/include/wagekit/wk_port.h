/* What a board gives the firmware. Each boards/<board>/port.c (or a shared driver that it
 * includes) implements these. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_PORT_H
#define WK_PORT_H

#include <stdint.h>

/* Clocks, serial port with its receive interrupt, and the counter. */
void wk_port_init(void);

/* How many received bytes lie one behind the other in the receive ring, and where. 0: fewer than
 * `least` wait, and no zero among them, with which every frame ends. Never waits. They stay there
 * until wk_port_release gives `count` of them up; ask again then, because the ring has an end. */
uint32_t wk_port_received(const uint8_t **bytes, uint32_t least);
void wk_port_release(uint32_t count);

/* Take up to `size` received bytes out of the receive ring; never waits. */
static inline uint32_t wk_port_read(uint8_t *bytes, uint32_t size) {
    uint32_t count = 0;
    const uint8_t *from;
    uint32_t piece;
    while (count < size && (piece = wk_port_received(&from, 1)) > 0) {
        piece = piece < size - count ? piece : size - count;
        for (uint32_t i = 0; i < piece; i++) {
            bytes[count++] = from[i];
        }
        wk_port_release(piece);
    }
    return count;
}

/* Sleep until an interrupt comes, received bytes among them; returns at once if one came since
 * wk_port_received last had nothing to give. For when there is nothing to compute: it leaves the
 * processor to others, and saves power.
 */
void wk_port_idle(void);

/* Received bytes that were dropped because the ring was full, since reset. */
uint32_t wk_port_overruns(void);

/* Send bytes, from the main program only: they go out by themselves. Waits only while the ring in
 * which they wait, WK_TX_RING_BYTES of the board's configuration, is full. */
void wk_port_write(const uint8_t *bytes, uint32_t size);

/* A counter that only grows, WK_PORT_TICK_HZ of the board's configuration a second. Under QEMU
 * with an instruction clock it counts instructions in the unit that board.toml states. */
uint64_t wk_port_ticks(void);

void wk_port_feed_watchdog(void);

/* Bytes of the reserved stack that were never touched since reset. */
uint32_t wk_port_stack_free(void);

/* Restart the chip. */
_Noreturn void wk_port_reset(void);

/* End: under QEMU the process ends with this code, on a real board the chip waits for a reset. */
_Noreturn void wk_port_exit(int code);

#endif
