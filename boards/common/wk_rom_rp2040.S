/* Calls of the RP2040's ROM while the flash cannot be read. SPDX-License-Identifier: Apache-2.0
 *
 * The loop that makes them is copied onto the stack and runs there: the RAM has no other code, so
 * that neither linker script nor start-up need know of it. It depends on its place as little as the
 * second stage does. */

#define ROM_TABLE 0x14 /* two bytes each: where the table lies, and what looks into it */
#define ROM_TABLE_LOOKUP 0x18
#define SSI_PAGE 0x18 /* SSI: 18000000h */
#define SSI_SSIENR 0x08
#define SSI_BAUDR 0x14
#define CALL_BYTES 20
#define RAM_BYTES 44 /* of the loop; with what is pushed the stack stays aligned to 8 */

    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .text

    .align 2
    .global wk_rom_lookup
    .type wk_rom_lookup, %function
    .thumb_func
wk_rom_lookup:
    push {r4, lr}
    movs r1, r0
    movs r2, #0
    ldrh r0, [r2, #ROM_TABLE]
    ldrh r3, [r2, #ROM_TABLE_LOOKUP]
    blx r3
    pop {r4, pc}
    .size wk_rom_lookup, . - wk_rom_lookup

    .align 2
    .global wk_rom_run
    .type wk_rom_run, %function
    .thumb_func
wk_rom_run:
    push {r4, r5, r6, r7, lr}
    sub sp, #RAM_BYTES
    adr r2, .Lin_ram
    mov r3, sp
    movs r4, #RAM_BYTES
1:  ldmia r2!, {r5}
    stmia r3!, {r5}
    subs r4, #4
    bne 1b
    mov r2, sp
    adds r2, #1 /* Thumb */
    mrs r7, primask
    cpsid i /* handlers lie in the flash */
    dsb
    isb
    blx r2
    msr primask, r7
    add sp, #RAM_BYTES
    pop {r4, r5, r6, r7, pc}

    /* The ROM leaves r4 to r7 as they are. The plain read command is what the second stage has set
     * too, but the ROM divides the clock by its own number. */
    .align 2
.Lin_ram:
    movs r5, #SSI_PAGE
    lsls r5, r5, #24
    ldr r5, [r5, #SSI_BAUDR]
    push {r5, lr}
    movs r4, r0
    movs r6, #CALL_BYTES
    muls r6, r1
    adds r6, r4 /* where they end */
2:  ldmia r4!, {r0, r1, r2, r3, r5}
    blx r5
    cmp r4, r6
    blo 2b
    movs r0, #SSI_PAGE
    lsls r0, r0, #24
    movs r1, #0 /* it can only be set up while it is off */
    str r1, [r0, #SSI_SSIENR]
    pop {r1}
    str r1, [r0, #SSI_BAUDR]
    movs r1, #1
    str r1, [r0, #SSI_SSIENR]
    pop {pc}
    .align 2
    .org .Lin_ram + RAM_BYTES /* an error if there is more */
    .size wk_rom_run, . - wk_rom_run
