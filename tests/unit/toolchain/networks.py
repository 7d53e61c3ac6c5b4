"""Small networks for tests of the tool chain."""

from __future__ import annotations

from wagekit.spec import Network

TINY = """
format = 1
name = "tiny"
seed = 1
classes = ["a", "b", "c"]
[input]
shape = [6, 6, 1]
encoding = "unit"
[[layers]]
type = "conv2d"
filters = 4
kernel = 3
padding = "same"
[[layers]]
type = "max_pool"
window = 2
[[layers]]
type = "dense"
units = 3
"""


def tiny() -> Network:
    return Network.from_toml(TINY)


def wide(units: int) -> Network:
    """A hidden layer of so many units, to fill a memory."""
    text = TINY.replace('type = "dense"\nunits = 3', f'type = "dense"\nunits = {units}', 1)
    return Network.from_toml(text + '[[layers]]\ntype = "dense"\nunits = 3\n')
