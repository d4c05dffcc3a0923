"""Deliberately broken stores, one mistake each, which the torture tests must catch.

Each is a function that puts its mistake into the real store, and names the tests that catch it. Well-known
caches have made these mistakes.
"""

from support.torture_broken import calls, entries, files
from support.torture_broken.breaking import BREAKS, apply

__all__ = ["BREAKS", "apply", "calls", "entries", "files"]  # each module registers its mistakes in BREAKS
