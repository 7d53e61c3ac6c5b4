/* SPI 0 of the SmartFusion2, 8-bit frames. SPDX-License-Identifier: Apache-2.0
 *
 * The controller itself holds the select line for the frames that its control register counts. */
#include "wagekit/wk_reg.h"
#include "wk_spi.h"
#include <stdbool.h>

#define BASE 0x40001000u
#define CONTROL (BASE + 0x00u)
#define FRAME_SIZE (BASE + 0x04u)
#define STATUS (BASE + 0x08u)
#define RECEIVED (BASE + 0x10u)
#define SEND (BASE + 0x14u)
#define CLOCK (BASE + 0x18u)
#define SELECT (BASE + 0x1Cu)

#define CONTROL_ENABLE 1u
#define CONTROL_MASTER (1u << 1)
#define CONTROL_COUNT_SHIFT 8u
#define CONTROL_HOLD_SELECT (1u << 26)
#define CONTROL_BIG_FIFO (1u << 29)
#define STATUS_RECEIVED_EMPTY (1u << 6)

#define SOFT_RESET 0x40038048u
#define SOFT_RESET_SPI0 (1u << 9)
#define CLOCK_DIVIDER 4u
#define POLLS 100000u

void wk_spi_init(void) {
    wk_reg_write(SOFT_RESET, wk_reg_read(SOFT_RESET) & ~SOFT_RESET_SPI0);
    wk_reg_write(CONTROL, CONTROL_MASTER);
    wk_reg_write(FRAME_SIZE, 8);
    wk_reg_write(CLOCK, CLOCK_DIVIDER - 1u);
    wk_reg_write(SELECT, 1);
}

/* A byte out and one in; 0xFF, as from a line where nothing answers, if the controller is stuck. */
static uint8_t exchange(uint8_t byte) {
    wk_reg_write(SEND, byte);
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((wk_reg_read(STATUS) & STATUS_RECEIVED_EMPTY) == 0) {
            return (uint8_t)(wk_reg_read(RECEIVED) & 0xFFu);
        }
    }
    return 0xFF;
}

void wk_spi_transfer(const uint8_t *sent, uint32_t send_bytes, uint8_t *received,
                     uint32_t receive_bytes) {
    const uint32_t count = send_bytes + receive_bytes;
    const uint32_t control =
        CONTROL_MASTER | CONTROL_HOLD_SELECT | CONTROL_BIG_FIFO | (count << CONTROL_COUNT_SHIFT);
    wk_reg_write(CONTROL, control);
    wk_reg_write(CONTROL, control | CONTROL_ENABLE);
    for (uint32_t i = 0; i < send_bytes; i++) {
        (void)exchange(sent[i]);
    }
    for (uint32_t i = 0; i < receive_bytes; i++) {
        received[i] = exchange(0);
    }
    wk_reg_write(CONTROL, CONTROL_MASTER);
}
