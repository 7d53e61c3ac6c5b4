/* Serial driver for the USART of STM32H7 and of others that have ISR, RDR and TDR, and a FIFO.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define CR1 (WK_UART_BASE + 0x00u)
#define BRR (WK_UART_BASE + 0x0Cu)
#define ISR (WK_UART_BASE + 0x1Cu)
#define ICR (WK_UART_BASE + 0x20u)
#define RDR (WK_UART_BASE + 0x24u)
#define TDR (WK_UART_BASE + 0x28u)

/* With the FIFO on, RXNE is "not empty" and TXE is "not full". */
#define CR1_FIFOEN (1u << 29)
#define CR1_UE 1u
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define CR1_TXEIE (1u << 7)
#define CR1_FIFOEN_UE_RE_TE_RXNEIE (CR1_FIFOEN | CR1_UE | CR1_RE | CR1_TE | CR1_RXNEIE)
#define ISR_ORE (1u << 3)
#define ISR_RXNE (1u << 5)
#define ISR_TC (1u << 6)
#define ISR_TXE (1u << 7)
#define ICR_ORECF (1u << 3)

static uint32_t overruns;

/* Clock and pins belong to the board. The FIFO can only be switched while the USART is off. */
void wk_uart_init(void) {
    wk_reg_write(CR1, 0);
    wk_reg_write(BRR, WK_UART_DIVISOR);
    wk_reg_write(CR1, CR1_FIFOEN);
    wk_reg_write(CR1, CR1_FIFOEN_UE_RE_TE_RXNEIE);
}

uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    uint32_t count = 0;
    while (count < room) {
        const uint32_t status = wk_reg_read(ISR);
        if (status & ISR_ORE) {
            wk_reg_write(ICR, ICR_ORECF);
            overruns++;
        }
        if ((status & ISR_RXNE) == 0) {
            break;
        }
        bytes[count++] = (uint8_t)wk_reg_read(RDR);
    }
    return count;
}

bool wk_uart_put(uint8_t byte) {
    if ((wk_reg_read(ISR) & ISR_TXE) == 0) {
        return false;
    }
    wk_reg_write(TDR, byte);
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(CR1, CR1_FIFOEN_UE_RE_TE_RXNEIE | (on ? CR1_TXEIE : 0u));
}

void wk_uart_flush(void) {
    while ((wk_reg_read(ISR) & ISR_TC) == 0) {
        /* the last byte, with its stop bit */
    }
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
