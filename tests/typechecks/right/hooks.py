"""Hooks of a ``conftest.py``, of a module and of an object."""

from pathlib import Path
from typing import assert_type

import russo
from russo import hookimpl


def pytest_russo_cache_hit(event: russo.CacheHit) -> None:
    assert_type(event.prompt, str)
    assert_type(event.directory, Path | None)
    assert event.audio.duration > 0


def pytest_russo_cache_miss(event: russo.CacheMiss) -> None:
    assert_type(event.reason, str)


@hookimpl
def russo_synthesis_start(event: russo.SynthesisStart) -> None:
    assert_type(event.backend, str | None)


@hookimpl(trylast=True)
def russo_synthesis_finish(event: russo.SynthesisFinish) -> None:
    assert_type(event.backend_calls, int)
    assert_type(event.seconds, float)
    if event.audio is not None:
        assert_type(event.audio.known_duration, float | None)
    else:
        assert_type(event.error, BaseException | None)


class Ledger:
    def __init__(self) -> None:
        self.stored: list[str] = []

    @hookimpl
    def russo_entry_stored(self, event: russo.EntryStored) -> None:
        self.stored.append(event.key)

    @hookimpl
    def russo_entry_damaged(self, event: russo.EntryDamaged) -> None:
        self.stored.remove(event.key)

    @hookimpl
    def russo_store_failed(self, event: russo.StoreFailed) -> None:
        raise AssertionError(event.prompt)


russo.plugin_manager().register(Ledger())
