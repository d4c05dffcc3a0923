"""`Budget`: the run's limit of backend calls, which holds over all processes of the run."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from .._errors import BudgetExceededError, shorten

if TYPE_CHECKING:
    from pathlib import Path


class Budget:
    """A limited number of backend calls; each call takes a slot before it is made.

    A slot is a file that is created exclusively, so that two processes cannot take the same slot.

    Args:
        limit: The number of calls.
        directory: A directory that the processes of the run share.
    """

    def __init__(self, limit: int, directory: Path) -> None:
        self.limit = limit
        self._directory = directory

    def claim(self, prompt: str) -> Path:
        """Take a slot for a call, before it is made.

        Raises:
            BudgetExceededError: No slot is left.
        """
        for number in range(self.limit):
            slot = self._directory / f"call-{number}"
            with contextlib.suppress(FileExistsError):
                os.close(os.open(slot, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                return slot
        raise BudgetExceededError(
            f"the run's limit of {self.limit} backend calls is reached: {shorten(prompt)} was not spoken and "
            "no call was made; raise --russo-max-calls, or record it in a run of its own",
            prompt=prompt,
            reached=False,
            limit=self.limit,
        )

    def give_back(self, slot: Path) -> None:
        """Return the slot of a call that did not reach the service."""
        slot.unlink(missing_ok=True)
