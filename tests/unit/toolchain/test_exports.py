"""Exported libraries: each is what its tool asks for, compiles anywhere, and gives the reference's bits."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.unit.toolchain.networks import tiny
from wagekit import open_executor
from wagekit.errors import LimitError, UsageError
from wagekit.spec import Network
from wagekit.toolchain.exports import FORMATS, Export, ExportOptions, Sample, export_library, render_export
from wagekit.toolchain.exports.contents import LEARNED_RATE, LEARNED_STEPS

STUBS = Path(__file__).with_name("export_stubs")
CLASSES = ['a "quoted"\\', "<b> & */ %d", "ü|"]
STRICT = ("-Wall", "-Wextra", "-Werror")
LEARNS = ("arduino", "cmake-learns")
"""Those that are written here to learn; the others infer only. CMake is written both ways."""
ARDUINO_CATEGORIES = {
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
    "Uncategorized",
}
PACK = """
import sys
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
from platformio.package.pack import PackagePacker

# The list of license names, which PlatformIO looks up on the network.
ManifestSchema.load_spdx_licenses = staticmethod(lambda *_, **__: {"licenses": [{"licenseId": "Apache-2.0"}]})
found = ManifestSchema().load_manifest(ManifestParserFactory.new_from_dir(sys.argv[1]).as_dict())
print(found["name"], found["version"], found["license"])
PackagePacker(sys.argv[1]).pack(sys.argv[2])
"""


def _net() -> Network:
    return tiny().replace(name="tiny_1-a", classes=CLASSES)


def _sample() -> Sample:
    codes = (np.arange(36) * 7 % 127).astype(np.int8).reshape(6, 6, 1)
    return Sample(codes, 1, "made up */ here")


def _learned() -> list[np.ndarray]:
    with open_executor(_net(), "reference") as executor:
        executor.step(_sample().codes[np.newaxis], [2], log2_lr=3, rule="error_scaled")
        return list(executor.masters)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All exports, by format; `cmake-learns` is one more."""
    root = tmp_path_factory.mktemp("exports")
    wanted = {form: form for form in FORMATS} | {"cmake-learns": "cmake"}
    for name, form in wanted.items():
        options = ExportOptions(learning=name in LEARNS, author="Ann O'Nymous <ann@example.org>")
        export_library(
            _net(), root / name, form, _sample(), masters=_learned(), step=1, seed=5, options=options
        )
    return {name: root / name for name in wanted}


@pytest.fixture(scope="module")
def expected() -> list[list[int]]:
    """The reference's logits of the sample, before and after the steps of an example that learns."""
    codes = _sample().codes[np.newaxis]
    with open_executor(_net(), "reference") as executor:
        executor.load_masters(_learned(), step=1, seed=5)
        logits = [executor.forward(codes)[0].tolist()]
        for _ in range(LEARNED_STEPS):
            executor.step(codes, [1], log2_lr=LEARNED_RATE, rule="error_scaled")
        logits.append(executor.forward(codes)[0].tolist())
    assert logits[0] != logits[1]
    return logits


def _run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _logits(text: str) -> list[list[int]]:
    """What an example printed; it must be content itself too."""
    assert text.endswith("bit for bit as expected\n"), text
    assert "NOT" not in text
    return [
        [int(word) for word in line.split()] for line in re.findall(r"^logits: (.*)$", text, re.MULTILINE)
    ]


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (scripts/setup.sh dev installs it)")
    return path


@pytest.mark.parametrize(("compiler", "name"), [("gcc", "cmake-learns"), ("clang", "cmake")])
def test_cmake_builds_and_runs_on_the_host(
    compiler: str, name: str, folders: dict[str, Path], expected: list[list[int]], tmp_path: Path
) -> None:
    cmake, cc = _tool("cmake"), _tool(compiler)
    _run(
        cmake, "-S", folders[name], "-B", tmp_path, f"-DCMAKE_C_COMPILER={cc}", "-DCMAKE_BUILD_TYPE=Debug",
        f"-DCMAKE_C_FLAGS={' '.join(STRICT)}",
    )  # fmt: skip
    _run(cmake, "--build", tmp_path)
    assert _logits(_run(tmp_path / "classify")) == (expected if name in LEARNS else expected[:1])


