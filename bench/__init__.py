"""What networks cost: instructions, RAM and flash on each emulated board, samples a second on the host."""
