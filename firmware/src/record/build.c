/* The record of the build; the linker script keeps it also where nothing reads it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_build.h"

#ifdef __ELF__
__attribute__((section(".wk_build"), used))
#endif
const wk_build_t wk_build = {
    .magic = {'W', 'K', 'B', 'U', 'I', 'L', 'D', '1'},
    .hash = WK_MANIFEST_HASH,
    .size = sizeof(WK_BUILD_TEXT) - 1u,
    .text = WK_BUILD_TEXT,
};
