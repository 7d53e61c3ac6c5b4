"""The static C11 runtime and the link application (data package)."""
