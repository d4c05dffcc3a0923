"""`Budget`: the run's limit of backend calls, which holds over all processes of the run."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

from .._errors import BudgetExceededError, shorten

if TYPE_CHECKING:
    from pathlib import Path

_RETURNED: Final = "calls-returned"
_RECORD: Final = 20  # digits of the number of a slot that was given back; appended in one write


class Budget:
    """A limited number of backend calls; each call takes a slot before it is made.

    A slot is a file that is created exclusively, so that two processes cannot take the same slot. Each
    process tries every slot once, from the first to the last. The numbers of slots that were given back
    are appended to one file, and each process reads only the new numbers. So the cost of a claim does not
    depend on the number of slots taken.

    Args:
        limit: The number of calls.
        directory: A directory that the processes of the run share.
    """

    def __init__(self, limit: int, directory: Path) -> None:
        self.limit = limit
        self._directory = directory
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._next = 0
        self._free: list[int] = []
        self._read_up_to = 0

    def claim(self, prompt: str) -> Path:
        """Take a slot for a call, before it is made.

        Raises:
            BudgetExceededError: No slot is left, or the calls cannot be counted.
        """
        try:
            slot = self._take()
        except OSError as error:
            raise self._refusal(
                prompt, f"the backend calls of the run cannot be counted ({error.strerror or error})"
            ) from error
        if slot is None:
            raise self._refusal(prompt, f"the run's limit of {self.limit} backend calls is reached")
        return slot

    def give_back(self, slot: Path) -> None:
        """Return the slot of a call that did not reach the service."""
        try:
            os.unlink(slot)
            number = slot.name.removeprefix("call-").zfill(_RECORD).encode()
            with open(self._directory / _RETURNED, "ab", buffering=0) as returned:
                returned.write(number)
        except OSError:  # the other processes do not see this slot, and make one call less
            with self._lock:
                self._free.append(int(slot.name.removeprefix("call-")))

    def _take(self) -> Path | None:
        if self._pid != os.getpid():  # a forked child: a thread of the parent may hold the lock
            self._pid, self._lock = os.getpid(), threading.Lock()
        with self._lock:
            self._free += self._read_returned()
            while self._free:
                if (slot := self._create(self._free.pop())) is not None:
                    return slot
            while self._next < self.limit:
                self._next += 1
                if (slot := self._create(self._next - 1)) is not None:
                    return slot
        return None

    def _create(self, number: int) -> Path | None:
        slot = self._directory / f"call-{number}"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(slot, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return slot
        return None

    def _read_returned(self) -> list[int]:
        """Return the slots that were given back since the last call, by any process."""
        try:
            with open(self._directory / _RETURNED, "rb") as returned:
                returned.seek(self._read_up_to)
                new = returned.read()
        except FileNotFoundError:
            return []
        new = new[: len(new) - len(new) % _RECORD]
        self._read_up_to += len(new)
        numbers = (int(new[at : at + _RECORD]) for at in range(0, len(new), _RECORD))
        return [number for number in numbers if number < self.limit]

    def _refusal(self, prompt: str, reason: str) -> BudgetExceededError:
        return BudgetExceededError(
            f"{reason}: {shorten(prompt)} was not "
            "synthesized and no call was made; raise --russo-max-calls, or record it in a separate run",
            prompt=prompt,
            reached=False,
            limit=self.limit,
        )
