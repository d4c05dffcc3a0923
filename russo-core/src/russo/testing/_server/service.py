"""The author's declaration of the service behind a backend: its replies and its failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ... import AuthenticationError, RateLimitError, RequestRejectedError, ServiceError, SynthesisError
from .loopback import LoopbackServer, Replies, Reply
from .request import Request
from .websocket import Frames, WebSocketServer


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failing reply of a service, the error that the backend raises for it, and whether it is retried.

    Args:
        reply: The service's reply.
        error: The class of the error; subclasses are allowed.
        retried: Whether the same call may succeed later.
        retry_now: False if the reply cannot ask for a wait of 0 s; the check then makes one attempt only.
    """

    reply: Reply
    error: type[SynthesisError]
    retried: bool
    retry_now: bool = True


@dataclass(frozen=True, kw_only=True)
class HttpService:
    """How the service behind a backend answers over HTTP.

    The backend must take the options ``base_url``, ``timeout`` and ``max_attempts``. A backend that sends a
    key must also take ``api_key``, and name the variables of its key in the class attribute ``credentials``.

    Args:
        good: Returns the reply for these samples (signed 16-bit little-endian, mono, 24 kHz).
        error_reply: Returns the service's error reply for a status, a message, and the seconds of
            ``Retry-After`` or ``None``.
        sent_key: Returns the key of a request, from a header or the query. ``None`` means that the service
            takes no key, and skips the checks of keys.
        text_of: Returns the text of a request. Needed only if the text is not an unchanged value of the
            request's JSON, form or query, but in SSML or a path, for example. The texts of all requests of
            one call are joined.
        failures: More failures of this service by name; a failure named like a usual one (``status 404``)
            replaces it.
        base_url: Returns the option ``base_url`` for the server's url (``http://127.0.0.1:PORT``).
    """

    good: Callable[[bytes], Reply]
    error_reply: Callable[[int, str, float | None], Reply]
    sent_key: Callable[[Request], str] | None = None
    text_of: Callable[[Request], str] | None = None
    failures: Mapping[str, Failure] = field(default_factory=dict)
    base_url: Callable[[str], str] = str

    def all_failures(self) -> dict[str, Failure]:
        """Return the failures of common status codes, and the service's own failures, by name."""
        return _status_failures(self.error_reply) | dict(self.failures)

    def serve(self, replies: Replies) -> LoopbackServer:
        """Return a server that plays this service with these replies."""
        return LoopbackServer(replies)

    def is_reached(self, place: str) -> bool:
        """Return whether a call that broke off at a place of the reply may be billed."""
        return True


@dataclass(frozen=True, kw_only=True)
class WebSocketService(HttpService):
    """How the service behind a backend answers over a websocket, one connection for each attempt.

    It is declared like `HttpService`: ``good`` returns `Frames`; ``error_reply`` too, an error event say. A
    reply that is not `Frames`, such as one in ``failures``, refuses the handshake. What the client sends on
    one connection is one request: its body is the JSON list of the client's messages.

    Args:
        greeting: What the server sends when the connection is open; make it by `frames`.
        is_last: Returns whether a message of the client, parsed from JSON, is the last before the reply.
    """

    greeting: Frames = field(default_factory=Frames)
    is_last: Callable[[Any], bool] = bool

    def serve(self, replies: Replies) -> LoopbackServer:
        """Return a server that plays this service with these replies."""
        return WebSocketServer(replies, greeting=self.greeting, is_last=self.is_last)

    def is_reached(self, place: str) -> bool:
        """Return whether the connection was open; before that, nothing is billed."""
        return place == "body"


_STATUS_ERRORS: Mapping[int, tuple[type[SynthesisError], bool]] = {
    401: (AuthenticationError, False),
    403: (AuthenticationError, False),
    404: (RequestRejectedError, False),
    429: (RateLimitError, True),
    500: (ServiceError, True),
    502: (ServiceError, True),
    503: (ServiceError, True),
}


def _status_failures(error_reply: Callable[[int, str, float | None], Reply]) -> dict[str, Failure]:
    """Return the failures of common status codes by name; the replies ask for a wait of 0 s."""
    return {
        f"status {status}": Failure(reply=error_reply(status, "no", 0.0), error=kind, retried=retried)
        for status, (kind, retried) in _STATUS_ERRORS.items()
    }
