/* A sensor of the device's own: what an application gives that has one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * With WK_HAVE_SENSOR 1 in wk_config.h (`wagekit build --sensor FILE.c` sets it and adds the file)
 * the link application calls this hook when the host asks for a sample. */
#ifndef WK_SENSE_H
#define WK_SENSE_H

#include "wagekit/wk_status.h"
#include <stdint.h>

/* Fill `codes` with one sample, WK_MODEL_INPUTS codes on the grid of the activations, NHWC; the
 * functions of wk_encode.h make them of raw values. WK_BUSY: not yet, call again, with the same
 * codes; the link is served between two calls, so none may take longer than a slice of computation.
 * WK_OK: they are complete. Anything else: there is no sample. */
wk_status_t wk_app_sense(int8_t *codes);

#endif
