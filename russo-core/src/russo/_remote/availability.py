"""Whether a store may be asked: a breaker for outages, a switch for refusals, shared by a run's processes."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from .._breaker import OPEN_SECONDS, Breaker
from .._clock import monotonic

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "remote-trouble"


class Trouble(NamedTuple):
    """Why a store is not asked.

    Attributes:
        reason: In words.
        until: When it may be asked again, by the clock of `monotonic`; ``None`` means not in this run.
    """

    reason: str
    until: float | None


class Availability:
    """Whether a store may be asked now.

    Three outages in a row stop all calls for 30 s, then one call tries. A refusal stops them for the whole
    run, because credentials or a name do not become right by themselves.
    """

    def __init__(self) -> None:
        self._breaker = Breaker[str]()
        self._lock = threading.Lock()
        self._trouble: Trouble | None = None
        self._file: Path | None = None

    def share(self, directory: Path) -> None:
        """Share the state with the processes that use the same directory."""
        self._file = directory / _FILE

    def why_not(self) -> str | None:
        """Return why the store must not be asked now, or ``None`` if it may be asked."""
        trouble = self._trouble or self._read()
        if trouble is not None and (trouble.until is None or monotonic() < trouble.until):
            return trouble.reason
        return self._breaker.outage()

    def begin(self) -> float | str:
        """Return the time at which a call begins, or why it must not be made."""
        return self.why_not() or self._breaker.begin()

    def note_reply(self, began: float) -> None:
        """Note that the store answered a call that began at this time."""
        self._breaker.note_reply()
        self._breaker.end(began)

    def note_outage(self, began: float, reason: str) -> None:
        """Note that the store did not answer a call that began at this time."""
        self._breaker.end(began, reason)
        if self._breaker.outage() is not None:
            self._write(Trouble(reason, monotonic() + OPEN_SECONDS))

    def switch_off(self, reason: str) -> None:
        """Ask the store no more in this run."""
        with self._lock:
            if self._trouble is not None:
                return
            self._trouble = Trouble(reason, None)
        self._write(self._trouble)

    def _write(self, trouble: Trouble) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # then each process finds out by itself
                self._file.write_text(json.dumps(trouble), "ascii")

    def _read(self) -> Trouble | None:
        """Return the trouble that another process of the run noted."""
        if self._file is None:
            return None
        try:
            reason, until = json.loads(self._file.read_text("ascii"))
        except (OSError, ValueError):  # there is none, or another process is writing it
            return None
        trouble = Trouble(str(reason), until)
        if until is None:
            self._trouble = trouble
        return trouble
