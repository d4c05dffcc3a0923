"""One call of a synthesizer: opened by the flow, its attempts told by `russo.authoring`."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .budget import Budget


@dataclass(slots=True)
class Call:
    """A prompt being spoken, which may cost money.

    Attributes:
        prompt: The prompt.
        keys: What this call, and those it is made within, are to be stored under.
        budget: The run's limit of paid calls, if it has one.
        delegated: Whether it led to another `CachedSynthesizer`, which then pays instead.
        attempts: Attempts that were begun.
        reached: Attempts that reached the service, and so may have been paid for.
    """

    prompt: str
    keys: frozenset[str]
    budget: Budget | None
    delegated: bool = False
    attempts: int = 0
    reached: int = 0
    _slots: list[Path] = field(default_factory=list)

    def open(self, outer: Call | None) -> None:
        """Take a slot of the budget: the one of the call around this one, if that has it still.

        Raises:
            BudgetExceededError: None is left.
        """
        if self.budget is None:
            return
        if outer is not None and outer._slots and not outer.attempts:
            self._slots.append(outer._slots.pop())
        else:
            self._slots.append(self.budget.claim(self.prompt))

    def begin_attempt(self) -> None:
        """Note that an attempt is about to be made; the first one has its slot already.

        Raises:
            BudgetExceededError: None is left for another attempt.
        """
        self.attempts += 1
        if self.budget is not None and self.attempts > max(1, len(self._slots)):
            self._slots.append(self.budget.claim(self.prompt))

    def close(self, problem: BaseException | None) -> int:
        """Return how many calls may have been paid for, and give back the slots of the others.

        A synthesizer that does not run its attempts through `russo.authoring` counts as one call,
        unless its error says that nothing was reached.
        """
        paid = self.reached
        if not self.attempts and not self.delegated and getattr(problem, "reached", True):
            paid = 1
        while self.budget is not None and len(self._slots) > paid:
            self.budget.give_back(self._slots.pop())
        return paid


current_call: Final[contextvars.ContextVar[Call | None]] = contextvars.ContextVar("russo_call", default=None)
