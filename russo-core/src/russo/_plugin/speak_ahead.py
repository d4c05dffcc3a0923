"""Speaking ahead: synthesize the marked prompts of a run before its tests, many at once.

Each backend call may be billed, so only prompts that a test will certainly need are spoken ahead; the module
`certainty` decides. A prompt that fails here is not reported, because its test will try it again.

If there is a shared store, it is asked first, for all marked prompts at once. A lookup is not billed, so also
prompts that a test may not need are fetched, also in mode ``replay``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .._errors import BudgetExceededError
from .._flow.cached import CachedSynthesizer, requests_of
from .._mode import Mode
from ..hookspecs import hookimpl
from .certainty import Plan, may_stop_early, plan
from .terminal import write_line

if TYPE_CHECKING:
    from .._events import CacheHit, EntryStored, RemoteLookup
    from .record_pins import RecordPins
    from .session import PytestSession

_RECORD_AT_ONCE: Final = 8  # a synthesizer's own limit may be lower


def speak_all(
    synthesizer: CachedSynthesizer,
    prompts: Iterable[str],
    at_once: int,
    wait_for: Callable[..., object],
    done: Callable[[str, BaseException | None], None],
) -> None:
    """Speak prompts, ``at_once`` at a time; a prompt that fails does not stop the others.

    Args:
        synthesizer: The cached synthesizer.
        prompts: The prompts.
        at_once: How many prompts at a time.
        wait_for: Runs a coroutine to its end.
        done: Called for each prompt with its error, or ``None`` after a success.
    """
    waiting = iter(list(prompts))

    async def work() -> None:
        for prompt in waiting:
            try:
                await synthesizer.synthesize(prompt)
            except BudgetExceededError as error:
                done(prompt, error)
                return
            except Exception as error:  # noqa: BLE001 - the prompt's own test will get the error
                done(prompt, error)
            else:
                done(prompt, None)

    async def work_all() -> None:
        await asyncio.gather(*(work() for _ in range(at_once)))

    wait_for(work_all())


def slice_for(prompts: list[str], worker: int, workers: int) -> list[str]:
    """Return the prompts that one of several workers speaks; each worker speaks different ones.

    A worker that replaces a crashed one has a number above the number of workers, and speaks none.
    """
    return prompts[worker::workers] if worker < workers else []


class SpokenAhead:
    """Makes the counts of a run equal to those without speaking ahead.

    While prompts are spoken ahead, a replay does not count as a hit, because the test will replay the prompt
    again. A prompt that was synthesized ahead counts as a backend call, so the first use by a test does not
    count as a hit.

    Args:
        directory: A directory that the processes of the run share.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._brought: set[str] = set()
        self.speaking = False

    @hookimpl
    def russo_remote_lookup(self, event: RemoteLookup) -> None:
        """Note an entry that a shared store had: it is stored next, and no backend call is made."""
        if self.speaking and event.outcome == "hit":
            self._brought.add(event.key)

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Mark audio that was synthesized ahead of its test."""
        if self.speaking and event.key not in self._brought:
            self._mark(event.key).touch()

    def covers(self, event: CacheHit) -> bool:
        """Return whether a hit must not be counted."""
        if self.speaking:
            return True
        try:
            self._mark(event.key).unlink()
        except OSError:
            return False
        return True

    def _mark(self, key: str) -> Path:
        return self._directory / f"ahead-{key}"


def speak_ahead(session: PytestSession, items: list[pytest.Item], config: pytest.Config) -> int | None:
    """Speak the marked prompts of the selected tests.

    Returns:
        ``None`` if the tests are run next. With ``--russo-record-only``, how many prompts could not be
        recorded.
    """
    only, mode = bool(config.getoption("russo_record_only")), session.settings.mode
    # In mode refresh the tests synthesize their prompts again, so speaking ahead would be useless.
    records = mode is Mode.AUTO or (only and mode is Mode.REFRESH)
    if not items or not (records or (mode is Mode.REPLAY and session.workspace.remote is not None)):
        return 0 if only else None
    if not only and may_stop_early(config):
        return None
    planned = plan(items, only_certain=not only)
    try:
        done = _record(session, planned, only=only, records=records)
    except Exception as error:  # noqa: BLE001 - no backend, or a factory that fails: the tests will report it
        if only:
            raise pytest.UsageError(str(error) or repr(error)) from None
        return None
    for line in done.lines() if only else ():
        write_line(config, f"russo: {line}")
    if only or (config.getoption("verbose", 0) > 0 and session.workers.is_controller):
        for test, reason in planned.left_out if records else ():
            write_line(config, f"russo: not spoken ahead for {test}: {reason}")
    return len(done.failures) if only else None


@dataclasses.dataclass(slots=True)
class _Done:
    """What was done before the tests.

    Attributes:
        prompts: How many prompts were to be spoken.
        failures: The prompts that failed, with their errors.
        brought: How many entries a shared store had.
        url: The URL of this store.
        pins: What changed in ``russo.lock``, in words, or ``None``.
    """

    prompts: int
    failures: list[tuple[str, BaseException]] = dataclasses.field(default_factory=list)
    brought: int = 0
    url: str = ""
    pins: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield what a run with ``--russo-record-only`` says."""
        source = f", {self.brought:,} of them from {self.url}" if self.brought else ""
        yield f"{self.prompts - len(self.failures)} of {self.prompts} marked prompts are recorded{source}"
        if self.pins is not None:
            yield self.pins
        for prompt, failure in self.failures:
            yield f"not recorded: {str(failure) or repr(prompt)}"


