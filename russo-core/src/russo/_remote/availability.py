"""Whether a store may be asked: a breaker for outages, a switch for refusals, shared by a run's processes."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .._breaker import OPEN_SECONDS, Breaker
from .._clock import monotonic

if TYPE_CHECKING:
    from pathlib import Path

Operation: TypeAlias = Literal["get", "put"]

_OUTAGE: Final = "remote-outage"
_TRIAL: Final = "remote-trial-"
_REFUSED: Final = "remote-refused-"


class Availability:
    """Whether a store may be asked now.

    Three outages in a row stop all calls for 30 s, then one call of one process tries. A refusal stops the
    calls of its kind for the whole run, because wrong credentials and a wrong name stay wrong. A store that
    refuses writes is still read.
    """

    def __init__(self) -> None:
        self._breaker = Breaker[str]()
        self._lock = threading.Lock()
        self._refusals: dict[Operation, str] = {}
        self._directory: Path | None = None

    def share(self, directory: Path) -> None:
        """Share the state with the processes that use the same directory."""
        self._directory = directory

    def known_trouble(self, operation: Operation) -> str | None:
        """Return why a call must not be made, as far as this process knows; no file is read."""
        reason = self._refusals.get(operation)
        return self._breaker.outage() if reason is None else reason

    def begin(self, operation: Operation) -> float | str:
        """Return the time at which a call begins, or why it must not be made."""
        reason = self.known_trouble(operation)
        if reason is None:
            reason = self._refusal_elsewhere(operation)
        if reason is None:
            reason = self._outage_elsewhere()
        return self._breaker.begin() if reason is None else reason

    def note_reply(self, began: float) -> None:
        """Note that the store answered a call that began at this time."""
        self._breaker.note_reply()
        self._breaker.end(began)
        self._remove(_OUTAGE)

    def note_outage(self, began: float, reason: str) -> None:
        """Note that the store did not answer a call that began at this time."""
        self._breaker.end(began, reason)
        if self._breaker.outage() is not None:
            self._write(_OUTAGE, [reason, monotonic() + OPEN_SECONDS])

    def note_nothing(self, began: float) -> None:
        """Note that a call that began at this time was not made."""
        self._breaker.end(began)

    def switch_off(self, operation: Operation, reason: str) -> None:
        """Make no more calls of a kind in this run."""
        with self._lock:
            if self._refusals.setdefault(operation, reason) is not reason:
                return
        self._write(_REFUSED + operation, [reason, 0.0])

    def _refusal_elsewhere(self, operation: Operation) -> str | None:
        """Return the refusal that another process of the run noted, if any."""
        trouble = self._read(_REFUSED + operation)
        return None if trouble is None else self._refusals.setdefault(operation, trouble[0])

    def _outage_elsewhere(self) -> str | None:
        """Return the outage that another process of the run noted, or ``None`` if a call may be made.

        After 30 s, one process makes one call. It writes the file again, so that the others wait for another
        30 s, or until the store has answered.
        """
        trouble = self._read(_OUTAGE)
        if trouble is None:
            return None
        reason, until = trouble
        if monotonic() < until or not self._is_first(f"{_TRIAL}{until}"):
            return reason
        self._write(_OUTAGE, [reason, monotonic() + OPEN_SECONDS])
        return None

    def _write(self, name: str, trouble: list[str | float]) -> None:
        if self._directory is not None:
            with contextlib.suppress(OSError):  # then each process finds out by itself
                (self._directory / name).write_text(json.dumps(trouble), "ascii")

    def _read(self, name: str) -> tuple[str, float] | None:
        """Return the reason and the end of an outage or a refusal that a process of the run noted."""
        if self._directory is None:
            return None
        try:
            reason, until = json.loads((self._directory / name).read_text("ascii"))
            return str(reason), float(until)
        except (OSError, ValueError, TypeError):  # there is none, or another process is writing it
            return None

    def _remove(self, name: str) -> None:
        if self._directory is not None:
            with contextlib.suppress(OSError):
                (self._directory / name).unlink()

    def _is_first(self, name: str) -> bool:
        """Create a file; return whether no process had created it before."""
        assert self._directory is not None
        try:
            (self._directory / name).touch(exist_ok=False)
        except OSError:
            return False
        return True
