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

/* Sums of one row of outputs over one row of the kernel. */
static void add_kernel_row(const wk_conv2d_t *conv, const int8_t *input, const int8_t *row,
                           int32_t *sums) {
    const int32_t step = conv->stride_w * conv->input_c;
    for (int32_t kx = 0; kx < conv->kernel_w; kx++) {
        int32_t first = 0;
        int32_t end = conv->output_w;
        while (first < end && first * conv->stride_w + kx < conv->pad_left) {
            first++;
        }
        while (first < end && (end - 1) * conv->stride_w + kx - conv->pad_left >= conv->input_w) {
            end--;
        }
        if (first == end) {
            continue;
        }
        const int32_t column = first * conv->stride_w + kx - conv->pad_left;
        const int8_t *x = input + column * conv->input_c;
        for (int32_t c = 0; c < conv->input_c; c++) {
            const int32_t weight = row[kx * conv->input_c + c];
            if (weight != 0 && step == 1) {
                wk_add_scaled_i32(sums + first, x + c, weight, end - first);
            } else if (weight != 0) {
                wk_add_spaced_i32(sums + first, x + c, step, weight, end - first);
            }
        }
    }
}

/* One weight at a time over a row of outputs: zeros are skipped, short kernel rows cost little. */
static void forward_by_rows(const wk_conv2d_t *conv, const wk_activation_t *activation,
                            const int8_t *input, const int8_t *row, int32_t *sums, int8_t *output,
                            int32_t spacing) {
    const int32_t input_pitch = conv->input_w * conv->input_c;
    const int32_t kernel_pitch = conv->kernel_w * conv->input_c;
    int32_t at = 0;
    for (int32_t oy = 0; oy < conv->output_h; oy++) {
        for (int32_t ox = 0; ox < conv->output_w; ox++) {
            sums[ox] = 0;
        }
        for (int32_t ky = 0; ky < conv->kernel_h; ky++) {
            const int32_t iy = oy * conv->stride_h + ky - conv->pad_top;
            if (iy >= 0 && iy < conv->input_h) {
                add_kernel_row(conv, input + iy * input_pitch, row + ky * kernel_pitch, sums);
            }
        }
        for (int32_t ox = 0; ox < conv->output_w; ox++) {
            output[at] = wk_activation_of(activation, sums[ox]);
            at += spacing;
        }
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
