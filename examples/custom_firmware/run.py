"""Builds the firmware of this folder for a board, runs it in QEMU and shows what it says.

    python examples/custom_firmware/run.py [BOARD] [FOLDER]

FOLDER keeps the C project; without it the project lies in the cache.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from wagekit import Network, WagekitError, boards, open_executor
from wagekit.toolchain import qemu
from wagekit.toolchain.firmware import FirmwareImage, build_firmware

HERE = Path(__file__).resolve().parent
TIMEOUT = 60.0


def build(board_name: str, folder: str | None = None) -> FirmwareImage:
    """The firmware: network.toml with its first weights in flash, and main.c."""
    net = Network.load(HERE / "network.toml")
    with open_executor(net, "reference") as first:
        masters = first.masters
    sources = {"main.c": (HERE / "main.c").read_text(encoding="utf-8")}
    return build_firmware(
        net,
        boards.load(board_name),
        batch=8,
        masters=masters,
        app="none",
        sources=sources,
        folder=folder,
    )


def run(image: FirmwareImage) -> tuple[str, int]:
    """What it said, and its exit code."""
    with qemu.boot(image.elf, image.board, icount=True) as process:
        with socket.create_connection(("127.0.0.1", process.port), timeout=TIMEOUT) as line:
            text = b""
            while piece := line.recv(4096):
                text += piece
        return text.decode(), process.wait(TIMEOUT)


def main() -> int:
    """Build, run, print."""
    board_name = sys.argv[1] if len(sys.argv) > 1 else "mps2-an386"
    try:
        image = build(board_name, sys.argv[2] if len(sys.argv) > 2 else None)
        print(f"{image.sizes.flash} bytes of flash, {image.sizes.ram} of RAM; project in {image.folder}")
        text, code = run(image)
    except WagekitError as error:
        print(f"{error}\n{error.hint or ''}".strip(), file=sys.stderr)
        return error.exit_code
    print(text, end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
