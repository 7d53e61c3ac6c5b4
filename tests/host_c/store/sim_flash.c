/* A flash in memory that enforces its rules, and fails as flashes do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"
#include "wagekit/wk_flash.h"
#include <stdbool.h>
#include <string.h>

#define AREA (1u << 18)
#define STUCK 8u

typedef enum { IDLE, ERASING, PROGRAMMING } work_t;

static struct {
    wk_flash_geometry_t geometry;
    uint8_t memory[AREA];
    bool written[AREA];    /* by word: since its sector was wholly erased */
    bool unreadable[AREA]; /* by word: its error correction does not fit */
    bool ecc, dead;
    uint32_t busy, left, random;
    work_t work;
    uint32_t sector, address, size, done;
    const uint8_t *bytes;
    uint32_t cut_at, cut_mode, refuse_at;
    uint32_t marginal_address, marginal_reads;
    bool marginal;
    uint8_t torn[WK_FLASH_WORD_MAX];
    struct {
        uint32_t address, mask, value;
    } stuck[STUCK];
    uint32_t stuck_bits;
    uint32_t erases_now, programmed_now, read_now;
    sim_counts_t counts;
} sim;

static uint32_t draw(void) {
    sim.random ^= sim.random << 13;
    sim.random ^= sim.random >> 17;
    sim.random ^= sim.random << 5;
    return sim.random;
}

static uint32_t area(void) {
    return sim.geometry.sectors * sim.geometry.sector_bytes;
}

void sim_flash_new(uint32_t sectors, uint32_t sector_bytes, uint32_t word_bytes, int ecc,
                   uint32_t busy, uint32_t seed) {
    memset(&sim, 0, sizeof sim);
    sim.geometry = (wk_flash_geometry_t){sectors, sector_bytes, word_bytes};
    sim.ecc = ecc != 0;
    sim.busy = busy;
    sim.random = seed | 1u;
    for (uint32_t i = 0; i < area(); i++) {
        sim.memory[i] = (uint8_t)draw();
        sim.written[i / word_bytes] = true;
    }
}

uint8_t *sim_flash_memory(void) {
    return sim.memory;
}

const sim_counts_t *sim_flash_counts(void) {
    return &sim.counts;
}

void sim_flash_cut(uint32_t operation, uint32_t mode, uint32_t reads) {
    sim.cut_at = operation == 0 ? 0 : sim.counts.operations + operation;
    sim.cut_mode = mode;
    sim.marginal_reads = reads;
}

void sim_flash_refuse(uint32_t operation) {
    sim.refuse_at = operation == 0 ? 0 : sim.counts.operations + operation;
}

void sim_flash_stick(uint32_t address, uint32_t bit, uint32_t value) {
    if (value > 1) {
        sim.stuck_bits = 0;
    } else if (sim.stuck_bits < STUCK) {
        sim.stuck[sim.stuck_bits].address = address;
        sim.stuck[sim.stuck_bits].mask = 1u << bit;
        sim.stuck[sim.stuck_bits].value = value ? 1u << bit : 0;
        sim.stuck_bits++;
    }
}

void sim_flash_power_on(void) {
    sim.dead = false;
    sim.work = IDLE;
    sim.cut_at = 0;
    sim.refuse_at = 0;
}

