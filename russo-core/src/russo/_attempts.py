"""How many attempts of one synthesis reached the service: told by `russo.authoring`, read by the flow."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class Attempts:
    """Counts the attempts of one synthesis that reached the service, and so may have been paid for."""

    reached: int = 0


current_attempts: Final[contextvars.ContextVar[Attempts | None]] = contextvars.ContextVar(
    "russo_attempts", default=None
)
