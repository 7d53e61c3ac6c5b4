"""The numerics contract as functions: grids, rounding, shift, counter PRNG, initial weights."""
