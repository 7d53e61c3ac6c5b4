/* Serial driver for the USART of STM32F1/F2/F4. SPDX-License-Identifier: Apache-2.0 */
#include "wk_board.h"
#include "wk_cortex.h"

#define SR (WK_UART_BASE + 0x00u)
#define DR (WK_UART_BASE + 0x04u)
#define BRR (WK_UART_BASE + 0x08u)
#define CR1 (WK_UART_BASE + 0x0Cu)

#define SR_ORE (1u << 3)
#define SR_RXNE (1u << 5)
#define SR_TC (1u << 6)
#define SR_TXE (1u << 7)
#define CR1_UE_TE_RE_RXNEIE ((1u << 13) | (1u << 3) | (1u << 2) | (1u << 5))
#define CR1_TXEIE (1u << 7)

static uint32_t overruns;

/* Clock and pins belong to the board. Bytes that come before this are lost: the host repeats its
 * first message. */
void wk_uart_init(void) {
    wk_reg_write(BRR, WK_UART_DIVISOR);
    wk_reg_write(CR1, CR1_UE_TE_RE_RXNEIE);
}

/* The device holds one byte, and interrupts as long as it does. */
uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    const uint32_t status = wk_reg_read(SR);
    if (room == 0 || (status & (SR_RXNE | SR_ORE)) == 0) {
        return 0;
    }
    bytes[0] = (uint8_t)wk_reg_read(DR); /* with the read before, this clears both */
    if (status & SR_ORE) {
        overruns++;
    }
    return (status & SR_RXNE) ? 1 : 0;
}

bool wk_uart_put(uint8_t byte) {
    if ((wk_reg_read(SR) & SR_TXE) == 0) {
        return false;
    }
    wk_reg_write(DR, byte);
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    wk_reg_write(CR1, CR1_UE_TE_RE_RXNEIE | (on ? CR1_TXEIE : 0u));
}

void wk_uart_flush(void) {
    while ((wk_reg_read(SR) & SR_TC) == 0) {
        /* the last byte, with its stop bit */
    }
}

uint32_t wk_uart_overruns(void) {
    return overruns;
}
