"""The version of the package, and with it of the firmware and of what is generated."""

__version__ = "0.1.0"
