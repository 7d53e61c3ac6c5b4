"""Boards: one folder each with board.toml, linker script, startup and port (data package)."""
