"""Making the cached synthesizer of a command, and collecting its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .._flow.background_loop import BackgroundLoop
from .._flow.cached import CachedSynthesizer
from .._flow.option_names import options_without_effect, refuse_misspelt_backends
from .._flow.other_settings import other_settings
from .._flow.run import RunContext
from .._hooks import make_manager
from .._mode import Mode
from .._statistics import Counts, Statistics
from .._store.layered import Cache, LayeredCache
from ..hookspecs import hookimpl
from . import screen
from .completion import backend_names
from .refresh import OldTake, Replaced, old_take
from .shared_store import show_remote
from .trust import Trust, show_endpoint
from .workspace import CommandT, CommandWorkspace, directory_options, make_importable, remote_option

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from .._backends.backend_call import BackendCall
    from .._events import CacheHit, CacheMiss, EntryStored, StoreFailed
    from .._remote.remote import RemoteCache
    from .._store.cache import AudioCache

T = TypeVar("T")


def speaking_options(command: CommandT) -> CommandT:
    """Add the options of commands that synthesize: backend, consent, shared store and directories."""
    command = directory_options(command)
    command = click.option("--remote-write", is_flag=True, help="Store new audio in the shared store, too.")(
        command
    )
    command = remote_option(command)
    command = click.option("--refresh", is_flag=True, help="Synthesize again, and replace the stored audio.")(
        command
    )
    return backend_options(command)


def backend_options(command: CommandT) -> CommandT:
    """Add the options for the backend, and for consent."""
    command = click.option(
        "-y", "--yes", is_flag=True, help="Do not ask before using a server or code that the ini-file names."
    )(command)
    command = click.option(
        "--synth-option",
        "options",
        metavar="NAME.OPTION=VALUE",
        multiple=True,
        help="Option of a backend, such as local.speed=1.2 (custom.OPTION for a factory); may be repeated.",
    )(command)
    return click.option(
        "--synth",
        metavar="NAME",
        shell_complete=backend_names,
        help="Backend, by name or as package.module:factory. [default: same as pytest]",
    )(command)


class CommandEvents:
    """Collects events by hooks: counts, keys, the directories of entries, and why audio was not stored.

    Attributes:
        refreshes: The cache whose entries the command replaces, if it replaces entries.
        old: The audio that is to be replaced, by prompt.
        replaced: The audio that was replaced, by prompt.
        stored: The prompts whose audio was stored.
        remotes: The URL of the shared store that had the audio, by prompt.
        stores: The shared stores that the command has used.
        adopted: How many entries were replaced by those of a shared store, by its URL.
        is_interrupted: Whether Ctrl-C ended the wait for the uploads.
        pins: Whether the command has pinned the entries of shared stores that were not pinned.
    """

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.refreshes: AudioCache | None = None
        self.old: dict[str, OldTake] = {}
        self.replaced: dict[str, Replaced] = {}
        self.stored: set[str] = set()
        self.remotes: dict[str, str] = {}
        self.stores: set[RemoteCache] = set()
        self.adopted: Counter[str] = Counter()
        self.is_interrupted = False
        self.pins = False
        self.keys: dict[str, str] = {}
        self.directories: dict[str, Path] = {}
        self.not_stored: dict[str, str] = {}
        self.calls: dict[BackendCall, AbstractEventLoop] = {}
        self._counts = Counts()

    @property
    def counts(self) -> Counts:
        """All counts so far."""
        if counts := self.statistics.take():
            self._counts.add(counts)
        return self._counts

    def is_unchanged(self, old: OldTake) -> bool:
        """Return whether audio that could be replayed before is still stored."""
        return self.refreshes is not None and not old.problem and old_take(self.refreshes, old.key) == old

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Record where a hit came from."""
        if not event.nested:
            self.keys[event.prompt] = event.key
            if event.remote is not None:
                self.remotes[event.prompt] = event.remote
            if event.directory is not None:
                self.directories[event.prompt] = event.directory

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Record the audio that is to be replaced."""
        if not event.nested and event.reason == "refresh" and self.refreshes is not None:
            take = old_take(self.refreshes, event.key)
            if take is not None:
                self.old[event.prompt] = take

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Record where audio was stored, and what it replaced."""
        if not event.nested:
            self.stored.add(event.prompt)
            if (old := self.old.pop(event.prompt, None)) is not None:
                self.replaced[event.prompt] = Replaced(old, is_same=old.is_same(event.audio))
            self.keys[event.prompt] = event.key
            self.directories[event.prompt] = event.directory

    @hookimpl
    def russo_store_failed(self, event: StoreFailed) -> None:
        """Record why audio was not stored."""
        if not event.nested:
            self.keys[event.prompt] = event.key
            self.not_stored[event.prompt] = event.reason

    def show_troubles(self, layers: Sequence[AudioCache]) -> None:
        """Print problems of the backend and of hooks that raised, and the prompts with other settings.

        Args:
            layers: The caches of the command; the last one is written to.
        """
        counts = self.counts
        if counts.added:
            known = {str(layers[-1].directory): layers}
            if line := other_settings(counts.added, known, counts.used):
                screen.note(line)
        for name in sorted(counts.undeclared):
            screen.complain(f"{name} declares no cache_key_extra: its settings are not in the key")
        for trouble in sorted(counts.troubles):
            screen.complain(trouble)
        show_remote(counts, self.adopted, pins=self.pins)


