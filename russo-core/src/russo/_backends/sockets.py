"""Classifies failures of sockets and websockets, by class name: no client is imported for it."""

from __future__ import annotations

from typing import Final, NamedTuple

from .._errors import ServiceError, SynthesisError, SynthesisTimeoutError

# Raised only while connecting, so the service received nothing.
_NOT_CONNECTED: Final = frozenset({"ConnectionRefusedError", "gaierror"})


class BrokenSocket(NamedTuple):
    """What a failure of a socket means.

    Attributes:
        kind: The class of the error.
        what: What happened, with the host.
        reached: Whether the connection was open, so that the call may be billed.
    """

    kind: type[SynthesisError]
    what: str
    reached: bool


def broken_socket(error: BaseException, host: str, *, connected: bool) -> BrokenSocket | None:
    """Classify an exception of a socket or a websocket.

    Args:
        error: The exception.
        host: The host and port, for the message.
        connected: False if the exception was raised before the connection was open.

    Returns:
        ``None`` if the connection was open and the exception is of another kind.
    """
    names = {each.__name__ for each in type(error).__mro__}
    said = str(error) or type(error).__name__
    if not connected and isinstance(error, TimeoutError):
        return BrokenSocket(SynthesisTimeoutError, f"no connection to {host} in time: {said}", reached=False)
    if not connected or names & _NOT_CONNECTED:
        return BrokenSocket(ServiceError, f"no connection to {host}: {said}", reached=False)
    if "ConnectionClosed" in names:
        return BrokenSocket(
            ServiceError, f"the connection to {host} was lost: {_close_of(error)}", reached=True
        )
    if isinstance(error, OSError):
        return BrokenSocket(ServiceError, f"the connection to {host} was lost: {said}", reached=True)
    return None


def _close_of(error: BaseException) -> str:
    """Return the close code and the reason that a websocket's server sent, or that it sent none."""
    received = getattr(error, "rcvd", None)
    if received is None:
        return "it ended without a close code"
    return f"close code {received.code} {received.reason}".rstrip()
