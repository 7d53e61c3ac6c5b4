/* Serial driver for the UART of the nRF51. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define STARTRX (WK_UART_BASE + 0x000u)
#define STARTTX (WK_UART_BASE + 0x008u)
#define RXDRDY (WK_UART_BASE + 0x108u)
#define TXDRDY (WK_UART_BASE + 0x11Cu)
#define ERROR (WK_UART_BASE + 0x124u)
#define INTENSET (WK_UART_BASE + 0x304u)
#define INTENCLR (WK_UART_BASE + 0x308u)
#define ERRORSRC (WK_UART_BASE + 0x480u)
#define ENABLE (WK_UART_BASE + 0x500u)
#define PSELTXD (WK_UART_BASE + 0x50Cu)
#define PSELRXD (WK_UART_BASE + 0x514u)
#define RXD (WK_UART_BASE + 0x518u)
#define TXD (WK_UART_BASE + 0x51Cu)
#define BAUDRATE (WK_UART_BASE + 0x524u)

#define INTENSET_RXDRDY (1u << 2)
#define INTENSET_TXDRDY (1u << 7)
#define ERRORSRC_OVERRUN 1u

static uint32_t overruns;
static bool sending;

void wk_uart_init(void) {
    wk_reg_write(PSELTXD, WK_UART_TX_PIN);
    wk_reg_write(PSELRXD, WK_UART_RX_PIN);
    wk_reg_write(BAUDRATE, WK_UART_DIVISOR);
    wk_reg_write(ENABLE, 4);
    wk_reg_write(RXDRDY, 0);
    wk_reg_write(TXDRDY, 0);
    wk_reg_write(STARTTX, 1);
    wk_reg_write(STARTRX, 1);
    wk_reg_write(INTENSET, INTENSET_RXDRDY);
    sending = false;
}

/* The event is cleared before its byte is read: the device raises it again for the next byte of
 * its six as soon as this one is taken out. */
uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    if (wk_reg_read(ERROR)) {
        wk_reg_write(ERROR, 0);
        const uint32_t source = wk_reg_read(ERRORSRC);
        wk_reg_write(ERRORSRC, source);
        overruns += source & ERRORSRC_OVERRUN;
    }
    uint32_t count = 0;
    while (count < room && wk_reg_read(RXDRDY) != 0) {
        wk_reg_write(RXDRDY, 0);
        bytes[count++] = (uint8_t)wk_reg_read(RXD);
    }
    return count;
}

void wk_uart_flush(void) {
    if (sending) {
        while (wk_reg_read(TXDRDY) == 0) {
            /* the line is slower than the core */
        }
        sending = false;
    }
}

bool wk_uart_put(uint8_t byte) {
    if (sending && wk_reg_read(TXDRDY) == 0) {
        return false;
    }
    wk_reg_write(TXDRDY, 0);
    wk_reg_write(TXD, byte);
    sending = true;
    return true;
}

/* The event of the byte that is on its way stays until the next one, so none is missed. */
void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(on ? INTENSET : INTENCLR, INTENSET_TXDRDY);
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
