/* Parts of operations, for programs whose slices are bounded. SPDX-License-Identifier: Apache-2.0
 */
#ifndef WK_SLICE_H
#define WK_SLICE_H

#include "wagekit/wk_kernels.h"
#include <stdint.h>

/* How the work of one output is cut: first its products, `group` samples at a time, each in
 * `bands`; then its weights in `chunks`. */
typedef struct {
    int32_t group, bands, chunks;
} wk_slicing_t;

/* One slice: products of samples first..end-1 in one band, or, where `chunk` is not negative, a
 * chunk of the weights. */
typedef struct {
    int32_t output;
    int32_t first, end;
    int32_t band;
    int32_t chunk;
} wk_slice_t;

/* Slices of one output. */
static inline int32_t wk_slices_of_output(const wk_slicing_t *slicing, int32_t samples) {
    const int32_t groups = (samples + slicing->group - 1) / slicing->group;
    return groups * slicing->bands + slicing->chunks;
}

static inline int32_t wk_slices(const wk_slicing_t *slicing, int32_t outputs, int32_t samples) {
    return outputs * wk_slices_of_output(slicing, samples);
}

static inline wk_slice_t wk_slice_at(const wk_slicing_t *slicing, int32_t tile, int32_t samples) {
    const int32_t each = wk_slices_of_output(slicing, samples);
    const int32_t products = each - slicing->chunks;
    const int32_t at = tile % each;
    wk_slice_t slice = {.output = tile / each, .chunk = at - products};
    if (at < products) {
        slice.chunk = -1;
        slice.band = at % slicing->bands;
        slice.first = at / slicing->bands * slicing->group;
        slice.end = slice.first + slicing->group;
        slice.end = slice.end < samples ? slice.end : samples;
    }
    return slice;
}

/* Whether it is the first of its output's products. */
static inline int wk_slice_begins(const wk_slice_t *slice) {
    return slice->first == 0 && slice->band == 0;
}

/* How many of `all` lie in part `number` of parts of `size`. */
static inline int32_t wk_part_size(int32_t all, int32_t number, int32_t size) {
    const int32_t left = all - number * size;
    return left < size ? left : size;
}

/* `count` rows of a convolution's products from row `first` on, as a convolution of its own. */
static inline wk_conv2d_t wk_conv2d_rows(const wk_conv2d_t *conv, int32_t first, int32_t count) {
    wk_conv2d_t rows = *conv;
    rows.pad_top -= first * conv->stride_h;
    rows.output_h = count;
    return rows;
}

/* `count` rows of pooling windows from row `first` on. */
static inline wk_pool_t wk_pool_rows(const wk_pool_t *pool, int32_t first, int32_t count) {
    wk_pool_t rows = *pool;
    rows.pooled_h = count;
    rows.first = first * pool->pooled_w;
    return rows;
}

#endif
