/* Weights packed in flash, for layers that do not learn. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_PACKED_H
#define WK_PACKED_H

#include "wagekit/wk_status.h"
#include <stdint.h>

/* A layer's weights in OHWI or [out, in] order, `width` bits each in two's complement, without
 * gaps: weight i is in the bits i * width .. of a little-endian stream, so the lowest bits of
 * byte 0 are weight 0. Two bits hold a ternary weight: 0 is 0, 1 is 1, 3 is -1. */
typedef struct {
    const uint8_t *bits;
    uint32_t width;  /* k_W, 2..8 */
    uint32_t shift;  /* k_G - k_W: a weight's master on the grid is weight << shift */
    uint32_t master; /* bytes of a master: 1 or 2 */
} wk_packed_t;

/* Weights `first` .. `first` + count - 1 -> row. */
void wk_unpack_row(const wk_packed_t *packed, uint32_t first, int32_t count, int8_t *row);

/* Their masters on the grid, as little-endian bytes. */
void wk_read_packed(const wk_packed_t *packed, uint32_t first, uint32_t count, uint8_t *bytes);

/* Flash does not change: WK_OK where the bytes are what wk_read_packed gives, else WK_ERR_STATE. */
wk_status_t wk_same_packed(const wk_packed_t *packed, uint32_t first, uint32_t count,
                           const uint8_t *bytes);

#endif