def _record(session: PytestSession, planned: Plan, *, only: bool, records: bool) -> _Done:
    """Fetch prompts from the shared store, and speak the others."""
    workers, remote = session.workers, session.workspace.remote
    mine = slice_for(planned.prompts, workers.number, workers.count) if records else []
    done = _Done(len(mine), url="" if remote is None else remote.url)
    possible = [] if remote is None else slice_for(planned.possible, workers.number, workers.count)
    if not (mine or possible):
        return done
    synthesizer = CachedSynthesizer(session.backend.load()).bound_to(session.context)
    pins = _pins(session) if only else None
    if possible:
        from .._flow.remote import prefetch

        done.brought = session.wait_for(prefetch(requests_of(synthesizer, possible)))
    try:
        if mine:
            at_once = max(1, -(-(session.settings.speak_ahead or _RECORD_AT_ONCE) // workers.count))
            done.failures = _speak(session, synthesizer, mine, at_once, progress=only)
        if pins is not None:
            session.remotes.flush()
            pins.restore()  # the entry of a faster machine is adopted only if the old pin allows it
            session.remotes.end()  # the audio of a faster machine is pinned, not that of this one
    finally:
        if pins is not None:
            done.pins = pins.write()
    try:
        session.close_synthesizer(synthesizer)
    except Exception as error:  # noqa: BLE001 - the audio is stored
        session.statistics.report(f"a synthesizer could not be closed: {error!r}")
    return done


def _pins(session: PytestSession) -> RecordPins:
    from .record_pins import RecordPins

    pins = RecordPins(session.workspace)
    session.manager.register(pins, "pins")
    return pins


def _speak(
    session: PytestSession,
    synthesizer: CachedSynthesizer,
    prompts: list[str],
    at_once: int,
    *,
    progress: bool,
) -> list[tuple[str, BaseException]]:
    """Speak prompts, and return those that failed with their errors."""
    assert session.spoken_ahead is not None
    failures: list[tuple[str, BaseException]] = []
    session.spoken_ahead.speaking = True
    # More calls at once than there are prompts would only cost memory.
    at_once = min(at_once, len(prompts))
    with _progress(len(prompts), shown=progress) as advance:

        def done(prompt: str, error: BaseException | None) -> None:
            advance()
            if error is not None:
                failures.append((prompt, error))

        speak_all(synthesizer, prompts, at_once, session.wait_for, done)
    session.spoken_ahead.speaking = False
    return failures


@contextlib.contextmanager
def _progress(number: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal."""
    # sys.stdout is None if the program was started without a standard output.
    if not shown or sys.stdout is None or not sys.stdout.isatty():
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("recording", total=number)
        yield lambda: bar.advance(task)
