"""A network as a library for the tools that people already use: folders that these take as they are."""

from wagekit.toolchain.exports.contents import ExportOptions, Sample
from wagekit.toolchain.exports.formats import FORMATS, Layout
from wagekit.toolchain.exports.library import Export, export_library, render_export

__all__ = [
    "FORMATS",
    "Export",
    "ExportOptions",
    "Layout",
    "Sample",
    "export_library",
    "render_export",
]
