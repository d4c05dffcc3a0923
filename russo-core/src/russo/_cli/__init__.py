"""The ``russo`` command, on click and rich. Only `russo.__main__` imports it, and only it imports click."""

from .command import main

__all__ = ["main"]
