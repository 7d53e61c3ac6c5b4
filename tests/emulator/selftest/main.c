/* Proves a board's port: answers one-letter commands over the serial line.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_fault.h"
#include "wagekit/wk_port.h"
#include "wk_config.h"

#define WK_FILE_ID WK_FILE('s', 'e', 'l', 'f')

static volatile uint32_t sink;

static uint8_t get(void) {
    uint8_t byte;
    while (wk_port_read(&byte, 1) == 0) {
        wk_port_feed_watchdog();
    }
    return byte;
}

static uint32_t get_word(void) {
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++) {
        word |= (uint32_t)get() << (8 * i);
    }
    return word;
}

static void put(const void *bytes, uint32_t size) {
    wk_port_write(bytes, size);
}

static void put_word(uint32_t word) {
    put(&word, sizeof word);
}

/* Exactly two instructions a round: ticks of different counts differ by just that. */
static void loop(uint32_t rounds) {
    __asm volatile("1: subs %0, #1\n\tbne 1b" : "+l"(rounds)::"cc");
}

static uint32_t dive(uint32_t depth) {
    volatile uint32_t here[8] = {depth};
    return depth == 0 ? 0 : dive(depth - 1) + here[depth & 7u];
}

static void echo(uint32_t size) {
    uint8_t bytes[64];
    while (size > 0) {
        const uint32_t count = wk_port_read(bytes, size < sizeof bytes ? size : sizeof bytes);
        for (uint32_t i = 0; i < count; i++) {
            bytes[i] ^= 0x5Au;
        }
        put(bytes, count);
        size -= count;
    }
}

/* Computes without looking at the line, then takes what came meanwhile. */
static void compute_then_sum(uint32_t rounds, uint32_t size) {
    put("go", 2);
    loop(rounds);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = sum * 31u + get();
    }
    put_word(sum);
    put_word(wk_port_overruns());
}

/* More than a reader that rests lets through: some of it waits for room, and is sent from the
 * interrupt. */
static void pour(uint32_t size) {
    uint8_t bytes[61];
    uint32_t value = 1;
    while (size > 0) {
        const uint32_t count = size < sizeof bytes ? size : sizeof bytes;
        for (uint32_t i = 0; i < count; i++) {
            value = value * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(value >> 24);
        }
        put(bytes, count);
        size -= count;
    }
}

static void measure(uint32_t rounds) {
    const uint64_t before = wk_port_ticks();
    loop(rounds);
    const uint64_t after = wk_port_ticks();
    put_word((uint32_t)(after - before));
    put_word((uint32_t)((after - before) >> 32));
}

/* The counter never goes back, also around the rounds of the hardware's own. */
static void watch(uint32_t reads) {
    uint64_t last = wk_port_ticks();
    uint32_t backwards = 0;
    uint64_t widest = 0;
    for (uint32_t i = 0; i < reads; i++) {
        const uint64_t now = wk_port_ticks();
        if (now < last) {
            backwards++;
        } else if (now - last > widest) {
            widest = now - last;
        }
        last = now;
    }
    put_word(backwards);
    put_word((uint32_t)widest);
    put_word((uint32_t)(widest >> 32));
}

static void fail(uint8_t kind) {
    switch (kind) {
    case 'u': /* an undefined instruction */
        __asm volatile("movs r0, #17\n\tmovs r1, #34\n\tudf #0" ::: "r0", "r1");
        break;
    case 'b': /* no memory there */
        sink = *(volatile uint32_t *)0x1FF00000u;
        break;
    case 's':
        sink = dive(1000000);
        break;
    case 'i': /* an interrupt that nothing handles */
        *(volatile uint32_t *)0xE000E200u = 1u << 20;
        *(volatile uint32_t *)0xE000E100u = 1u << 20;
        __asm volatile("dsb\n\tisb");
        break;
    default:
        WK_ASSERT(kind == 0);
        break;
    }
}

/* Data and zeroed data, and the memory functions, are as C wants them. */
static uint32_t initialised[3] = {1, 2, 3};
static uint32_t zeroed[5];

static uint32_t check_memory(void) {
    uint8_t a[67], b[67];
    volatile uint32_t size = sizeof a;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < sizeof a; i++) {
        a[i] = (uint8_t)(i * 7u);
    }
    for (uint32_t offset = 0; offset < 5; offset++) {
        __builtin_memset(b, 0xEE, size);
        __builtin_memcpy(b + offset, a, size - offset - 1);
        wrong += __builtin_memcmp(b + offset, a, size - offset - 1) != 0;
        wrong += b[size - 1] != 0xEEu || (offset > 0 && b[offset - 1] != 0xEEu);
        __builtin_memmove(b + 3, b + offset, size - 8);
        wrong += __builtin_memcmp(b + 3, a, size - 8) != 0;
    }
    for (uint32_t i = 0; i < 3; i++) {
        wrong += initialised[i]++ != i + 1;
    }
    for (uint32_t i = 0; i < 5; i++) {
        wrong += zeroed[i]++ != 0;
    }
    return wrong;
}

void wk_link_send_fault(const wk_fault_info_t *info) {
    put("FAULT", 5);
    put(info, sizeof *info);
}

int main(void) {
    wk_port_init();
    put("up", 2);
    put_word(check_memory());
    for (;;) {
        switch (get()) {
        case 'e':
            echo(get_word());
            break;
        case 'c': {
            const uint32_t rounds = get_word();
            compute_then_sum(rounds, get_word());
            break;
        }
        case 'p':
            pour(get_word());
            break;
        case 't':
            measure(get_word());
            break;
        case 'w':
            watch(get_word());
            break;
        case 's':
            put_word(wk_port_stack_free());
            break;
        case 'd':
            sink = dive(get_word());
            put_word(wk_port_stack_free());
            break;
        case 'f':
            fail(get());
            put("alive", 5);
            break;
        case 'h': /* hang without feeding the watchdog */
            for (;;) {
                loop(1000);
            }
        case 'x':
            wk_port_exit(get());
        case 'r':
            wk_port_reset();
        default:
            put("?", 1);
            break;
        }
    }
}
