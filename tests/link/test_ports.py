"""Serial ports of boards by their USB ids: found, waited for, and never guessed."""

from __future__ import annotations

import pytest

from wagekit.errors import LinkError, UsageError
from wagekit.link import ports
from wagekit.link.ports import Port, find_port

DAPLINK = Port("/dev/ttyACM0", "0d28:0204", "9904", "BBC micro:bit")
OTHER = Port("/dev/ttyACM1", "0d28:0204", "9905", "BBC micro:bit")
FTDI = Port("/dev/ttyUSB0", "0403:6001", None, "FT232R")
USB = ["0d28:0204"]


def found(*present: Port, usb: list[str] | None = None, probe: str | None = None) -> str:
    return find_port("microbit", USB if usb is None else usb, probe=probe, listing=lambda: list(present))


def test_the_port_with_the_right_ids_is_taken() -> None:
    assert found(FTDI, DAPLINK) == "/dev/ttyACM0"


def test_two_are_named_unless_the_probe_tells_which() -> None:
    with pytest.raises(UsageError, match="2 serial ports could be that of microbit") as caught:
        found(DAPLINK, OTHER, FTDI)
    assert (caught.value.hint or "").splitlines()[1:] == [
        "--port /dev/ttyACM0  0d28:0204  BBC micro:bit",
        "--port /dev/ttyACM1  0d28:0204  BBC micro:bit",
    ]
    assert found(DAPLINK, OTHER, probe="0d28:0204:9905") == "/dev/ttyACM1"


def test_a_board_without_ids_is_asked_for() -> None:
    with pytest.raises(UsageError, match="brings no serial port of its own") as caught:
        found(FTDI, usb=[])
    assert "--port /dev/ttyUSB0" in (caught.value.hint or "")


def test_none_is_there() -> None:
    with pytest.raises(LinkError, match="no serial port of microbit with the USB id 0d28:0204") as caught:
        found(FTDI)
    assert "--port /dev/ttyUSB0" in (caught.value.hint or "")
    with pytest.raises(LinkError, match="no serial port of microbit") as caught:
        found()
    assert "cable" in (caught.value.hint or "")


def test_a_port_that_comes_up_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.time, "sleep", lambda seconds: None)
    looks: list[list[Port]] = [[], [FTDI], [FTDI, DAPLINK]]
    assert find_port("microbit", USB, wait=60, listing=lambda: looks.pop(0)) == "/dev/ttyACM0"
    assert looks == []


def test_ports_of_this_machine_are_read() -> None:
    assert all(port.device for port in ports.ports())
