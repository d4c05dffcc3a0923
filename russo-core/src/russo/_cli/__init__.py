"""The ``russo`` command, on click and rich. Nothing else in russo imports this package or them."""

from .command import main

__all__ = ["main"]
