"""`Breakers`: one `Breaker` for each host that backends call.

The breakers belong to a run: `RunContext` makes them, and the flow passes them on in the `BackendCall`.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from .._breaker import Breaker
from .._errors import ServiceError, SynthesisError, SynthesisTimeoutError


class Outage(NamedTuple):
    """Why a host was not reached, as the last failed call reported it."""

    kind: type[SynthesisError]
    what: str
    advice: str

    @classmethod
    def of(cls, error: BaseException | None) -> Self | None:
        """Return the outage that an error reports, or ``None`` if it has another cause.

        Missing credentials and rejected texts do not reach the host either, but their classes differ. A
        certificate that is not trusted, and a client that cannot be made, are not retryable.
        """
        if not isinstance(error, (ServiceError, SynthesisTimeoutError)):
            return None
        if error.reached or not error.retryable:
            return None
        # The constructor of another package's subclass may have other arguments.
        kind = ServiceError if isinstance(error, ServiceError) else SynthesisTimeoutError
        return cls(kind, error.what, error.advice)


def has_replied(error: SynthesisError) -> bool:
    """Return whether an error shows that the host was reached. A timeout does not show it."""
    return error.reached and not isinstance(error, SynthesisTimeoutError)


class Breakers:
    """The breakers of one run, one for each host."""

    def __init__(self) -> None:
        self._breakers: dict[str, Breaker[Outage]] = {}

    def of(self, host: str) -> Breaker[Outage]:
        """Return the breaker of a host and port."""
        return self._breakers.setdefault(host, Breaker[Outage]())
