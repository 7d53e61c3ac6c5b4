"""What a firmware was made of, over the link, with the real C in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.link import harness
from tests.link.test_device_executor import PATIENT, ROUGH
from wagekit.errors import LinkError
from wagekit.link import Device, FaultyTransport, Transport
from wagekit.link.errors import RefusedError
from wagekit.toolchain.build_info import parse_text


@pytest.mark.parametrize("faults", [None, 1])
@pytest.mark.parametrize("frame", [64, 256])
def test_the_text_comes_whole_in_frames_of_any_size(
    library: Callable[[harness.Config], Path], frame: int, faults: int | None
) -> None:
    line: Transport = harness.MemoryTransport(harness.Board(library(harness.Config(frame=frame, ring=1024))))
    if faults is not None:
        line = FaultyTransport(line, faults, ROUGH)
    device = Device.open(line, timing=PATIENT)
    facts = parse_text(device.build_text() or "")
    compiler = facts.pop("compiler")
    assert facts == {**harness.BUILD, "optimise": "unknown"}
    assert compiler.startswith("gcc ")
    record = device.session.call("build_text", {"first": 60_000})
    assert record.bytes("text") == b""


def test_older_firmware_tells_none(wire: harness.MemoryTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device.open(wire, timing=PATIENT)
    call = device.session.call

    def older(name: str, values: object = None) -> object:
        if name == "build_text":
            raise RefusedError("does not know this message", "unknown")
        return call(name)

    monkeypatch.setattr(device.session, "call", older)
    assert device.build_text() is None

    def broken(name: str, values: object = None) -> object:
        raise RefusedError("something else", "state")

    monkeypatch.setattr(device.session, "call", broken)
    with pytest.raises(LinkError, match="something else"):
        device.build_text()
