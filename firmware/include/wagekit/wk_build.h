/* What a firmware is made of, for people and tools: it lies in the image, and the link tells it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_BUILD_H
#define WK_BUILD_H

#include <stdint.h>

#include "wk_manifest.h"

#ifndef WK_OPTIMISE
#define WK_OPTIMISE "unknown"
#endif
#ifdef __clang__
#define WK_COMPILER __VERSION__ /* names itself */
#else
#define WK_COMPILER "gcc " __VERSION__
#endif

/* Lines `key=value`. What the project was generated with, and then what really compiled it. */
#define WK_BUILD_TEXT WK_MANIFEST_TEXT "compiler=" WK_COMPILER "\noptimise=" WK_OPTIMISE "\n"

typedef struct {
    uint8_t magic[8]; /* "WKBUILD" and the version of this layout, '1'; stands at a multiple of 4 */
    uint8_t hash[32]; /* of the manifest */
    uint32_t size;    /* characters of the text, little-endian */
    char text[sizeof(WK_BUILD_TEXT)];
} wk_build_t;

extern const wk_build_t wk_build;

#endif
