"""Jinja2 templates of the generated C and build files (data package)."""
