"""Tests under a fake file system, such as the fixture ``fs`` of pyfakefs, which hides the cache."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..hookspecs import hookimpl

if TYPE_CHECKING:
    from .._events import CacheMiss

_SENTENCE: Final = (
    "a test under a fake file system cannot read or write the cache; request russo_audio before the "
    "fixture fs, or call russo_say within Pause(fs)"
)


class FakeFilesWatch:
    """A hook implementation that reports misses under a fake file system.

    Args:
        report: Called with the sentence for the summary.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Report the miss if the modules of russo see a fake ``os``."""
        if not isinstance(os, types.ModuleType):
            self._report(_SENTENCE)
