/* Forward convolution, one output channel of one sample. SPDX-License-Identifier: Apache-2.0 */
#include "wk_activation.h"
#include "wk_loops.h"

/* A dot product for each row of the window: for kernel rows long enough to be worth it. */
static void forward_by_dots(const wk_conv2d_t *conv, const wk_activation_t *activation,
                            const int8_t *input, const int8_t *row, int8_t *output,
                            int32_t spacing) {
    const int32_t input_pitch = conv->input_w * conv->input_c;
    const int32_t kernel_pitch = conv->kernel_w * conv->input_c;
    int32_t at = 0;
    for (int32_t oy = 0; oy < conv->output_h; oy++) {
        for (int32_t ox = 0; ox < conv->output_w; ox++) {
            const wk_window_t window = wk_window_at(conv, oy, ox);
            int32_t sum = 0;
            for (int32_t y = 0; y < window.rows; y++) {
                sum += wk_dot(input + window.input + y * input_pitch,
                              row + window.kernel + y * kernel_pitch, window.length);
            }
            output[at] = wk_activation_of(activation, sum);
            at += spacing;
        }
    }
}

/* Which outputs along one axis see the input, not padding, through one position of the kernel. */
typedef struct {
    int32_t first, end;
    int32_t input; /* the input that the first of them sees */
} range_t;

static range_t outputs_that_see(int32_t outputs, int32_t stride, int32_t offset, int32_t inputs) {
    range_t range = {.first = 0, .end = outputs, .input = offset};
    while (range.first < range.end && range.input < 0) {
        range.first++;
        range.input += stride;
    }
    while (range.end > range.first && (range.end - 1) * stride + offset >= inputs) {
        range.end--;
    }
    return range;
}

/* What one weight adds to the sums of all outputs; `x` is the first input that it meets. */
static void add_weight(const wk_conv2d_t *conv, const range_t *ys, const range_t *xs,
                       const int8_t *x, int32_t weight, int32_t *sums) {
    const int32_t step = conv->stride_w * conv->input_c;
    const int32_t pitch = conv->stride_h * conv->input_w * conv->input_c;
    const int32_t count = xs->end - xs->first;
    for (int32_t y = ys->first; y < ys->end; y++) {
        int32_t *to = sums + y * conv->output_w + xs->first;
        const int8_t *from = x + (y - ys->first) * pitch;
        if (step == 1) {
            wk_add_scaled_i32(to, from, weight, count);
        } else {
            wk_add_spaced_i32(to, from, step, weight, count);
        }
    }
}

/* One weight at a time over rows of outputs: zeros are skipped, short kernel rows cost little. */
static void forward_by_rows(const wk_conv2d_t *conv, const wk_activation_t *activation,
                            const int8_t *input, const int8_t *row, int32_t *sums, int8_t *output,
                            int32_t spacing) {
    const int32_t positions = conv->output_h * conv->output_w;
    for (int32_t i = 0; i < positions; i++) {
        sums[i] = 0;
    }
    for (int32_t ky = 0; ky < conv->kernel_h; ky++) {
        const range_t ys =
            outputs_that_see(conv->output_h, conv->stride_h, ky - conv->pad_top, conv->input_h);
        for (int32_t kx = 0; kx < conv->kernel_w; kx++) {
            const range_t xs = outputs_that_see(conv->output_w, conv->stride_w, kx - conv->pad_left,
                                                conv->input_w);
            const int32_t at = (ys.input * conv->input_w + xs.input) * conv->input_c;
            const int8_t *weights = row + (ky * conv->kernel_w + kx) * conv->input_c;
            for (int32_t c = 0; c < conv->input_c && ys.first < ys.end && xs.first < xs.end; c++) {
                if (weights[c] != 0) {
                    add_weight(conv, &ys, &xs, input + at + c, weights[c], sums);
                }
            }
        }
    }
    for (int32_t i = 0; i < positions; i++) {
        output[i * spacing] = wk_activation_of(activation, sums[i]);
    }
}

void wk_conv2d_forward(const wk_conv2d_t *conv, const wk_activation_t *activation,
                       const int8_t *input, const int8_t *row, int32_t *sums, int8_t *output,
                       int32_t spacing) {
    if (conv->by_rows != 0) {
        forward_by_rows(conv, activation, input, row, sums, output, spacing);
    } else {
        forward_by_dots(conv, activation, input, row, output, spacing);
    }
}
