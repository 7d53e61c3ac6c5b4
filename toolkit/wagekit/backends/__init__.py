"""Backends lower a verified graph to a target; they never import each other."""
