/* A flash in memory that is as strict and as unreliable as real ones, a network that only holds
 * masters, and the store on both. SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

enum {
    SIM_CUT_BEFORE = 0,   /* the power goes before the operation does anything */
    SIM_CUT_TORN = 1,     /* a word half programmed, a sector partly erased */
    SIM_CUT_AFTER = 2,    /* the operation is complete */
    SIM_CUT_MARGINAL = 3, /* a word reads as programmed some times, and as torn ever after */
};

enum { SIM_DEAD = 100, SIM_ENDLESS = 101 };

/* What the flash counted; an operation is the programming of a word or the erasure of a sector. */
typedef struct {
    uint32_t operations, erases, words;
    uint32_t violations; /* calls that a real flash would not have taken as meant */
    uint32_t slice_erases, slice_programmed, slice_read; /* most of a slice; bytes */
    uint32_t polls;
} sim_counts_t;

/* A new flash with random contents. `ecc`: reading a torn word fails. `busy` polls until an
 * operation ends. */
void sim_flash_new(uint32_t sectors, uint32_t sector_bytes, uint32_t word_bytes, int ecc,
                   uint32_t busy, uint32_t seed);
uint8_t *sim_flash_memory(void);
const sim_counts_t *sim_flash_counts(void);
/* Power goes at this operation, counted from now on from 1; 0: it stays. A marginal word reads
 * right `reads` times. */
void sim_flash_cut(uint32_t operation, uint32_t mode, uint32_t reads);
/* The flash reports that it failed at this operation, counted from now on from 1. */
void sim_flash_refuse(uint32_t operation);
/* A bit of a cell that always reads `value`; 2 takes all such bits back. */
void sim_flash_stick(uint32_t address, uint32_t bit, uint32_t value);
void sim_flash_power_on(void);
int sim_flash_dead(void);
void sim_flash_slice(void);
/* Clears violations and the extremes of a slice. */
void sim_flash_clear(void);

void sim_model_new(uint32_t layers, const uint32_t *weights, uint32_t master_bytes, int32_t limit);
uint8_t *sim_model_masters(void);
uint32_t sim_model_step(void);
uint32_t sim_model_seed(void);
void sim_model_set(uint32_t step, uint32_t seed);

void sim_store_network(const uint8_t *fingerprint, uint32_t frozen_crc);
/* Each begins, and polls to the end: a wk_store_status_t, SIM_DEAD or SIM_ENDLESS. */
int sim_store_open(void);
int sim_store_load(void);
int sim_store_save(int32_t log2_lr, uint32_t rule, const uint8_t *bytes, uint32_t size);
/* Begins only, and one slice only. */
int sim_store_begin_save(int32_t log2_lr, uint32_t rule, const uint8_t *bytes, uint32_t size);
int sim_store_poll(void);
/* What the firmware adds to the records that are saved from now on (16 KiB at most), and what came
 * of the record that was loaded last. */
void sim_extra_set(const uint8_t *bytes, uint32_t size);
const uint8_t *sim_extra_loaded(void);
uint32_t sim_extra_loaded_size(void);
uint32_t sim_store_newest(void);
uint32_t sim_store_slot_state(uint32_t slot);
uint32_t sim_store_slot_unconfirmed(uint32_t slot);
uint32_t sim_store_failed_at(void);
uint32_t sim_store_saves(void);
uint32_t sim_store_failures(void);
uint32_t sim_store_erases(uint32_t slot);
uint32_t sim_store_words(void);
uint32_t sim_store_bytes(void);
int32_t sim_loaded_log2_lr(void);
uint32_t sim_loaded_rule(void);
uint32_t sim_loaded_size(void);
const uint8_t *sim_loaded_bytes(void);
