/* Forward convolution with ternary weights, two outputs in a word.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wk_activation.h"
#include "wk_loops.h"
#include <stdbool.h>

/* Terms whose sum surely fits a half of a word: 256 * 127 < 2^15. */
#define TERMS 256

/* How many words of one row are summed at a time: what registers hold. */
#define WIDE 8
#define NARROW 4

static uint32_t input_at(const wk_conv2d_t *conv, const int8_t *input, int32_t y, int32_t x,
                         int32_t c) {
    if (y < 0 || y >= conv->input_h || x < 0 || x >= conv->input_w) {
        return 0;
    }
    return (uint32_t)(int32_t)input[(y * conv->input_w + x) * conv->input_c + c];
}

void wk_conv2d_pack_pairs(const wk_conv2d_t *conv, const wk_pairs_t *pairs, const int8_t *input,
                          uint32_t *words) {
    const int32_t apart = pairs->half * conv->stride_h;
    for (int32_t c = 0; c < conv->input_c; c++) {
        for (int32_t r = 0; r < pairs->rows; r++) {
            const int32_t y = r - conv->pad_top;
            for (int32_t column = 0; column < pairs->pitch; column++) {
                const int32_t x = column - conv->pad_left;
                *words =
                    input_at(conv, input, y, x, c) + (input_at(conv, input, y + apart, x, c) << 16);
                words++;
            }
        }
    }
}

void wk_conv2d_list_weights(const wk_conv2d_t *conv, const wk_pairs_t *pairs, const int8_t *row,
                            wk_signs_t *signs, uint16_t *list) {
    const int32_t plane = pairs->rows * pairs->pitch;
    uint16_t *positive = list;
    uint16_t *negative = list + conv->kernel_h * conv->kernel_w * conv->input_c;
    for (int32_t ky = 0; ky < conv->kernel_h; ky++) {
        for (int32_t kx = 0; kx < conv->kernel_w; kx++) {
            int32_t at = ky * pairs->pitch + kx;
            for (int32_t c = 0; c < conv->input_c; c++) {
                const int32_t weight = *row;
                row++;
                if (weight > 0) {
                    *positive = (uint16_t)at;
                    positive++;
                } else if (weight < 0) {
                    negative--;
                    *negative = (uint16_t)at;
                }
                at += plane;
            }
        }
    }
    signs->positive = (int32_t)(positive - list);
    signs->negative = (int32_t)(list + conv->kernel_h * conv->kernel_w * conv->input_c - negative);
}

/* The two sums of a word: the lower one may have borrowed from the upper one. */
static inline void spread(uint32_t word, int32_t *low, int32_t *high) {
    const int32_t lower = (int32_t)((word & 0xFFFFu) ^ 0x8000u) - 0x8000;
    const uint32_t upper = (word - (uint32_t)lower) >> 16;
    *low += lower;
    *high += (int32_t)(upper ^ 0x8000u) - 0x8000;
}

static WK_NOT_INLINED void sum_wide(const uint32_t *words, const uint16_t *positive,
                                    const uint16_t *positive_end, const uint16_t *negative,
                                    const uint16_t *negative_end, int32_t *low, int32_t *high) {
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (; positive < positive_end; positive++) {
        const uint32_t *from = words + *positive;
        s0 += from[0], s1 += from[1], s2 += from[2], s3 += from[3];
        s4 += from[4], s5 += from[5], s6 += from[6], s7 += from[7];
    }
    for (; negative < negative_end; negative++) {
        const uint32_t *from = words + *negative;
        s0 -= from[0], s1 -= from[1], s2 -= from[2], s3 -= from[3];
        s4 -= from[4], s5 -= from[5], s6 -= from[6], s7 -= from[7];
    }
    spread(s0, &low[0], &high[0]);
    spread(s1, &low[1], &high[1]);
    spread(s2, &low[2], &high[2]);
    spread(s3, &low[3], &high[3]);
    spread(s4, &low[4], &high[4]);
    spread(s5, &low[5], &high[5]);
    spread(s6, &low[6], &high[6]);
    spread(s7, &low[7], &high[7]);
}

static WK_NOT_INLINED void sum_narrow(const uint32_t *words, const uint16_t *positive,
                                      const uint16_t *positive_end, const uint16_t *negative,
                                      const uint16_t *negative_end, int32_t *low, int32_t *high) {
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (; positive < positive_end; positive++) {
        const uint32_t *from = words + *positive;
        s0 += from[0], s1 += from[1], s2 += from[2], s3 += from[3];
    }
    for (; negative < negative_end; negative++) {
        const uint32_t *from = words + *negative;
        s0 -= from[0], s1 -= from[1], s2 -= from[2], s3 -= from[3];
    }
    spread(s0, &low[0], &high[0]);
    spread(s1, &low[1], &high[1]);
    spread(s2, &low[2], &high[2]);
    spread(s3, &low[3], &high[3]);
}

/* Sums of 2 * width outputs, `TERMS` weights at a time. */
static void sum_block(const wk_signs_t *signs, const uint16_t *list, int32_t fan_in, int32_t width,
                      const uint32_t *words, int32_t *low, int32_t *high) {
    const uint16_t *positive = list;
    const uint16_t *const positive_end = list + signs->positive;
    const uint16_t *negative = list + fan_in - signs->negative;
    const uint16_t *const negative_end = list + fan_in;
    for (int32_t i = 0; i < width; i++) {
        low[i] = 0;
        high[i] = 0;
    }
    while (positive < positive_end || negative < negative_end) {
        const int32_t positives = (int32_t)(positive_end - positive);
        const int32_t here = positives < TERMS ? positives : TERMS;
        const int32_t negatives = (int32_t)(negative_end - negative);
        const int32_t there = negatives < TERMS - here ? negatives : TERMS - here;
        if (width == WIDE) {
            sum_wide(words, positive, positive + here, negative, negative + there, low, high);
        } else {
            sum_narrow(words, positive, positive + here, negative, negative + there, low, high);
        }
        positive += here;
        negative += there;
    }
}

void wk_conv2d_forward_pairs(const wk_conv2d_t *conv, const wk_pairs_t *pairs,
                             const wk_activation_t *activation, const uint32_t *words,
                             const wk_signs_t *signs, const uint16_t *list, int8_t *output,
                             int32_t spacing) {
    const wk_activation_t rule = *activation;
    const int32_t fan_in = conv->kernel_h * conv->kernel_w * conv->input_c;
    const int32_t output_w = conv->output_w;
    const int32_t apart = pairs->half * output_w * spacing;
    int32_t low[WIDE];
    int32_t high[WIDE];
    for (int32_t oy = 0; oy < pairs->half; oy++) {
        const uint32_t *from = words + oy * conv->stride_h * pairs->pitch;
        const bool both = oy + pairs->half < conv->output_h;
        int32_t done = 0;
        while (done < output_w) {
            const int32_t rest = output_w - done;
            const int32_t width = rest > NARROW && output_w >= WIDE ? WIDE : NARROW;
            /* The last block of a row goes over outputs that are done: it ends with the row. */
            const int32_t ox = rest >= width || output_w < width ? done : output_w - width;
            const int32_t end = ox + width < output_w ? ox + width : output_w;
            sum_block(signs, list, fan_in, width, from + ox, low, high);
            for (int32_t x = done; x < end; x++) {
                int8_t *to = output + (oy * output_w + x) * spacing;
                to[0] = wk_activation_of(&rule, low[x - ox]);
                if (both) {
                    to[apart] = wk_activation_of(&rule, high[x - ox]);
                }
            }
            done = end;
        }
    }
}
