/* Faults: what went wrong, and the two calls that report it. SPDX-License-Identifier: Apache-2.0
 *
 * The board's exception entry, its stack checks and WK_ASSERT fill a wk_fault_info_t and call
 * wk_fault, which sends it with wk_link_send_fault and ends with wk_port_exit. */
#ifndef WK_FAULT_H
#define WK_FAULT_H

#include <stdint.h>

/* Stable numbers: they travel over the link. */
typedef enum {
    WK_FAULT_HARD = 1,
    WK_FAULT_NMI = 2,    /* also the first time-out of a watchdog that raises NMI */
    WK_FAULT_MEMORY = 3, /* MemManage */
    WK_FAULT_BUS = 4,
    WK_FAULT_USAGE = 5,
    WK_FAULT_STACK = 6, /* the stack left its reserved bytes */
    WK_FAULT_ASSERT = 7,
    WK_FAULT_EXCEPTION = 8, /* an exception or interrupt that nothing handles; psr has its number */
} wk_fault_cause_t;

/* Registers at the fault (0 where the frame could not be read), 17 words. For an assertion only
 * lr, sp, file and line are set. */
typedef struct {
    uint32_t cause; /* wk_fault_cause_t */
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
    uint32_t sp;                      /* before the exception pushed its frame */
    uint32_t cfsr, hfsr, mmfar, bfar; /* 0 on ARMv6-M, which has none */
    uint32_t exception;               /* number of the active exception (IPSR), 0 in thread mode */
    uint32_t file; /* WK_FILE_ID of a failed assertion, four characters, else 0 */
    uint32_t line;
} wk_fault_info_t;

/* Reports and never returns: the process (QEMU) or the chip ends with 100 + cause. */
_Noreturn void wk_fault(const wk_fault_info_t *info);

/* Sends a FAULT frame with wk_port_write, polled: interrupts are off, the stack may be new, and
 * a frame may have been cut in the middle. The link gives it; a firmware without the link may
 * give its own, or have the weak one of the port, which does nothing. */
void wk_link_send_fault(const wk_fault_info_t *info);

_Noreturn void wk_assert_failed(uint32_t file, uint32_t line);

/* A file names itself before its first WK_ASSERT: #define WK_FILE_ID WK_FILE('l','i','n','k'). */
#define WK_FILE(a, b, c, d)                                                                        \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define WK_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : wk_assert_failed(WK_FILE_ID, (uint32_t)__LINE__))

#endif
