/* Faults: collects the registers, reports and ends. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_fault.h"
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wk_cortex.h"

/* A frame that ends this near to the bottom of the stack means that the next call had no room. */
#define NEAR_BOTTOM 128u
#define FRAME_WORDS 8u
#define NO_FLOAT_FRAME 0x10u /* in EXC_RETURN */
#define FRAME_PC 6u
#define CFSR_STKOF (UINT32_C(1) << 20)

static wk_fault_info_t fault;
static volatile uint32_t reporting;

/* A firmware without the link reports by its exit code alone, or gives its own. */
__attribute__((weak)) void wk_link_send_fault(const wk_fault_info_t *info) {
    (void)info;
}

_Noreturn void wk_fault(const wk_fault_info_t *info) {
    (void)wk_irq_save();
    const uint32_t cause = info->cause;
    if (!reporting++) { /* a fault while reporting one only ends */
        wk_link_send_fault(info);
    }
    wk_port_exit((int)(100u + cause));
}

_Noreturn void wk_assert_failed(uint32_t file, uint32_t line) {
    fault = (wk_fault_info_t){
        .cause = WK_FAULT_ASSERT,
        .lr = (uint32_t)(uintptr_t)__builtin_return_address(0),
        .sp = (uint32_t)(uintptr_t)__builtin_frame_address(0),
        .exception = wk_active_exception(),
        .file = file,
        .line = line,
    };
    wk_fault(&fault);
}

static uint32_t cause_of(uint32_t exception) {
    switch (exception) {
    case 2:
        return WK_FAULT_NMI;
    case 3:
        return WK_FAULT_HARD;
    case 4:
        return WK_FAULT_MEMORY;
    case 5:
        return WK_FAULT_BUS;
    case 6:
        return WK_FAULT_USAGE;
    default:
        return WK_FAULT_EXCEPTION;
    }
}

/* The stack lies at the very bottom of RAM, so that a push beyond it reaches no memory and
 * faults; then there is no frame to read either. From ARMv8-M on the core itself keeps the stack
 * above its limit; where its frame would not fit it writes none, and the paint is still there.
 * Registers are copied before anything else, because this function's own stack may be the one that
 * holds the frame. */
_Noreturn void wk_fault_report(const uint32_t *frame, uint32_t exc_return) {
    const uintptr_t at = (uintptr_t)frame;
    const uintptr_t bottom = (uintptr_t)wk_stack_bottom;
    const uintptr_t end = (uintptr_t)wk_ram_end;
    const bool readable = at >= bottom && at <= end - FRAME_WORDS * sizeof *frame &&
                          frame[FRAME_PC] != WK_STACK_PAINT;
    if (readable) {
        fault.r0 = frame[0];
        fault.r1 = frame[1];
        fault.r2 = frame[2];
        fault.r3 = frame[3];
        fault.r12 = frame[4];
        fault.lr = frame[5];
        fault.pc = frame[FRAME_PC];
        fault.psr = frame[7];
    }
    const uint32_t words = (exc_return & NO_FLOAT_FRAME) ? FRAME_WORDS : 26u;
    const uint32_t padding = (fault.psr >> 9) & 1u; /* the core kept the frame 8-byte aligned */
    fault.sp = (uint32_t)at + 4u * (words + padding);
    fault.exception = wk_active_exception();
    fault.cause = cause_of(fault.exception);
#if __ARM_ARCH >= 7
    fault.cfsr = wk_reg_read(WK_SCB_CFSR);
    fault.hfsr = wk_reg_read(WK_SCB_HFSR);
    fault.mmfar = wk_reg_read(WK_SCB_MMFAR);
    fault.bfar = wk_reg_read(WK_SCB_BFAR);
#endif
    const bool synchronous = fault.exception >= 3 && fault.exception <= 6;
    const bool limited = __ARM_ARCH >= 8 && (fault.cfsr & CFSR_STKOF) != 0;
    if (at < bottom || limited || (synchronous && at < bottom + NEAR_BOTTOM)) {
        fault.cause = WK_FAULT_STACK;
    }
    wk_fault(&fault);
}
