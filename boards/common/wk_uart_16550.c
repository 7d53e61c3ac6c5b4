/* Serial driver for a 16550 with registers four bytes apart. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define DATA (WK_UART_BASE + 0x00u)
#define INTERRUPTS (WK_UART_BASE + 0x04u)
#define FIFO (WK_UART_BASE + 0x08u)
#define LINE (WK_UART_BASE + 0x0Cu)
#define STATUS (WK_UART_BASE + 0x14u)

#define FIFO_ON_AND_CLEAR 7u
#define LINE_8N1 3u
#define LINE_DIVISOR 0x80u
#define INTERRUPT_RECEIVED 1u
#define INTERRUPT_ROOM 2u
#define STATUS_RECEIVED 1u
#define STATUS_OVERRUN 2u
#define STATUS_ROOM 0x20u
#define STATUS_SENT 0x40u

static uint32_t overruns;

void wk_uart_init(void) {
    const uint32_t divisor = (WK_UART_DIVISOR + 8u) / 16u; /* it samples 16 times a bit */
    wk_reg_write(LINE, LINE_DIVISOR | LINE_8N1);
    wk_reg_write(DATA, divisor & 0xFFu);
    wk_reg_write(INTERRUPTS, (divisor >> 8) & 0xFFu);
    wk_reg_write(LINE, LINE_8N1);
    wk_reg_write(FIFO, FIFO_ON_AND_CLEAR);
    wk_reg_write(INTERRUPTS, INTERRUPT_RECEIVED);
}

/* Reading the status clears the overrun, whoever reads it. */
static uint32_t read_status(void) {
    const uint32_t status = wk_reg_read(STATUS);
    if (status & STATUS_OVERRUN) {
        overruns++;
    }
    return status;
}

uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    uint32_t count = 0;
    while (count < room && (read_status() & STATUS_RECEIVED) != 0) {
        bytes[count++] = (uint8_t)wk_reg_read(DATA);
    }
    return count;
}

bool wk_uart_put(uint8_t byte) {
    if ((read_status() & STATUS_ROOM) == 0) {
        return false;
    }
    wk_reg_write(DATA, byte); /* which withdraws the interrupt */
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(INTERRUPTS, INTERRUPT_RECEIVED | (on ? INTERRUPT_ROOM : 0u));
}

void wk_uart_flush(void) {
    while ((wk_reg_read(STATUS) & STATUS_SENT) == 0) {
        /* the last byte, with its stop bit */
    }
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
