"""Read HTTP/1.1 requests (RFC 9112) from a socket, with bodies by length or in chunks."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

_RECEIVE_BYTES: Final = 65536


@dataclass(frozen=True)
class Request:
    """A request that a client sent.

    Attributes:
        method: In capital letters.
        path: Without the query.
        query: Names to values; the last value of a repeated name.
        headers: Names, in lower case, to values.
        body: The whole body, decoded if it came in chunks.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body parsed as JSON; a ``ValueError`` if it is not JSON."""
        return json.loads(self.body)


class MalformedRequestError(Exception):
    """The received data is not an HTTP/1.1 request."""


class _ConnectionClosedError(Exception):
    """The client or the server closed the connection."""


class RequestReader:
    """Reads requests from a connection, one after another, and keeps the bytes of the next request.

    Args:
        connection: The connection.
        ready: Waits until there is data to read; returns false if the server closes.
    """

    def __init__(self, connection: socket.socket, ready: Callable[[socket.socket], bool]) -> None:
        self._connection = connection
        self._ready = ready
        self._data = b""

    def next(self) -> Request | None:
        """Return the next request, or ``None`` if the connection was closed.

        Raises:
            MalformedRequestError: The received data is not an HTTP/1.1 request.
        """
        try:
            start, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            try:
                method, target, _ = start.split(" ")
                url = urlsplit(target)
                body = self._body(headers)
            except ValueError as error:
                raise MalformedRequestError(f"not a request of HTTP/1.1: {start[:80]!r}, {error}") from error
        except _ConnectionClosedError:
            return None
        return Request(method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)

    def take(self, size: int) -> bytes | None:
        """Read bytes of another protocol, to which the connection was upgraded; None if it ends before."""
        try:
            return self._exactly(size)
        except _ConnectionClosedError:
            return None

    def _body(self, headers: dict[str, str]) -> bytes:
        """Read the body that these headers announce."""
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._exactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            body += self._exactly(size + 2)[:-2]
        while self._until(b"\r\n"):  # trailers
            pass
        return body

    def _until(self, end: bytes) -> bytes:
        """Read until a separator; return the bytes before it."""
        while end not in self._data:
            self._receive()
        found, _, self._data = self._data.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        """Read and return ``size`` bytes."""
        while len(self._data) < size:
            self._receive()
        found, self._data = self._data[:size], self._data[size:]
        return found

    def _receive(self) -> None:
        """Receive more bytes, or raise `_ConnectionClosedError`."""
        if not self._ready(self._connection) or not (received := self._connection.recv(_RECEIVE_BYTES)):
            raise _ConnectionClosedError
        self._data += received
