/* A serial device and its interrupts, in memory. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Afresh, with room for `depth` bytes each way. `edge`: it interrupts when a byte leaves, and not
 * as long as there is room. `one`: it gives received bytes one by one. One byte leaves at one in
 * `pace` places where an interrupt may come; 0: none. */
void device_begin(uint32_t depth, bool edge, bool one, uint32_t pace, uint32_t seed);

/* So many bytes leave, and interrupts are served. */
void device_pass(uint32_t bytes);

/* Bytes that it took of these. */
uint32_t device_feed(const uint8_t *bytes, uint32_t size);

/* All bytes that have left, up to `size`. */
uint32_t device_sent(uint8_t *bytes, uint32_t size);

/* Something waited for a byte to leave although none would: one was let go. */
bool device_was_waited_for(void);

void wk_nvic_disable(uint32_t irq);

/* What is tested. */
void wk_serial_init(void);
void wk_serial_flush(void);
uint32_t wk_port_received(const uint8_t **bytes, uint32_t least);
void wk_port_release(uint32_t count);
void wk_port_write(const uint8_t *bytes, uint32_t size);

#endif
