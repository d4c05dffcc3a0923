"""What all `CachedSynthesizer` objects of one run share: cache, mode, listeners, limits, breakers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .._backends.breaker import Breakers
from .._mode import Mode

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    import pluggy

    from .._backends.backend_call import BackendCall
    from .._backends.budget import Budget
    from .._remote.remote import RemoteCache
    from .._remote.results import Fetched
    from .._store.layered import Cache


class Refreshed:
    """The keys that mode ``refresh`` has synthesized again, once per run.

    Args:
        directory: A directory that the processes of the run share, if there are several.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._keys: set[str] = set()
        self._directory = directory

    def add(self, key: str) -> None:
        """Note that a key was synthesized again and stored."""
        self._keys.add(key)
        if self._directory is not None:
            (self._directory / key).touch()

    def __contains__(self, key: str) -> bool:
        if key not in self._keys and self._directory is not None and (self._directory / key).exists():
            self._keys.add(key)
        return key in self._keys


@dataclass(slots=True)
class RunContext:
    """One run: a pytest session, or one call of the command.

    Attributes:
        cache: Where audio is stored.
        mode: The mode of the run.
        report: Called with a sentence for each listener that raises.
        manager: The run's own listeners, if it has any.
        refreshed: The keys that mode ``refresh`` has synthesized again.
        budget: The limit of backend calls, if there is one.
        breakers: Make calls to a host that cannot be reached fail at once.
        replay_command: The command that repeats a test run in mode ``replay``, for messages.
        calls: The backend calls in progress, with their event loops, without calls made by another call.
        lock_file: The ``russo.lock`` of shared stores that have none of their own.
        remotes: The shared stores that requests of the run have used.
        asked: Answers of shared stores, by the store and the key, each for the next request of the key.
    """

    cache: Cache
    mode: Mode
    report: Callable[[str], None]
    manager: pluggy.PluginManager | None = None
    refreshed: Refreshed = field(default_factory=Refreshed)
    budget: Budget | None = None
    breakers: Breakers = field(default_factory=Breakers)
    replay_command: str | None = None
    calls: dict[BackendCall, AbstractEventLoop] = field(default_factory=dict)
    lock_file: Path | None = None
    remotes: set[RemoteCache] = field(default_factory=set)
    asked: dict[tuple[RemoteCache, str], Fetched] = field(default_factory=dict)
