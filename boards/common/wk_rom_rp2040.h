/* Functions of the RP2040's ROM, by its data sheet, section 2.8.3.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_ROM_RP2040_H
#define WK_ROM_RP2040_H

#include <stdint.h>

/* The two letters by which the ROM's table knows a function. */
#define WK_ROM_CODE(first, second) ((uint32_t)(first) | ((uint32_t)(second) << 8))

typedef struct {
    uintptr_t arguments[4]; /* a register each */
    uint32_t function;
} wk_rom_call_t;

/* A function's address, or 0. */
uint32_t wk_rom_lookup(uint32_t code);

/* One call after the other, while the flash cannot be read and no interrupt comes. The first ones
 * take the flash away, the last ones give it back, as memory that is read by a plain command; the
 * clock of the flash is then again what it was. At least one call. */
void wk_rom_run(const wk_rom_call_t *calls, uint32_t count);

#endif
