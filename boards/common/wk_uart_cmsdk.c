/* Serial driver for the CMSDK APB UART of Arm's FPGA images. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define DATA (WK_UART_BASE + 0x00u)
#define STATE (WK_UART_BASE + 0x04u)
#define CTRL (WK_UART_BASE + 0x08u)
#define INTCLEAR (WK_UART_BASE + 0x0Cu)
#define BAUDDIV (WK_UART_BASE + 0x10u)

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define STATE_RX_OVERRUN 8u
#define CTRL_TX_RX_RXIRQ (1u | 2u | 8u)
#define CTRL_TXIRQ 4u
#define INT_TX 1u
#define INT_RX 2u

static uint32_t overruns;

void wk_uart_init(void) {
    wk_reg_write(BAUDDIV, WK_UART_DIVISOR);
    wk_reg_write(CTRL, CTRL_TX_RX_RXIRQ);
    /* QEMU stops asking its sender for good if that offered bytes before the receiver was on;
     * a read of the data register makes it ask again. */
    (void)wk_reg_read(DATA);
}

/* The device holds one byte, and interrupts when it comes, not as long as it is there: the
 * interrupt is cleared while none other can come. Where it was of none, one may have come
 * meanwhile. Each access costs an emulator as much as a hundred instructions. */
uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    const uint32_t state = wk_reg_read(STATE);
    if (room == 0) {
        return 0;
    }
    if (state & STATE_RX_OVERRUN) {
        overruns++;
        wk_reg_write(STATE, STATE_RX_OVERRUN);
    }
    wk_reg_write(INTCLEAR, INT_RX);
    if ((state & STATE_RX_FULL) == 0 && (wk_reg_read(STATE) & STATE_RX_FULL) == 0) {
        return 0;
    }
    bytes[0] = (uint8_t)wk_reg_read(DATA);
    return 1;
}

/* The device interrupts when a byte has left, not as long as there is room. Cleared before the
 * state is read again: a byte that leaves in between raises it. */
bool wk_uart_put(uint8_t byte) {
    if (wk_reg_read(STATE) & STATE_TX_FULL) {
        wk_reg_write(INTCLEAR, INT_TX);
        if (wk_reg_read(STATE) & STATE_TX_FULL) {
            return false;
        }
    }
    wk_reg_write(DATA, byte);
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(CTRL, CTRL_TX_RX_RXIRQ | (on ? CTRL_TXIRQ : 0u));
    if (!on) {
        wk_reg_write(INTCLEAR, INT_TX); /* of the last byte, which may have left at once */
    }
}

void wk_uart_flush(void) {
    while (wk_reg_read(STATE) & STATE_TX_FULL) {
        /* the last byte */
    }
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
