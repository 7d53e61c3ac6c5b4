"""Networks on an emulated chip in a user's tests: what the pytest plugin hands out."""

from __future__ import annotations

from wagekit.testing.device import DeviceUnderTest
from wagekit.testing.devices import Devices, OpenDevice

__all__ = ["DeviceUnderTest", "Devices", "OpenDevice"]
