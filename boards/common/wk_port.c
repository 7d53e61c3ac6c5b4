/* The parts of a port that every Cortex-M shares: start, stack measure, reset and exit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

void wk_port_init(void) {
    wk_board_init();
    wk_serial_init();
}

uint32_t wk_port_stack_free(void) {
    const uint32_t *word = wk_stack_bottom;
    while (word < wk_stack_top && *word == WK_STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)word - (uintptr_t)wk_stack_bottom);
}

void wk_port_reset(void) {
    wk_serial_flush();
    __asm volatile("cpsid i\n\tdsb" ::: "memory");
    wk_reg_write(WK_SCB_AIRCR, 0x05FA0004u); /* key and SYSRESETREQ */
    for (;;) {
        __asm volatile("dsb" ::: "memory");
    }
}

/* Semihosting call SYS_EXIT_EXTENDED: the emulator ends with the code. */
static void leave_emulator(int code) {
    const struct {
        uint32_t reason, code;
    } block = {0x20026u /* ADP_Stopped_ApplicationExit */, (uint32_t)code};
    register uint32_t operation __asm("r0") = 0x20u;
    register const void *argument __asm("r1") = &block;
    __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(argument) : "memory");
}

void wk_port_exit(int code) {
    wk_serial_flush();
    (void)wk_irq_save();
    if (wk_board_is_emulated()) {
        leave_emulator(code);
    }
    for (;;) {
        __asm volatile("wfi" ::: "memory");
    }
}
