/* COBS frames with a CRC. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

static void restart(wk_decoder_t *decoder) {
    decoder->size = 0;
    decoder->code = 0;
    decoder->left = 0;
    decoder->broken = false;
}

static void append(wk_decoder_t *decoder, uint8_t byte, uint8_t *buffer, uint32_t capacity) {
    if (decoder->size < capacity) {
        buffer[decoder->size++] = byte;
    } else {
        decoder->broken = true;
    }
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

wk_decode_t wk_decode_byte(wk_decoder_t *decoder, uint8_t byte, uint8_t *buffer,
                           uint32_t capacity) {
    if (decoder->code == 0) {
        decoder->size = 0; /* of the frame given before */
    }
    if (byte == 0) {
        return close_frame(decoder, buffer);
    }
    if (decoder->left > 0) {
        append(decoder, byte, buffer, capacity);
        decoder->left--;
        return WK_DECODE_MORE;
    }
    if (decoder->code != 0 && decoder->code != 0xffu) {
        append(decoder, 0, buffer, capacity);
    }
    decoder->code = byte;
    decoder->left = (uint8_t)(byte - 1u);
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
