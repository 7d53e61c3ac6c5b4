/* COBS frames with a CRC. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

static void restart(wk_decoder_t *decoder) {
    decoder->size = 0;
    decoder->code = 0;
    decoder->left = 0;
    decoder->broken = false;
}

/* The delimiter has come: judge what was collected. */
static wk_decode_t close_frame(wk_decoder_t *decoder, const uint8_t *buffer) {
    uint32_t size = decoder->size;
    bool empty = decoder->code == 0;
    bool whole = !decoder->broken && decoder->left == 0 && size >= WK_HEADER_BYTES + WK_CRC_BYTES;
    restart(decoder);
    if (empty) {
        return WK_DECODE_MORE; /* delimiters in a row */
    }
    if (!whole) {
        return WK_DECODE_BAD;
    }
    size -= WK_CRC_BYTES;
    if (wk_crc32(0, buffer, size) != wk_get_u32(buffer + size)) {
        return WK_DECODE_BAD;
    }
    decoder->size = size;
    return WK_DECODE_FRAME;
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* A code stands for a zero behind its run, unless that was the longest or is the frame's last. */
wk_decode_t wk_decode(wk_decoder_t *decoder, const uint8_t *bytes, uint32_t count, uint8_t *buffer,
                      uint32_t capacity, uint32_t *taken) {
    const uint8_t *at = bytes, *const end = bytes + count;
    /* Behind what there is of this frame, not of the one given before. */
    uint8_t *to = buffer + (decoder->code == 0 ? 0 : decoder->size), *const full =
                                                                         buffer + capacity;
    uint32_t code = decoder->code, left = decoder->left;
    bool broken = decoder->broken;
    while (at < end) {
        if (*at == 0) {
            at++;
            *decoder =
                (wk_decoder_t){(uint32_t)(to - buffer), (uint8_t)code, (uint8_t)left, broken};
            *taken = (uint32_t)(at - bytes);
            const wk_decode_t found = close_frame(decoder, buffer);
            if (found != WK_DECODE_MORE) {
                return found;
            }
            to = buffer;
            code = left = 0;
            broken = false;
        } else if (left == 0) {
            if (code - 1u >= 0xfeu) {
                /* no zero */
            } else if (to < full) {
                *to++ = 0;
            } else {
                broken = true;
            }
            code = *at++;
            left = code - 1u;
            while (code == 1u && at < end && *at == 1u && to < full) {
                *to++ = 0; /* zeros one behind the other, of which pictures are full */
                at++;
            }
        } else if (to == full) {
            broken = true;
            at++;
            left--;
        } else { /* the run, as far as it is there and has room */
            const uint8_t *run = at;
            const uint32_t most =
                smaller(left, smaller((uint32_t)(end - at), (uint32_t)(full - to)));
            do {
                *to++ = *at++;
            } while (at < run + most && *at != 0);
            left -= (uint32_t)(at - run);
        }
    }
    *decoder = (wk_decoder_t){(uint32_t)(to - buffer), (uint8_t)code, (uint8_t)left, broken};
    *taken = count;
    return WK_DECODE_MORE;
}

void wk_send_frame(uint8_t *frame, uint32_t size) {
    (void)wk_put_u32(frame + size, wk_crc32(0, frame, size));
    size += WK_CRC_BYTES;
    uint32_t at = 0;
    bool more = true;
    while (more) {
        uint32_t run = 0;
        while (run < 254u && at + run < size && frame[at + run] != 0) {
            run++;
        }
        const uint8_t code = (uint8_t)(run + 1u);
        wk_port_write(&code, 1);
        wk_port_write(frame + at, run);
        at += run;
        more = at < size;
        if (run < 254u) {
            at++; /* the zero here is what the code says */
        }
    }
    const uint8_t end = 0;
    wk_port_write(&end, 1);
}
