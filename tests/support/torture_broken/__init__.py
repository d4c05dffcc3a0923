"""Deliberately broken stores, one mistake each: the torture has to catch them, or it is worth nothing.

Each is a function that puts its mistake into the real store, and says which tests catch it. The mistakes are
those that trusted caches have made.
"""

from support.torture_broken import calls, entries, files
from support.torture_broken.breaking import BREAKS, apply

__all__ = ["BREAKS", "apply", "calls", "entries", "files"]  # each module registers its mistakes in BREAKS
