/* Board file of the emulator unicorn: a Cortex-M4 without interrupts and devices, and a port of
 * a few registers that the emulator's program plays. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

#define RECEIVE (WK_UART_BASE + 0x00u) /* the next byte that came */
#define SEND (WK_UART_BASE + 0x04u)
#define TICKS (WK_UART_BASE + 0x08u) /* microseconds: the lower half */

/* Memory of the emulator's program: to look there costs no more than a load, while each of the
 * registers above costs thousands of instructions. */
#define CAME (WK_UART_BASE + 0x1000u)       /* how many bytes came since reset */
#define TICKS_HIGH (WK_UART_BASE + 0x1004u) /* the upper half, of when TICKS was read last */

static uint32_t taken;

void WK_IRQ_HANDLER(WK_UART_IRQ)(void);

void wk_board_init(void) {
    /* nothing to set up */
}

bool wk_board_is_emulated(void) {
    return true;
}

uint64_t wk_port_ticks(void) {
    const uint32_t low = wk_reg_read(TICKS);
    return ((uint64_t)wk_reg_read(TICKS_HIGH) << 32) | low;
}

/* There is no watchdog. But every loop that waits for bytes comes by here, and takes them in the
 * place of the interrupt, which never comes. */
void wk_port_feed_watchdog(void) {
    WK_IRQ_HANDLER(WK_UART_IRQ)();
}

void wk_uart_init(void) {
    /* nothing to set up */
}

uint32_t wk_uart_take(uint8_t *bytes, uint32_t room) {
    const uint32_t waiting = wk_reg_read(CAME) - taken;
    const uint32_t count = waiting < room ? waiting : room;
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)wk_reg_read(RECEIVE);
    }
    taken += count;
    return count;
}

bool wk_uart_put(uint8_t byte) {
    wk_reg_write(SEND, byte);
    return true;
}

void wk_uart_interrupt_on_room(bool on) {
    (void)on; /* there always is room */
}

void wk_uart_flush(void) {
    /* a byte leaves at once */
}

uint32_t wk_uart_overruns(void) {
    return 0;
}
