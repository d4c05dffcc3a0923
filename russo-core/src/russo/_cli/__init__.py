"""The ``russo`` command, on click and rich. Nothing else in russo imports this package or them."""

from ._main import main

__all__ = ["main"]
