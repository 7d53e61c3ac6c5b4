/* Vector table, reset and exception entry for ARMv6-M, ARMv7-M and ARMv8-M.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Assembler, so that nothing runs before the stack is painted and memory is set up, and because
 * the exception entry may not touch a stack that is broken. Only Thumb-1 instructions: the same
 * file serves the M0. */
#include "wk_config.h"

    .syntax unified
    .thumb
    .altmacro

/* Every handler has a weak name, so that a driver takes an interrupt by defining its function. */
    .macro wk_vector name
    .weak \name
    .thumb_set \name, wk_fault_entry
    .word \name
    .endm

    .macro wk_irq_vector number
    wk_vector wk_irq_\number
    .endm

    .section .vectors, "a", %progbits
    .global wk_vectors
wk_vectors:
    .word wk_stack_top
    .word wk_reset
    .word wk_fault_entry /* NMI */
    .word wk_fault_entry /* HardFault */
    .word wk_fault_entry /* MemManage */
    .word wk_fault_entry /* BusFault */
    .word wk_fault_entry /* UsageFault */
    .word wk_fault_entry /* SecureFault, on ARMv8-M */
    .word 0
    .word 0
    .word 0
    wk_vector wk_svcall_irq
    .word wk_fault_entry /* DebugMonitor */
    .word 0
    wk_vector wk_pendsv_irq
    wk_vector wk_systick_irq
    .set irq, 0
    .rept WK_IRQ_COUNT
    wk_irq_vector %irq
    .set irq, irq + 1
    .endr

    .text
    .align 2
    .global wk_reset
    .type wk_reset, %function
    .thumb_func
wk_reset:
    cpsid i
    ldr r0, =wk_stack_top /* a loader may have come here without the vectors */
    mov sp, r0
    /* Paint the stack, so that wk_port_stack_free can tell what was never used. */
    ldr r1, =wk_stack_bottom
    ldr r2, =WK_STACK_PAINT
1:  cmp r1, r0
    bhs 2f
    stmia r1!, {r2}
    b 1b
    /* Initialised data from flash. */
2:  ldr r0, =wk_data_load
    ldr r1, =wk_data_start
    ldr r2, =wk_data_end
3:  cmp r1, r2
    bhs 4f
    ldmia r0!, {r3}
    stmia r1!, {r3}
    b 3b
    /* Zeroed data. */
4:  ldr r1, =wk_bss_start
    ldr r2, =wk_bss_end
    movs r3, #0
5:  cmp r1, r2
    bhs 6f
    stmia r1!, {r3}
    b 5b
6:
#if __ARM_ARCH >= 7
    ldr r0, =0xE000ED08 /* VTOR */
    ldr r1, =wk_vectors
    str r1, [r0]
    ldr r0, =0xE000ED24 /* SHCSR: MemManage, BusFault and UsageFault on their own */
    ldr r1, [r0]
    ldr r2, =0x00070000
    orrs r1, r2
    str r1, [r0]
    dsb
    isb
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    ldr r0, =0xE000ED88 /* CPACR: coprocessors 10 and 11, which are float unit and vectors */
    ldr r1, [r0]
    ldr r2, =0x00F00000
    orrs r1, r2
    str r1, [r0]
    dsb
    isb
#endif
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
    ldr r0, =wk_stack_bottom /* a stack that grows below it is a UsageFault */
    msr msplim, r0
#endif
    cpsie i
    bl main
    bl wk_port_exit /* with what main returned in r0 */
    .size wk_reset, . - wk_reset

    .align 2
    .global wk_fault_entry
    .type wk_fault_entry, %function
    .thumb_func
wk_fault_entry:
    cpsid i
    mov r1, lr
    mrs r0, msp
    movs r2, #4
    tst r1, r2
    beq 1f
    mrs r0, psp
1:  /* r0: the frame. A stack that is nearly or wholly used starts again from its top: the frame
     * lies below its middle and is read before anything can reach it. */
    ldr r2, =wk_stack_middle
    cmp r0, r2
    bhs 2f
    ldr r2, =wk_stack_top
    mov sp, r2
2:  bl wk_fault_report
    .size wk_fault_entry, . - wk_fault_entry
    .pool
