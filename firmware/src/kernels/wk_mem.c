/* The memory functions that compilers call on their own, for firmware without a C library; on a
 * host this file is empty. SPDX-License-Identifier: Apache-2.0
 *
 * Build it with -fno-builtin -fno-tree-loop-distribute-patterns, or the loops become calls of
 * themselves. They are weak: a C library that is linked as well wins. */
#if defined(__arm__) && !defined(__linux__)

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#define WK_WEAK __attribute__((weak, used))
/* A word that may alias anything, as memory functions must. */
typedef uint32_t __attribute__((may_alias)) word_t;

static int is_word_pair(const void *a, const void *b) {
    return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word_t) - 1)) == 0;
}

WK_WEAK void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (is_word_pair(to, from)) {
        for (; count >= sizeof(word_t); count -= sizeof(word_t)) {
            *(word_t *)(void *)out = *(const word_t *)(const void *)in;
            out += sizeof(word_t);
            in += sizeof(word_t);
        }
    }
    for (; count > 0; count--) {
        *out++ = *in++;
    }
    return to;
}

WK_WEAK void *memmove(void *to, const void *from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)out < (uintptr_t)in) {
        for (size_t i = 0; i < count; i++) {
            out[i] = in[i];
        }
    } else {
        while (count > 0) {
            count--;
            out[count] = in[count];
        }
    }
    return to;
}

WK_WEAK void *memset(void *to, int value, size_t count) {
    uint8_t *out = to;
    const word_t word = (uint8_t)value * 0x01010101u;
    if (is_word_pair(to, to)) {
        for (; count >= sizeof(word_t); count -= sizeof(word_t)) {
            *(word_t *)(void *)out = word;
            out += sizeof(word_t);
        }
    }
    for (; count > 0; count--) {
        *out++ = (uint8_t)value;
    }
    return to;
}

WK_WEAK int memcmp(const void *a, const void *b, size_t count) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (; count > 0; count--) {
        if (*x != *y) {
            return *x - *y;
        }
        x++;
        y++;
    }
    return 0;
}

#else

typedef int wk_mem_is_of_the_host_t;

#endif
