/* A board that is memory: what the tests of the link drive. SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMORY_PORT_H
#define MEMORY_PORT_H

#include <stdint.h>

enum { BOARD_RUNS = -1, BOARD_RESET = -2 }; /* others: the code that it ended with */

/* As after power-on or reset. */
void board_reset(void);
/* Put bytes on the wire to the board; those that the ring cannot hold are lost. */
void board_feed(const uint8_t *bytes, uint32_t size);
/* Room of the ring. */
uint32_t board_room(void);
/* Take bytes that the board sent. */
uint32_t board_take(uint8_t *bytes, uint32_t size);
/* Let the clock go on. */
void board_pass(uint32_t microseconds);
/* One turn of the main loop. */
int board_turn(void);
/* Whether that turn had a slice to compute. */
int board_computed(void);
/* Bytes lost since reset because the ring was full. */
uint32_t board_overruns(void);
/* Fail as a fault handler does. */
void board_fault(void);
void board_log(const char *text);

#endif
