/* The check sum of frames, masters and records. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_CRC32_H
#define WK_CRC32_H

#include <stdint.h>

/* CRC-32 of zlib, PNG and Ethernet; start with 0 and pass the result on for more bytes. */
uint32_t wk_crc32(uint32_t crc, const uint8_t *bytes, uint32_t size);

#endif
