"""Builds of these tests stay out of the user's cache; without a host compiler they are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wagekit.errors import ToolError
from wagekit.toolchain.host import find_compiler


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    try:
        find_compiler()
    except ToolError as error:
        pytest.skip(error.message)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAGEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
