"""Builds the firmware that learns and saves, with the flash of a board."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.selftest.build import write_project
from wagekit import boards, resources
from wagekit.boards import Board, CheckpointSectors
from wagekit.link import checkpoint, render_header
from wagekit.toolchain import cross, project
from wagekit.writer import firmware_files

HERE = Path(__file__).resolve().parent
PSRAM = CheckpointSectors(origin=0x21000000, size=4096, count=256)
DRIVERS = {
    "mps2-an385": ("wk_flash_memory.c",),
    "mps2-an386": ("wk_flash_memory.c",),
    "mps2-an500": ("wk_flash_memory.c",),
    "microbit": ("wk_flash_nvmc.c",),
    "emcraft-sf2": ("wk_flash_nor.c", "wk_spi_smartfusion2.c"),
}


def load(name: str) -> Board:
    """A packaged board, or the one of this folder."""
    return boards.load(HERE / name) if (HERE / name).is_dir() else boards.load(name)


def area(board: Board) -> CheckpointSectors:
    """Where its checkpoints are."""
    if board.checkpoint:
        return board.checkpoint[0]
    extra = next(region for region in board.memory if region.name == "psram")
    return PSRAM.model_copy(update={"origin": extra.origin})


def render(board: Board) -> dict[str, str]:
    """Files of its C project."""
    files = firmware_files(("include/wagekit", "src/store"))
    files |= {n: t for n, t in firmware_files(("src/link",)).items() if n.endswith("crc32.c")}
    common = resources.board_files() / "common"
    for name in DRIVERS[board.name]:
        files[f"src/flash/{name}"] = (common / name).read_text(encoding="utf-8")
    files["app/main.c"] = (HERE / "main.c").read_text(encoding="utf-8")
    files = project.render(board, project.Settings("store"), files)
    files["generated/wk_store_format.h"] = checkpoint.render_format()
    files["generated/wk_protocol.h"] = render_header()
    place = area(board)
    config = files["generated/wk_config.h"].rstrip().removesuffix("#endif")
    files["generated/wk_config.h"] = (
        config
        + f"#define WK_FLASH_ORIGIN 0x{place.origin:08x}u\n"
        + f"#define WK_FLASH_SECTORS {place.count}u\n"
        + f"#define WK_FLASH_SECTOR_BYTES {place.size}u\n\n#endif\n"
    )
    return files


def build(board: Board, folder: Path) -> Path:
    """Path of the ELF."""
    write_project(render(board), folder)
    return cross.build(folder, cross.find_compiler())
