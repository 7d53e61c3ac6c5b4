"""What each tool expects where: the layout of its folder, and the files that are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a library lie for one tool; paths in the folder, templates in `codegen/export`."""

    title: str
    """What the folder is, for people."""
    include: str
    """The folder that stands in the include path."""
    source: str
    """The folder of the C files."""
    example: str
    """The folder of the example's main and its sample."""
    main: str
    """File of the example's main, and its template."""
    files: Mapping[str, str]
    """Template of each further file; `{network}` in a path stands for the network's name."""


FORMATS: dict[str, Layout] = {
    "cmake": Layout(
        title="a CMake project",
        include="include",
        source="src",
        example="example",
        main="main.c",
        files={"CMakeLists.txt": "cmake/CMakeLists.txt"},
    ),
    "platformio": Layout(
        title="a PlatformIO library",
        include="include",
        source="src",
        example="examples/classify/src",
        main="main.cpp",
        files={
            "library.json": "platformio/library.json",
            "examples/classify/platformio.ini": "platformio/platformio.ini",
        },
    ),
    "arduino": Layout(
        title="an Arduino library",
        include="src",
        source="src",
        example="examples/classify",
        main="classify.ino",
        files={
            "library.properties": "arduino/library.properties",
            "keywords.txt": "arduino/keywords.txt",
        },
    ),
    "zephyr": Layout(
        title="a Zephyr module",
        include="include",
        source="src",
        example="samples/classify/src",
        main="main.c",
        files={
            "zephyr/module.yml": "zephyr/module.yml",
            "zephyr/CMakeLists.txt": "zephyr/CMakeLists.txt",
            "zephyr/Kconfig": "zephyr/Kconfig",
            "samples/classify/CMakeLists.txt": "zephyr/sample/CMakeLists.txt",
            "samples/classify/prj.conf": "zephyr/sample/prj.conf",
            "samples/classify/sample.yaml": "zephyr/sample/sample.yaml",
        },
    ),
    "cmsis-pack": Layout(
        title="the contents of a CMSIS-Pack",
        include="include",
        source="src",
        example="examples/classify",
        main="main.c",
        files={"wagekit.{network}.pdsc": "cmsis-pack/pack.pdsc"},
    ),
}
"""By the name that `wagekit export --as` takes."""
