/* Serial driver for Arm's PL011, as in Stellaris chips and the RP2040. Its clock and pins belong to
 * the board. SPDX-License-Identifier: Apache-2.0
 *
 * The FIFO is on: it asks for its interrupt with two bytes, and by its time-out, three bytes' time
 * after the last one, with a single one. So none waits for another, and interrupts that are off for
 * fourteen bytes' time lose nothing. QEMU asks with every byte. */
#include "wk_board.h"
#include "wk_cortex.h"

#define DATA (WK_UART_BASE + 0x00u)
#define FLAGS (WK_UART_BASE + 0x18u)
#define DIVISOR_WHOLE (WK_UART_BASE + 0x24u)
#define DIVISOR_64THS (WK_UART_BASE + 0x28u)
#define LINE (WK_UART_BASE + 0x2Cu)
#define CONTROL (WK_UART_BASE + 0x30u)
#define LEVELS (WK_UART_BASE + 0x34u)
#define MASK (WK_UART_BASE + 0x38u)

#define DATA_OVERRUN (1u << 11)
#define FLAG_BUSY (1u << 3)
#define FLAG_RX_EMPTY (1u << 4)
#define FLAG_TX_FULL (1u << 5)
#define LINE_8N1_FIFO 0x70u
#define CONTROL_ON ((1u << 9) | (1u << 8) | 1u) /* receiver, transmitter, UART */
#define LEVEL_RX_EIGHTH (0u << 3)
#define LEVEL_TX_EIGHTH 0u
#define INT_RX (1u << 4)
#define INT_TX (1u << 5)
#define INT_RX_TIMEOUT (1u << 6)

static uint32_t overruns;

/* The divisor counts sixty-fourths; writing the line's register makes it valid. */
void wk_uart_init(void) {
    wk_reg_write(CONTROL, 0);
    wk_reg_write(DIVISOR_WHOLE, WK_UART_DIVISOR >> 6);
    wk_reg_write(DIVISOR_64THS, WK_UART_DIVISOR & 63u);
    wk_reg_write(LINE, LINE_8N1_FIFO);
    wk_reg_write(LEVELS, LEVEL_RX_EIGHTH | LEVEL_TX_EIGHTH);
    wk_reg_write(MASK, INT_RX | INT_RX_TIMEOUT);
    wk_reg_write(CONTROL, CONTROL_ON);
}

/* Both interrupts are withdrawn by the device once its FIFO is empty. */
uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    uint32_t count = 0;
    while (count < room && (wk_reg_read(FLAGS) & FLAG_RX_EMPTY) == 0) {
        const uint32_t data = wk_reg_read(DATA);
        if (data & DATA_OVERRUN) {
            overruns++;
        }
        bytes[count++] = (uint8_t)data;
    }
    return count;
}

bool wk_uart_put(uint8_t byte) {
    if (wk_reg_read(FLAGS) & FLAG_TX_FULL) {
        return false;
    }
    wk_reg_write(DATA, byte);
    return true;
}

/* The device keeps in mind that its FIFO ran down to an eighth, also while that interrupt is
 * masked, until the FIFO is fuller again. */
void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(MASK, INT_RX | INT_RX_TIMEOUT | (on ? INT_TX : 0u));
}

void wk_uart_flush(void) {
    while (wk_reg_read(FLAGS) & FLAG_BUSY) {
        /* the last byte, with its stop bit */
    }
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
