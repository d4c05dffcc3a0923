"""What a backend's author declares of the service behind it: how it answers, and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ... import AuthenticationError, RateLimitError, RequestRejectedError, ServiceError, SynthesisError
from .loopback import Reply
from .request import Request


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a service may answer, the error that it becomes, and whether the call is made again.

    Args:
        reply: The service's answer.
        error: The class of the error, which may be one of its own below that.
        retried: Whether the same call may succeed later.
        retry_now: False where the reply cannot ask for a wait of 0 s: then the check makes one attempt.
    """

    reply: Reply
    error: type[SynthesisError]
    retried: bool
    retry_now: bool = True


@dataclass(frozen=True, kw_only=True)
class HttpService:
    """How the service behind a backend answers over HTTP.

    The backend takes ``base_url``, ``timeout`` and ``max_attempts``. One that sends a key also takes
    ``api_key``, and names the variables of its key in the class attribute ``credentials``.

    Args:
        good: Makes the reply that carries these samples (signed 16-bit little-endian, mono, 24 kHz).
        error_reply: Makes the service's error: status, message, and seconds of ``Retry-After`` or ``None``.
        sent_key: Reads the key from a request, out of a header or its query; ``None`` where the service takes
            none, which skips the checks of keys.
        text_of: Reads the text from a request, where it is not a value of its JSON, form or query, as it is:
            out of SSML or a path, say. What the requests of one call hold is put together.
        failures: More failures of this service by name; one named like a usual failure (``status 404``)
            replaces it.
        base_url: Makes the option ``base_url`` of the server's url (``http://127.0.0.1:PORT``).
    """

    good: Callable[[bytes], Reply]
    error_reply: Callable[[int, str, float | None], Reply]
    sent_key: Callable[[Request], str] | None = None
    text_of: Callable[[Request], str] | None = None
    failures: Mapping[str, Failure] = field(default_factory=dict)
    base_url: Callable[[str], str] = str

    def all_failures(self) -> dict[str, Failure]:
        """Return the failures that every service tells by its status, and the service's own."""
        return _status_failures(self.error_reply) | dict(self.failures)


_KINDS: Mapping[int, tuple[type[SynthesisError], bool]] = {
    401: (AuthenticationError, False),
    403: (AuthenticationError, False),
    404: (RequestRejectedError, False),
    429: (RateLimitError, True),
    500: (ServiceError, True),
    502: (ServiceError, True),
    503: (ServiceError, True),
}


def _status_failures(error_reply: Callable[[int, str, float | None], Reply]) -> dict[str, Failure]:
    """Return the usual failures by name; the retried ones ask to wait 0 s."""
    return {
        f"status {status}": Failure(reply=error_reply(status, "no", 0.0), error=kind, retried=retried)
        for status, (kind, retried) in _KINDS.items()
    }
