"""The serial link: protocol schema, framing, session and transports."""

from __future__ import annotations

from wagekit.link.device import Device
from wagekit.link.errors import DeviceRestartedError, FirmwareFaultError, RefusedError, VersionError
from wagekit.link.faults import FaultRates, FaultyTransport
from wagekit.link.render import render_header
from wagekit.link.reports import CheckpointReport, Counters, EvaluationReport, Hello, State, StepReport
from wagekit.link.session import Session, Timing
from wagekit.link.transport import Transport, open_transport

__all__ = [
    "CheckpointReport",
    "Counters",
    "Device",
    "DeviceRestartedError",
    "EvaluationReport",
    "FaultRates",
    "FaultyTransport",
    "FirmwareFaultError",
    "Hello",
    "RefusedError",
    "Session",
    "State",
    "StepReport",
    "Timing",
    "Transport",
    "VersionError",
    "open_transport",
    "render_header",
]
