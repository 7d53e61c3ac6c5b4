/* CRC-32 by half bytes. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_crc32.h"

/* 64 bytes of flash instead of 1 KB; two look-ups a byte. */
static const uint32_t table[16] = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
    0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
    0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
};

static inline uint32_t half_byte(uint32_t crc) {
    return (crc >> 4) ^ table[crc & 15u];
}

static inline uint32_t whole_byte(uint32_t crc) {
    return half_byte(half_byte(crc));
}

/* Four bytes at a time: where loads need not be aligned they are one load. */
uint32_t wk_crc32(uint32_t crc, const uint8_t *bytes, uint32_t size) {
    crc = ~crc;
    for (; size >= 4u; size -= 4u, bytes += 4) {
        crc ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
               (uint32_t)bytes[3] << 24;
        crc = whole_byte(whole_byte(whole_byte(whole_byte(crc))));
    }
    for (; size > 0; size--, bytes++) {
        crc = whole_byte(crc ^ *bytes);
    }
    return ~crc;
}
