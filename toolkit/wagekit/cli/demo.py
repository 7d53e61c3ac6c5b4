"""x"""

EXAMPLE = "x"


def demo() -> None:
    """x."""
