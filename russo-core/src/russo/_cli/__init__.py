"""The ``russo`` command, on click and rich. No other package of russo imports this package or click."""

from .command import main

__all__ = ["main"]
