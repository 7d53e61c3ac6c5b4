"""Host and cross compilers, QEMU, flashing, and sizes read from ELF and map files."""
