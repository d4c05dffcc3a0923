"""The ``russo`` markers that had no effect, because their tests passed without ``russo_audio``."""

from __future__ import annotations

from typing import Any, Final

import pytest

from .._words import count
from .item import CURRENT_ITEM
from .workers import Workers

_NAME: Final = "markers"
_SHOWN_TESTS: Final = 3
_USES_AUDIO: Final = pytest.StashKey[bool]()


class UnusedMarkers:
    """A pytest plugin of a run with ``-v``, one per process. Each process sends its tests to the controller.

    A test may also ask for the fixture when it runs, so only a test that has passed shows that it does not.

    Args:
        workers: The processes of the run.
    """

    def __init__(self, workers: Workers) -> None:
        self._new: list[str] = []
        workers.send(_NAME, self._take)

    def _take(self) -> list[str] | None:
        new, self._new = self._new, []
        return new or None

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> None:
        """Note that the running test uses ``russo_audio``."""
        item = request.config.stash.get(CURRENT_ITEM, None)
        if fixturedef.argname == "russo_audio" and item is not None:
            item.stash[_USES_AUDIO] = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Note a test that passed and whose marker had no effect."""
        has_passed = call.when == "call" and call.excinfo is None
        if has_passed and item.get_closest_marker("russo") and not _uses_audio(item):
            self._new.append(item.nodeid)


def _uses_audio(item: pytest.Item) -> bool:
    return "russo_audio" in getattr(item, "fixturenames", ()) or item.stash.get(_USES_AUDIO, False)


def unused_markers(workers: Workers) -> str | None:
    """Return a sentence about the tests of all processes whose marker had no effect, or ``None``."""
    names = sorted({name for part in workers.received(_NAME) for name in part})
    if not names:
        return None
    listed = names[:_SHOWN_TESTS]
    if more := len(names) - len(listed):
        listed.append(f"and {more:,} more")
    tests = count(len(names), "test has", "tests have")
    return f"{tests} a russo marker but not the fixture russo_audio: {', '.join(listed)}"
