"""`BackendCall`: the counts of one call. The flow opens it, and `Attempts` counts attempts in it."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .breaker import Breakers
from .budget import Budget


@dataclass(slots=True, eq=False)
class BackendCall:
    """A call of a synthesizer, which may be billed.

    Attributes:
        backend: The backend's name, or the class of the synthesizer.
        prompt: The prompt.
        keys: Cache keys of this call and of the calls that enclose it.
        budget: The run's limit of backend calls, if there is one.
        breakers: The run's breakers, or ``None`` if the call belongs to no run.
        is_absent: Whether the cache was searched and has no entry for this prompt with these settings.
        replay_command: The command that repeats the run in mode ``replay``, if there is one.
        delegated: Whether it called another `CachedSynthesizer`, which counts the call instead.
        attempts: Attempts that were started.
        reached: Attempts that reached the service, and so may be billed.
    """

    backend: str
    prompt: str
    keys: frozenset[str]
    budget: Budget | None
    breakers: Breakers | None = None
    is_absent: bool = False
    replay_command: str | None = None
    delegated: bool = False
    attempts: int = 0
    reached: int = 0
    _slots: list[Path] = field(default_factory=list)

    def open(self, outer: BackendCall | None) -> None:
        """Take a slot of the budget: the slot of the enclosing call, if that call has made no attempt.

        Raises:
            BudgetExceededError: No slot is left.
        """
        if self.budget is None:
            return
        if outer is not None and outer._slots and not outer.attempts:
            self._slots.append(outer._slots.pop())
        else:
            self._slots.append(self.budget.claim(self.prompt))

    def begin_attempt(self) -> None:
        """Count an attempt that is about to be made. The first attempt uses the slot of the call.

        Raises:
            BudgetExceededError: No slot is left for another attempt.
        """
        self.attempts += 1
        if self.budget is not None and self.attempts > max(1, len(self._slots)):
            self._slots.append(self.budget.claim(self.prompt))

    def close(self, problem: BaseException | None) -> int:
        """Return how many backend calls may be billed, and give back the slots of the others.

        A synthesizer that does not run its attempts through `russo.authoring` counts as one call,
        unless its error says that the service was not reached.
        """
        billed = self.reached
        if not self.attempts and not self.delegated and getattr(problem, "reached", True):
            billed = 1
        while self.budget is not None and len(self._slots) > billed:
            self.budget.give_back(self._slots.pop())
        return billed


current_backend_call: Final[contextvars.ContextVar[BackendCall | None]] = contextvars.ContextVar(
    "russo_backend_call", default=None
)
