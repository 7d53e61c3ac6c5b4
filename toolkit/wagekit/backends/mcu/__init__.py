"""Graph to a plan of constants, buffers and kernel calls, and from there to fixed-point C."""
