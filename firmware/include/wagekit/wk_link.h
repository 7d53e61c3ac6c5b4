/* The link: frames, sessions, and requests that are executed once and in order.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The engine owns the serial port. It takes bytes with wk_port_read, hands whole requests to the
 * application (wk_app_begin, wk_app_finish) and sends its answers with wk_port_write. All sizes
 * come from wk_config.h (WK_FRAME_BYTES, the largest payload) and wk_protocol.h. */
#ifndef WK_LINK_H
#define WK_LINK_H

#include "wagekit/wk_crc32.h"
#include "wk_config.h"
#include "wk_protocol.h"
#include <stdbool.h>
#include <stdint.h>

_Static_assert(WK_FRAME_BYTES >= WK_FRAME_BYTES_MIN && WK_FRAME_BYTES <= WK_FRAME_BYTES_MAX,
               "WK_FRAME_BYTES is outside what the protocol allows");

/* Header, largest payload and CRC, before COBS. */
#define WK_LINK_BUFFER_BYTES (WK_HEADER_BYTES + WK_FRAME_BYTES + WK_CRC_BYTES)

typedef struct {
    uint32_t size; /* bytes decoded so far */
    uint8_t code;  /* length code of the present COBS block; 0 at the start of a frame */
    uint8_t left;  /* bytes of the block that are still to come */
    bool broken;   /* too long: dropped when it ends */
} wk_decoder_t;

typedef enum { WK_DECODE_MORE, WK_DECODE_FRAME, WK_DECODE_BAD } wk_decode_t;

/* Take bytes from the wire, up to the end of a frame: `taken` of `count`. WK_DECODE_FRAME:
 * decoder->size bytes, CRC checked and not counted, lie in `buffer` until the next call.
 * WK_DECODE_BAD: a frame that was cut, damaged or too long for `capacity` has ended. */
wk_decode_t wk_decode(wk_decoder_t *decoder, const uint8_t *bytes, uint32_t count, uint8_t *buffer,
                      uint32_t capacity, uint32_t *taken);

/* Append the CRC to the `size` bytes of header and payload (`frame` has WK_CRC_BYTES more) and
 * send it all. */
void wk_send_frame(uint8_t *frame, uint32_t size);

typedef struct {
    uint32_t frames;     /* valid frames received */
    uint32_t crc_errors; /* frames that were cut or damaged */
    uint32_t duplicates; /* requests received more than once */
    uint32_t dropped;    /* requests out of order, of another session, or with both places taken */
    uint32_t sent;       /* frames sent */
} wk_link_stats_t;

/* As after a reset: no session. */
void wk_link_init(void);

/* Take what was received, begin the next request if one can begin, answer one that is done.
 * Call it between slices of computation. False if no byte had come in. */
bool wk_link_poll(void);

const wk_link_stats_t *wk_link_stats(void);

/* Send a line for people; levels are 10 debug, 20 info, 30 warning, 40 error. Cut to the frame. */
void wk_link_log(uint8_t level, const char *text);

#endif
