"""Runs in the browser: a sink that serves one page to this machine, or with a token to others."""

from __future__ import annotations

from wagekit.monitor.web.view import PORT, WebView

__all__ = ["PORT", "WebView"]