def test_a_zephyr_module_builds_its_sample(
    folders: dict[str, Path], expected: list[list[int]], tmp_path: Path
) -> None:
    """With a stand-in for Zephyr: its CMake functions and its console."""
    cmake = _tool("cmake")
    _run(cmake, "-S", STUBS, "-B", tmp_path, f"-DMODULE={folders['zephyr']}")
    _run(cmake, "--build", tmp_path)
    assert _logits(_run(tmp_path / "app")) == expected[:1]


@pytest.mark.parametrize(
    ("name", "main"), [("arduino", "classify/classify.ino"), ("platformio", "classify/src/main.cpp")]
)
def test_an_example_in_cpp_runs(
    name: str, main: str, folders: dict[str, Path], expected: list[list[int]], host_cc: str, tmp_path: Path
) -> None:
    """The sketch with a stand-in for Arduino, PlatformIO's main as on a computer."""
    folder = folders[name]
    includes = [f"-I{folder / FORMATS[name].include}", f"-I{STUBS}"]
    sources = sorted((folder / "src").rglob("*.c"))
    _run(host_cc, *STRICT, *includes, "-c", *sources, cwd=tmp_path)
    sketch = ["-include", "Arduino.h", STUBS / "arduino.cpp"] if name == "arduino" else []
    cpp = ["-x", "c++", *sketch, folder / "examples" / main, "-x", "none"]
    cxx = shutil.which("g++") or _tool("clang")  # nothing here needs the library of C++
    _run(cxx, *STRICT, "-std=c++11", *includes, *cpp, *tmp_path.glob("*.o"), "-o", tmp_path / "run")
    assert _logits(_run(tmp_path / "run")) == (expected if name in LEARNS else expected[:1])


@pytest.mark.parametrize("form", FORMATS)
def test_the_sources_compile_for_a_cortex_m4(
    form: str, folders: dict[str, Path], arm_gcc: str, tmp_path: Path
) -> None:
    """Without any flag of ours."""
    folder = folders[form]
    sources = sorted((folder / FORMATS[form].source).rglob("*.c"))
    if form == "zephyr":
        sources.append(folder / "samples/classify/src/main.c")
    core = ("-mcpu=cortex-m4", "-mthumb", "-Os")
    includes = (f"-I{folder / FORMATS[form].include}", f"-I{STUBS}")
    _run(arm_gcc, *core, *STRICT, *includes, "-c", *sources, cwd=tmp_path)
    assert len(list(tmp_path.glob("*.o"))) == len(sources)


def test_every_export_has_its_papers(folders: dict[str, Path], root: Path) -> None:
    for name, folder in folders.items():
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert manifest["export"] == name.removesuffix("-learns")
        assert (folder / "LICENSE").read_text("utf-8") == (root / "LICENSE").read_text("utf-8")
        assert (folder / "VERSION").read_text("utf-8") == "1.0.0\n"
        assert (folder / "NOTICE").exists()
        assert "bit for bit" in (folder / "README.md").read_text("utf-8")
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert {entry["path"] for entry in manifest["files"]} == files - {"manifest.json"}
        learns = manifest["network"]["training"]
        assert any("/learn/" in file or "backward" in file for file in files) == learns


def test_a_platformio_manifest_is_right(folders: dict[str, Path]) -> None:
    folder = folders["platformio"]
    library = json.loads((folder / "library.json").read_text("utf-8"))
    assert re.fullmatch(r"[^:;/,@<>]{1,100}", library["name"])
    assert library["version"] == "1.0.0"
    assert library["license"] == "Apache-2.0"
    assert all(re.fullmatch(r"[a-z\d\-+. ]{1,50}", word) for word in library["keywords"])
    assert 1 <= len(library["authors"][0]["name"]) <= 50
    assert (folder / library["build"]["includeDir"] / library["headers"][0]).is_file()
    assert (folder / library["build"]["srcDir"] / "wk_model.c").is_file()
    for example in library["examples"]:
        assert all((folder / example["base"] / file).is_file() for file in example["files"])


