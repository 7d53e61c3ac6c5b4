"""Errors that carry what the device said."""

from __future__ import annotations

from dataclasses import dataclass

from wagekit.errors import DeviceFaultError, LinkError
from wagekit.link import schema
from wagekit.link.codec import Record

_REGISTERS = ("pc", "lr", "sp", "psr", "r0", "r1", "r2", "r3", "r12", "cfsr", "hfsr", "mmfar", "bfar")


class DeviceRestartedError(LinkError):
    """The device lost the session in the middle: it was reset, or somebody else took it."""


class VersionError(LinkError):
    """The other end speaks another version of the protocol."""


class RefusedError(LinkError):
    """The device answered a request with an error."""

    def __init__(self, message: str, code: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        """Name in the table of error codes, or the number if it has none."""


def refused(name: str, request: str, error: Record) -> LinkError:
    """What an error frame means."""
    number, value, limit = error.int("code"), error.int("value"), error.int("limit")
    code = next((c for c in schema.ERRORS if c.value == number), None)
    if code and code.name == "version":
        return wrong_version(name, limit)
    what = code.doc if code else f"error {number} that this wagekit does not know"
    if value >= 1 << 31:
        value -= 1 << 32
    numbers = f" (value {value}, limit {limit})" if value or limit else ""
    return RefusedError(
        f"{name}: the device refused {request}: {what}{numbers}",
        code.name if code else str(number),
        hint=(code.hint or None) if code else None,
    )


def wrong_version(name: str, version: int) -> VersionError:
    """The firmware's version of the protocol is not ours."""
    return VersionError(
        f"{name}: the firmware speaks version {version} of the link protocol, this wagekit version "
        f"{schema.PROTOCOL_VERSION}",
        hint="build and flash the firmware again with this wagekit",
    )


@dataclass(frozen=True, slots=True)
class FaultReport:
    """The last words of a firmware."""

    cause: str
    """Name in the table of fault causes, or its number."""
    registers: dict[str, int]
    """pc, lr, sp, psr, r0-r3, r12 and the fault status registers, uint32."""
    exception: int
    """Number of the active exception, 0 in thread mode."""
    file: str
    """Four characters that name the source file of a failed assertion, else empty."""
    line: int

    @classmethod
    def from_record(cls, record: Record) -> FaultReport:
        """From the fields of a FAULT frame."""
        number = record.int("cause")
        cause = next((c.name for c in schema.FAULT_CAUSES if c.value == number), str(number))
        file = record.int("file").to_bytes(4, "big").decode("ascii", "replace").strip("\0 ")
        registers = {name: record.int(name) for name in _REGISTERS}
        return cls(cause, registers, record.int("exception"), file, record.int("line"))


class FirmwareFaultError(DeviceFaultError):
    """The firmware reported a fault and ended."""

    def __init__(self, name: str, report: FaultReport) -> None:
        doc = next((c.doc for c in schema.FAULT_CAUSES if c.name == report.cause), f"fault {report.cause}")
        place = f" at {report.file}:{report.line}" if report.line else ""
        registers = " ".join(f"{key}={value:08x}" for key, value in report.registers.items())
        super().__init__(
            f"{name}: the firmware stopped: {doc}{place}; exception {report.exception}, {registers}",
            hint="arm-none-eabi-addr2line -e firmware.elf with pc and lr names the place; "
            "the network on the chip is lost",
        )
        self.report = report
