/* What the parts of a port give each other; firmware sees wk_port.h only.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A board is made of wk_startup.S, wk_mem.S, wk_port.c, wk_serial.c and wk_fault.c, which are the
 * same everywhere, of one serial driver, of a counter, and of a file of its own that gives
 * wk_board_*, wk_port_ticks and wk_port_feed_watchdog. */
#ifndef WK_BOARD_H
#define WK_BOARD_H

#include "wk_config.h"
#include <stdbool.h>
#include <stdint.h>

/* A driver handles interrupt N (a plain number, also as a macro) in WK_IRQ_HANDLER(N). */
#define WK_IRQ_NAME(number) wk_irq_##number
#define WK_IRQ_HANDLER(number) WK_IRQ_NAME(number)

/* Board: clocks, pins, counter (before the serial port), and whether this is QEMU, where a
 * breakpoint instruction is a call to the emulator. On silicon it would be a fault. */
void wk_board_init(void);
bool wk_board_is_emulated(void);

/* Serial driver. wk_uart_take: moves received bytes out of the device, up to `room`, and says how
 * many; with fewer than `room` the interrupt comes when there are more. Called with the receive
 * interrupt masked or from it. wk_uart_put: whether the device had room for a byte, which it then
 * sends; never waits. wk_uart_interrupt_on_room: whether WK_UART_TX_IRQ comes as soon as, and as
 * long as, there is room; wk_uart_put and switching it off withdraw one that is pending.
 * wk_uart_flush waits until the last byte has left. wk_uart_overruns: bytes that the hardware
 * dropped. */
void wk_uart_init(void);
uint32_t wk_uart_take(uint8_t *bytes, uint32_t room);
bool wk_uart_put(uint8_t byte);
void wk_uart_interrupt_on_room(bool on);
void wk_uart_flush(void);
uint32_t wk_uart_overruns(void);

/* Rings and their interrupts (wk_serial.c). wk_serial_flush waits until all that was written has
 * left, also with interrupts off. */
void wk_serial_init(void);
void wk_serial_flush(void);

/* Counters: SysTick extended to 64 bits (wk_ticks_systick.c), or the value of a free-running
 * 32-bit counter extended by calls that come at least once in each of its rounds, with
 * interrupts off (wk_ticks_wide.c). */
uint64_t wk_systick_ticks(void);
uint64_t wk_extend_ticks(uint32_t now);

/* From the exception entry. */
_Noreturn void wk_fault_report(const uint32_t *frame, uint32_t exc_return);

/* From the linker script. */
extern uint32_t wk_stack_bottom[], wk_stack_top[], wk_ram_end[];

#endif
