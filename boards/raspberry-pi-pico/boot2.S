/* The second stage of the RP2040's start. SPDX-License-Identifier: Apache-2.0
 *
 * The ROM copies the first 256 bytes of the flash into RAM, and runs them if their CRC is right.
 * They let the processor read the flash as memory: by the plain read command 03h, which any serial
 * flash knows, one word of 32 bits at a time, at a quarter of the processor's clock (31 MHz of
 * 125 MHz; the command allows 50 MHz). Then the firmware starts from its vector table behind them.
 *
 * The CRC-32 has the polynomial 04C11DB7h, begins with FFFFFFFFh, and nothing in it is reflected.
 * A test computes it anew, and tells what belongs here after a change. */

#define SSI 0x18000000
#define SSI_CTRLR0 0x00
#define SSI_CTRLR1 0x04
#define SSI_SSIENR 0x08
#define SSI_BAUDR 0x14
#define SSI_SPI_CTRLR0 0xF4

#define CLOCK_DIVIDER 4
#define CTRLR0_EEPROM_READ (3 << 8)   /* sends command and address, then receives */
#define CTRLR0_DFS_32_BITS (31 << 16) /* a frame */
#define SPI_CTRLR0_ADDR_L_24 (6 << 2) /* in steps of four bits; both on one line */
#define SPI_CTRLR0_INST_L_8 (2 << 8)
#define SPI_CTRLR0_XIP_CMD_READ (0x03 << 24)

#define VECTORS 0x10000100
#define VTOR 0xE000ED08
#define CRC 0xA8F413B4

    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot2, "ax", %progbits
    .global wk_boot2
    .type wk_boot2, %function
    .thumb_func
wk_boot2:
    ldr r0, =SSI
    movs r1, #0 /* it can only be set up while it is off */
    str r1, [r0, #SSI_SSIENR]
    movs r2, #CLOCK_DIVIDER
    str r2, [r0, #SSI_BAUDR]
    ldr r2, =(CTRLR0_EEPROM_READ | CTRLR0_DFS_32_BITS)
    str r2, [r0, #SSI_CTRLR0]
    str r1, [r0, #SSI_CTRLR1] /* one frame at a time */
    ldr r2, =(SPI_CTRLR0_XIP_CMD_READ | SPI_CTRLR0_INST_L_8 | SPI_CTRLR0_ADDR_L_24)
    movs r3, #SSI_SPI_CTRLR0
    str r2, [r0, r3]
    movs r2, #1
    str r2, [r0, #SSI_SSIENR]

    ldr r0, =VECTORS
    ldr r1, =VTOR
    str r0, [r1]
    ldr r1, [r0]
    msr msp, r1
    ldr r1, [r0, #4]
    bx r1
    .ltorg
    .org 252
    .word CRC
    .size wk_boot2, . - wk_boot2