def open_synthesizer(
    workspace: CommandWorkspace, *, yes: bool, refresh: bool = False, listeners: Sequence[object] = ()
) -> tuple[CachedSynthesizer, CommandEvents]:
    """Make the synthesizer of the chosen backend, with the cache that a test run would use.

    Args:
        workspace: The workspace of the command.
        yes: Whether to use servers and code that the ini-file names without asking.
        refresh: Whether to replace stored audio; recordings are not read then.
        listeners: More hook implementations.

    Raises:
        BackendConfigError: An option does not exist or is invalid.
        BackendNotFoundError: The backend does not exist.
        SettingsError: An option has a misspelt backend name.
        FailedError: The user does not consent to a server or to code that the ini-file names.
        RefusedError: The command must ask, and has no terminal.
    """
    cached, name = _cached(workspace, yes=yes, calls=True)
    show_endpoint(cached.synthesizer, workspace.options(name))
    events, manager = CommandEvents(), make_manager()
    manager.register(events.statistics, "statistics")
    manager.register(events, "russo command")
    for each in listeners:
        manager.register(each)
    context = RunContext(
        cache=_without_recordings(workspace) if refresh else workspace.layered,
        mode=Mode.REFRESH if refresh else Mode.AUTO,
        report=events.statistics.report,
        manager=manager,
        lock_file=workspace.settings.lock_file,
    )
    events.calls, events.stores = context.calls, context.remotes
    cached.bound_to(context)
    events.refreshes = cached.cache.writable if refresh else None
    return cached, events


def _without_recordings(workspace: CommandWorkspace) -> Cache:
    if workspace.remote is None:
        return workspace.cache
    return LayeredCache(workspace.cache, remote=workspace.remote)


def make_cached(workspace: CommandWorkspace, *, yes: bool) -> CachedSynthesizer:
    """Make the synthesizer of the chosen backend, only for the keys of prompts: it must not be called.

    Args:
        workspace: The workspace of the command.
        yes: Whether to use code that the ini-file names without asking.

    Raises:
        BackendConfigError: As for `open_synthesizer`.
        BackendNotFoundError: As for `open_synthesizer`.
        SettingsError: As for `open_synthesizer`.
        FailedError: As for `open_synthesizer`.
        RefusedError: As for `open_synthesizer`.
    """
    return _cached(workspace, yes=yes, calls=False)[0]


def _cached(workspace: CommandWorkspace, *, yes: bool, calls: bool) -> tuple[CachedSynthesizer, str]:
    """Return the cached synthesizer of the chosen backend, and the backend's name."""
    name, settings = workspace.backend("--synth "), workspace.settings
    refuse_misspelt_backends(settings)
    chosen = "the only one installed" if settings.synth is None else settings.sources["synth"]
    screen.note(f"backend: {name} ({chosen})")
    for line in options_without_effect(settings):
        screen.note(line)
    trust = Trust(workspace, yes=yes)
    trust.ask_for_factory(name)
    if ":" in name:
        make_importable(workspace.side)
    if calls:
        trust.ask_for_endpoints(name)
    synthesizer = workspace.make_synthesizer(name)
    # As in a test run, a factory may return a cached synthesizer, which keeps its own settings.
    cached = synthesizer if isinstance(synthesizer, CachedSynthesizer) else CachedSynthesizer(synthesizer)
    return cached, name


def run_to_end(
    synthesizer: CachedSynthesizer,
    events: CommandEvents,
    call: Coroutine[Any, Any, T],
    *,
    on_interrupt: Callable[[], object] | None = None,
) -> T:
    """Run a coroutine in a new event loop, then close the synthesizer.

    The event loop has its own thread, so that Ctrl-C also ends the command if the backend blocks.

    Args:
        synthesizer: The synthesizer to close.
        events: The events of the command.
        call: The coroutine.
        on_interrupt: Called at the first Ctrl-C, which then does not cancel the coroutine.
    """

    async def speak() -> T:
        try:
            return await call
        finally:
            await synthesizer.aclose()

    loop = BackgroundLoop()
    try:
        return loop.run(speak(), on_interrupt=on_interrupt)
    finally:
        for sentence in loop.close(events.calls):
            screen.complain(sentence)