int sim_flash_dead(void) {
    return sim.dead;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

void sim_flash_slice(void) {
    sim_counts_t *counts = &sim.counts;
    counts->polls++;
    counts->slice_erases = larger(counts->slice_erases, sim.erases_now);
    counts->slice_programmed = larger(counts->slice_programmed, sim.programmed_now);
    counts->slice_read = larger(counts->slice_read, sim.read_now);
    sim.erases_now = sim.programmed_now = sim.read_now = 0;
}

void sim_flash_clear(void) {
    sim.counts.violations = 0;
    sim.counts.slice_erases = sim.counts.slice_programmed = sim.counts.slice_read = 0;
}

const wk_flash_geometry_t *wk_flash_geometry(void) {
    return &sim.geometry;
}

/* Whether the next operation is carried out, and how the power goes if it does. */
typedef enum { WHOLE, PARTLY, NOT } fate_t;

static fate_t next_operation(bool *marginal) {
    sim.counts.operations++;
    *marginal = false;
    if (sim.counts.operations != sim.cut_at) {
        return WHOLE;
    }
    sim.dead = true;
    *marginal = sim.cut_mode == SIM_CUT_MARGINAL;
    return sim.cut_mode == SIM_CUT_BEFORE ? NOT : sim.cut_mode == SIM_CUT_AFTER ? WHOLE : PARTLY;
}

static void erase_now(void) {
    bool marginal;
    const fate_t fate = next_operation(&marginal);
    const uint32_t size = sim.geometry.sector_bytes, word = sim.geometry.word_bytes;
    const uint32_t start = sim.sector * size;
    sim.counts.erases++;
    if (fate == NOT) {
        return;
    }
    for (uint32_t at = start; at < start + size; at++) {
        uint8_t *byte = &sim.memory[at];
        if (fate == WHOLE) {
            *byte = 0xFF;
        } else if (draw() % 4u != 0) { /* old, blank, halfway or anything */
            const uint32_t kind = draw() % 3u;
            *byte = (uint8_t)(kind == 0 ? 0xFFu : kind == 1 ? *byte | draw() : draw());
        }
        sim.written[at / word] = fate != WHOLE;
        sim.unreadable[at / word] = sim.ecc && fate != WHOLE && draw() % 8u == 0;
    }
}

static void program_word(uint32_t address, const uint8_t *bytes) {
    bool marginal;
    const fate_t fate = next_operation(&marginal);
    const uint32_t word = sim.geometry.word_bytes;
    sim.counts.words++;
    if (fate == NOT) {
        return;
    }
    if (sim.written[address / word]) {
        sim.counts.violations++;
    }
    sim.written[address / word] = true;
    for (uint32_t i = 0; i < word; i++) {
        sim.torn[i] = (uint8_t)(sim.memory[address + i] & (bytes[i] | draw()));
        sim.memory[address + i] &= fate == WHOLE || marginal ? bytes[i] : sim.torn[i];
    }
    sim.unreadable[address / word] = sim.ecc && fate == PARTLY && !marginal;
    if (marginal) {
        sim.marginal = true;
        sim.marginal_address = address;
    }
}

static wk_flash_status_t work_on(void) {
    if (sim.left > 0) {
        sim.left--;
        return WK_FLASH_BUSY;
    }
    const work_t work = sim.work;
    sim.work = IDLE;
    if (sim.dead) {
        return WK_FLASH_DONE;
    }
    if (sim.refuse_at > sim.counts.operations &&
        sim.refuse_at <= sim.counts.operations + (work == ERASING ? 1u : sim.size)) {
        return WK_FLASH_FAILED;
    }
    if (work == ERASING) {
        erase_now();
    }
    for (uint32_t i = 0; work == PROGRAMMING && i < sim.size && !sim.dead;
         i += sim.geometry.word_bytes) {
        program_word(sim.address + i, sim.bytes + i);
    }
    return WK_FLASH_DONE;
}

static wk_flash_status_t begin(work_t work) {
    if (sim.work != IDLE) {
        sim.counts.violations++;
    }
    sim.work = work;
    sim.left = sim.busy;
    return work_on();
}

wk_flash_status_t wk_flash_start(void) {
    return begin(IDLE);
}

wk_flash_status_t wk_flash_poll(void) {
    return work_on();
}

wk_flash_status_t wk_flash_erase(uint32_t sector) {
    if (sector >= sim.geometry.sectors) {
        sim.counts.violations++;
        return WK_FLASH_FAILED;
    }
    sim.erases_now++;
    sim.sector = sector;
    return begin(ERASING);
}

wk_flash_status_t wk_flash_program(uint32_t address, const uint8_t *bytes, uint32_t size) {
    const uint32_t word = sim.geometry.word_bytes;
    if (size == 0 || address % word != 0 || size % word != 0 || (uintptr_t)bytes % 4u != 0 ||
        address % WK_FLASH_BLOCK + size > WK_FLASH_BLOCK || address + size > area()) {
        sim.counts.violations++;
        return WK_FLASH_FAILED;
    }
    sim.programmed_now += size;
    sim.address = address;
    sim.bytes = bytes;
    sim.size = size;
    return begin(PROGRAMMING);
}

static void age_marginal_word(uint32_t address, uint32_t size) {
    const uint32_t word = sim.geometry.word_bytes;
    if (!sim.marginal || address + size <= sim.marginal_address ||
        address >= sim.marginal_address + word) {
        return;
    }
    if (!sim.written[sim.marginal_address / word]) { /* erased since */
        sim.marginal = false;
    } else if (sim.marginal_reads > 0) {
        sim.marginal_reads--;
    } else {
        memcpy(&sim.memory[sim.marginal_address], sim.torn, word);
        sim.unreadable[sim.marginal_address / word] = sim.ecc;
        sim.marginal = false;
    }
}

wk_flash_status_t wk_flash_read(uint32_t address, uint8_t *bytes, uint32_t size) {
    if (sim.work != IDLE || address + size > area()) {
        sim.counts.violations++;
        return WK_FLASH_FAILED;
    }
    sim.read_now += size;
    if (!sim.dead) {
        age_marginal_word(address, size);
    }
    bool readable = true;
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = sim.memory[address + i];
        readable = readable && !sim.unreadable[(address + i) / sim.geometry.word_bytes];
    }
    for (uint32_t i = 0; i < sim.stuck_bits; i++) {
        const uint32_t at = sim.stuck[i].address - address;
        if (at < size) {
            bytes[at] = (uint8_t)((bytes[at] & ~sim.stuck[i].mask) | sim.stuck[i].value);
        }
    }
    return readable ? WK_FLASH_DONE : WK_FLASH_FAILED;
}
