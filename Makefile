# Each target sets up what it needs by itself (scripts/setup.sh), so a fresh clone needs git and make only.
# SPDX-License-Identifier: Apache-2.0

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
# Test processes at a time; a file of tests stays in one process, so that it builds its firmware once.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# In the order of their folders, which ends with short tests; by the number of tests, as it would be
# else, the longest tests come last, each alone in its file.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
# More arguments for pytest, for example: make test ARGS="-k lenet -x"
ARGS ?=

C_FILES = $(shell find firmware boards examples tests -name '*.[ch]' -o -name '*.inc')
PYTHON_DIRS := toolkit tests scripts bench

.PHONY: help setup setup-run demo test test-long bench bench-gradients bench-neuro bench-throughput board-table check format \
	check-lint check-format check-types check-imports check-c-format check-c check-boards

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

setup: ## Install all that development needs
	@scripts/setup.sh dev

setup-run:
	@scripts/setup.sh run

demo: setup-run ## Train the digits network inside an emulated Cortex-M4 and prove it bit for bit
	@$(BIN)/wagekit demo

test: setup ## Run the tests (about 12 minutes on 2 cores)
	@$(PYTEST) -m "not long and not every_board" $(ARGS)

test-long: setup ## Run the tests that take longer, and all property tests with more examples
	@HYPOTHESIS_PROFILE=long $(PYTEST) --timeout 3600 $(ARGS)

bench: setup ## Count instructions and memory on every board; writes bench/results.md
	@$(BIN)/python -m bench $(ARGS)

bench-gradients: setup ## LeNet on MNIST with 2 to 12 bits of gradients; adds to bench/gradient_bits.json
	@$(BIN)/python -m bench.gradient_bits $(ARGS)

bench-neuro: setup ## How fast the neuromorphic cores are simulated; writes bench/neuro.md
	@$(BIN)/python -m bench.neuro $(ARGS)

bench-throughput: setup ## How far transfer and training overlap in QEMU; writes bench/throughput.md
	@$(BIN)/python -m bench.throughput $(ARGS)

check: check-lint check-format check-types check-imports check-c-format check-c check-boards ## Run every static check

check-lint: setup
	$(BIN)/ruff check $(PYTHON_DIRS)

check-format: setup
	$(BIN)/ruff format --check $(PYTHON_DIRS)

check-types: setup
	$(BIN)/mypy
	$(BIN)/mypy bench scripts

check-imports: setup
	$(BIN)/lint-imports

check-c-format: setup
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

check-c: setup
	$(BIN)/python scripts/check_c.py

check-boards: setup
	$(PYTEST) -m every_board tests/unit/toolchain

board-table: setup ## Write the tables of docs/boards.md: what fits which board, and what was tried where
	@$(BIN)/python -m bench.board_table

format: setup ## Format Python and C in place
	$(BIN)/ruff check --fix-only -q $(PYTHON_DIRS)
	$(BIN)/ruff format $(PYTHON_DIRS)
	$(BIN)/clang-format -i $(C_FILES)
