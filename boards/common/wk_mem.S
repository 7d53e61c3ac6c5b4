/* memcpy, memmove, memset and memcmp: compilers emit calls to them, and there is no libc.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Assembler, because a compiler may turn their own loops in C into calls to themselves.
 * Thumb-1 only. Words are moved four at a time where both pointers are aligned. */
    .syntax unified
    .thumb
    .text

    .align 2
    .global memmove
    .type memmove, %function
    .thumb_func
memmove:
    subs r3, r0, r1
    cmp r3, r2
    bhs memcpy /* the destination is below the source, or behind its end */
    b 2f
1:  ldrb r3, [r1, r2]
    strb r3, [r0, r2]
2:  subs r2, #1
    bhs 1b
    bx lr
    .size memmove, . - memmove

    .align 2
    .global memcpy
    .type memcpy, %function
    .thumb_func
memcpy:
    push {r0, r4, r5, r6, lr}
    movs r3, r0
    orrs r3, r1
    lsls r3, r3, #30
    bne 3f
    subs r2, #16
    blo 2f
1:  ldmia r1!, {r3, r4, r5, r6}
    stmia r0!, {r3, r4, r5, r6}
    subs r2, #16
    bhs 1b
2:  adds r2, #16
3:  subs r2, #1
    blo 5f
4:  ldrb r3, [r1]
    strb r3, [r0]
    adds r1, #1
    adds r0, #1
    subs r2, #1
    bhs 4b
5:  pop {r0, r4, r5, r6, pc}
    .size memcpy, . - memcpy

    .align 2
    .global memset
    .type memset, %function
    .thumb_func
memset:
    push {r0, r4, r5, r6, lr}
    uxtb r1, r1
    lsls r3, r0, #30
    bne 3f
    lsls r3, r1, #8
    orrs r1, r3
    lsls r3, r1, #16
    orrs r1, r3
    mov r3, r1
    mov r4, r1
    mov r5, r1
    subs r2, #16
    blo 2f
1:  stmia r0!, {r1, r3, r4, r5}
    subs r2, #16
    bhs 1b
2:  adds r2, #16
3:  subs r2, #1
    blo 5f
4:  strb r1, [r0]
    adds r0, #1
    subs r2, #1
    bhs 4b
5:  pop {r0, r4, r5, r6, pc}
    .size memset, . - memset

    .align 2
    .global memcmp
    .type memcmp, %function
    .thumb_func
memcmp:
    push {r4, lr}
    movs r3, #0
    b 2f
1:  ldrb r3, [r0]
    ldrb r4, [r1]
    adds r0, #1
    adds r1, #1
    subs r3, r3, r4
    bne 3f
2:  subs r2, #1
    bhs 1b
3:  movs r0, r3
    pop {r4, pc}
    .size memcmp, . - memcmp
