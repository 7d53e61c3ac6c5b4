"""What holds for the tree as a whole: links in the documentation, heads of C files, one list of checks."""

from __future__ import annotations

import re
from pathlib import Path

from wagekit import Network

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TEMPLATE_TAGS = re.compile(r"\A(\{%.*?%\}\s*)+")
C_FOLDERS = ("firmware", "boards", "examples", "codegen")


def test_links_of_the_documentation_lead_somewhere(root: Path) -> None:
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "bench").glob("*.md")]
    broken = [
        f"{page.relative_to(root)} -> {target}"
        for page in pages
        for target in LINK.findall(page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_network_of_the_readme_is_one(root: Path) -> None:
    blocks = re.findall(
        r"^```toml\n(.*?)^```", (root / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert blocks
    for block in blocks:
        Network.from_toml(block, "README.md")


def test_every_page_is_reachable_from_the_index(root: Path) -> None:
    targets = LINK.findall((root / "docs" / "index.md").read_text("utf-8"))
    linked = {(root / "docs" / target).resolve() for target in targets}
    pages = {page.resolve() for page in (root / "docs").rglob("*.md")} - {root / "docs" / "index.md"}
    assert pages <= linked


def test_every_c_file_starts_with_what_it_is_and_its_licence(root: Path) -> None:
    wrong = []
    for folder in C_FOLDERS:
        for path in (root / folder).rglob("*"):
            name = path.name.removesuffix(".jinja")
            if path.is_file() and name.endswith((".c", ".h", ".inc", ".S")):
                head = TEMPLATE_TAGS.sub("", path.read_text("utf-8")).split("*/")[0]
                if not head.startswith("/*") or "SPDX-License-Identifier: Apache-2.0" not in head:
                    wrong.append(str(path.relative_to(root)))
    assert not wrong


def test_pre_commit_runs_what_make_check_runs(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    match = re.search(r"^check: ([a-z -]+?) ##", makefile, re.MULTILINE)
    assert match is not None
    hooks = re.findall(r"entry: make ([a-z-]+)", (root / ".pre-commit-config.yaml").read_text("utf-8"))
    assert sorted(hooks) == sorted(match.group(1).split())
