/* A sensor that counts: sample n has the codes n, n + 1, ... modulo 128; each third try it has
 * none, and it is busy twice before each. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_sense.h"
#include <wk_model.h> /* of the network that is built, not the one beside this file */

static uint32_t calls;

wk_status_t wk_app_sense(int8_t *codes) {
    const uint32_t number = calls / 3u;
    calls++;
    if (calls % 3u != 0) {
        codes[0] = 127; /* half a sample */
        return WK_BUSY;
    }
    for (uint32_t i = 0; i < WK_MODEL_INPUTS; i++) {
        codes[i] = (int8_t)((number + i) % 128u);
    }
    return number % 3u == 2u ? WK_ERR_STATE : WK_OK;
}