def test_platformio_packs_the_library(
    folders: dict[str, Path], tmp_path: Path, platformio_python: Path
) -> None:
    said = _run(platformio_python, "-c", PACK, folders["platformio"], tmp_path)
    assert said.splitlines()[0] == "wagekit-tiny_1-a 1.0.0 Apache-2.0"
    assert (tmp_path / "wagekit-tiny_1-a-1.0.0.tar.gz").is_file()


def test_an_arduino_library_follows_its_specification(folders: dict[str, Path]) -> None:
    folder = folders["arduino"]
    lines = (folder / "library.properties").read_text("utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"}
    assert required <= fields.keys()
    assert all(fields.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert not fields["name"].lower().startswith("arduino")
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in ARDUINO_CATEGORIES
    assert fields["architectures"] == "*"
    assert fields["dot_a_linkage"] == "true"
    assert all((folder / "src" / header).is_file() for header in fields["includes"].split(","))
    # Only src stands in the include path, and what lies at its top is what users are to include.
    assert [path.name for path in (folder / "src").glob("*.h")] == ["wk_model.h"]
    assert not list(folder.glob("*.[ch]"))
    for sketch in (folder / "examples").iterdir():
        assert (sketch / f"{sketch.name}.ino").is_file()
    for line in (folder / "keywords.txt").read_text("utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL[12])", line)


def test_a_zephyr_module_is_described(folders: dict[str, Path]) -> None:
    folder = folders["zephyr"]
    module = yaml.safe_load((folder / "zephyr/module.yml").read_text("utf-8"))
    assert module.keys() == {"name", "build", "samples"}
    assert module["name"] == "wagekit-tiny_1-a"
    assert module["build"].keys() == {"cmake", "kconfig"}
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert "config WAGEKIT\n\tbool " in (folder / module["build"]["kconfig"]).read_text("utf-8")
    for samples in module["samples"]:
        found = list((folder / samples).rglob("sample.yaml"))
        assert found
        for path in found:
            sample = yaml.safe_load(path.read_text("utf-8"))
            assert sample["sample"]["name"] == module["name"]
            assert sample["tests"]
    settings = (folder / "samples/classify/prj.conf").read_text("utf-8").splitlines()
    assert "CONFIG_WAGEKIT=y" in settings
    assert all(line.startswith("#") or re.fullmatch(r"CONFIG_\w+=\w+", line) for line in settings)


def test_a_pack_description_follows_its_schema(folders: dict[str, Path], root: Path) -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="checks XML against a schema; the extra 'dev' has it")
    folder = folders["cmsis-pack"]
    path = folder / "wagekit.tiny_1-a.pdsc"
    schema = xmlschema.XMLSchema(str(root / "tests/schemas/PACK.xsd"))
    schema.validate(str(path))
    text = path.read_text("utf-8")
    named = re.findall(r' name="([^"]+\.(?:c|h|md)|LICENSE)"', text)
    assert named
    assert all((folder / name).is_file() for name in named)
    sources = {file.relative_to(folder).as_posix() for file in (folder / "src").rglob("*.c")}
    assert sources <= set(named)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace("<releases>", "<release>").replace("</releases>", "</release>"))


def _rendered(**options: object) -> Export:
    return render_export(
        _net(),
        "cmake",
        _sample(),
        masters=_learned(),
        options=ExportOptions(**options),  # type: ignore[arg-type]
    )


def test_the_same_inputs_give_the_same_bytes(folders: dict[str, Path], tmp_path: Path) -> None:
    again = tmp_path / "elsewhere"
    options = ExportOptions(author="Ann O'Nymous <ann@example.org>")
    export_library(_net(), again, "cmake", _sample(), masters=_learned(), step=1, seed=5, options=options)

    def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()

    assert list(bytes_of(again)) == list(bytes_of(folders["cmake-learns"]))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="cmake"):
        render_export(_net(), "make", _sample())
    with pytest.raises(UsageError, match="learned nothing"):
        render_export(_net(), "cmake", _sample(), options=ExportOptions(learning=False))
    for wrong in ({"version": "1.0"}, {"author": "a\nb"}, {"author": "x" * 51}, {"url": "example.org"}):
        with pytest.raises(UsageError):
            _rendered(**wrong)
    with pytest.raises(LimitError, match="100 are allowed"):
        _rendered(memory_limit=100)
    assert _rendered(memory_limit=10_000).plan.ram <= 10_000
