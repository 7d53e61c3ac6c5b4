"""Frozen, typed graph of a network; front ends create it, passes return a new one, backends read it."""
