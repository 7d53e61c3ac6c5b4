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

/* A code stands for a zero behind its run, unless that was the longest or is the frame's last. */
wk_decode_t wk_decode(wk_decoder_t *decoder, const uint8_t *bytes, uint32_t count, uint8_t *buffer,
                      uint32_t capacity, uint32_t *taken) {
    uint32_t size = decoder->code == 0 ? 0 : decoder->size; /* not of the frame given before */
    uint32_t code = decoder->code, left = decoder->left;
    bool broken = decoder->broken;
    uint32_t at = 0;
    while (at < count) {
        uint8_t byte = bytes[at++];
        if (byte == 0) {
            *decoder = (wk_decoder_t){size, (uint8_t)code, (uint8_t)left, broken};
            *taken = at;
            const wk_decode_t found = close_frame(decoder, buffer);
            if (found != WK_DECODE_MORE) {
                return found;
            }
            size = code = left = 0;
            broken = false;
            continue;
        }
        if (left > 0) {
            left--;
        } else {
            const bool zero = code - 1u < 0xfeu;
            code = byte;
            left = code - 1u;
            if (!zero) {
                continue;
            }
            byte = 0;
        }
        if (size < capacity) {
            buffer[size++] = byte;
        } else {
            broken = true;
        }
    }
    *decoder = (wk_decoder_t){size, (uint8_t)code, (uint8_t)left, broken};
    *taken = at;
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
