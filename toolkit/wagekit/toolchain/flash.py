"""Puts a firmware into an emulated board as a programmer does: through QEMU's gdb stub."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wagekit.boards import Board
from wagekit.errors import ToolError, UsageError
from wagekit.toolchain import qemu
from wagekit.toolchain.image import Image, blank_area, check_image, read_image
from wagekit.toolchain.programmers.base import call

DEBUGGERS = ("gdb-multiarch", "arm-none-eabi-gdb")
INSTALL_GDB = "sudo apt-get install gdb-multiarch"
TIMEOUT = 60.0


def find_debugger() -> str:
    """Path of a gdb that knows Arm; ToolError with the command that installs one."""
    for name in DEBUGGERS:
        path = shutil.which(name)
        if path:
            return path
    raise ToolError(f"{' or '.join(DEBUGGERS)} is not installed", hint=f"install it with: {INSTALL_GDB}")


def flash_qemu(
    elf: Path,
    board: Board,
    *,
    icount: bool = False,
    keep: Path | str | None = None,
    erase: bool = False,
    extra: Sequence[str] = (),
) -> qemu.QemuProcess:
    """Boot an empty machine, load the firmware over gdb, compare what was written, start it.

    The machine runs when this returns: connect to its `url`. The file `keep` holds its checkpoints
    (see `qemu.boot`), which stay as they are unless `erase` is asked for. LimitError: the image does
    not fit, or would lie over checkpoints. ToolError: gdb is missing, loading failed, or a section
    read back differs.
    """
    debugger = find_debugger()
    image = read_image(elf)
    check_image(image, board)
    running = qemu.boot(None, board, gdb=True, icount=icount, keep=keep, extra=extra)
    try:
        _load(debugger, image, board, running, erase=erase)
    except BaseException:
        running.stop()
        raise
    return running


def flash_again(elf: Path, board: Board, running: qemu.QemuProcess, *, erase: bool = False) -> None:
    """Stop a machine that `flash_qemu` made, load another firmware into it, and start that.

    Only the image's own bytes are written: checkpoints in the machine's flash stay, unless `erase`.
    """
    image = read_image(elf)
    check_image(image, board)
    _load(find_debugger(), image, board, running, erase=erase, reset=True)


def _load(
    debugger: str,
    image: Image,
    board: Board,
    running: qemu.QemuProcess,
    *,
    erase: bool = False,
    reset: bool = False,
) -> None:
    with tempfile.TemporaryDirectory(prefix="wagekit-") as folder:
        blank = _blank_file(Path(folder), board) if erase else None
        steps = [
            "set confirm off",
            "set pagination off",
            f"set tcp connect-timeout {TIMEOUT / 4:.0f}",
            f"target remote 127.0.0.1:{running.gdb_port}",
            *(["monitor system_reset"] if reset else []),
            *([blank] if blank else []),
            "load",
            "compare-sections",
            f"set $sp = *(unsigned int *){image.vectors:#x}",
            f"set $pc = *(unsigned int *){image.vectors + 4:#x} & ~1",
            "set $xpsr = 0x01000000",
            "detach",
        ]
        command = [debugger, "-nx", "-batch", str(image.elf)]
        for step in steps:
            command += ["-ex", step]
        code, output = call(command, TIMEOUT, "gdb", hint="load the firmware again")
    if "MIS-MATCHED" in output:
        name = re.search(r"Section (\S+),.*MIS-MATCHED", output)
        raise ToolError(f"section {name[1] if name else '?'} was read back different from what was written")
    if code != 0 or "matched." not in output or "Start address" not in output:
        last = output.strip().splitlines()[-1] if output.strip() else "no message"
        raise ToolError(f"gdb did not load the firmware: {last}", hint=running.stderr.strip()[-300:] or None)


def _blank_file(folder: Path, board: Board) -> str:
    """The gdb command that writes erased flash over the checkpoint sectors."""
    area = blank_area(board)
    if area is None:
        raise UsageError(
            f"board {board.name} has no checkpoint sectors that gdb can reach",
            hint="those of a serial flash are in the file of --flash: delete that",
        )
    path = folder / "blank.bin"
    path.write_bytes(area.data)
    return f"restore {path} binary {area.address:#x}"
