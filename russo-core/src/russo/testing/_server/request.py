"""Requests as they come over the wire: HTTP/1.1 (RFC 9112), bodies by length or in chunks."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

_PIECE: Final = 65536


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Attributes:
        method: In capital letters.
        path: Without the query.
        query: Names to values; of a repeated name the last counts.
        headers: Names, in lower case, to values.
        body: All of it, however it was sent.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; a body that is none is a ``ValueError``."""
        return json.loads(self.body)


class MalformedRequestError(Exception):
    """What came is no request of HTTP/1.1."""


class _Ended(Exception):
    """The client, or the server, is done."""


class RequestReader:
    """Reads one request after another from a connection; what came of the next one is kept for it.

    Args:
        connection: The connection.
        ready: Waits until there is something to read; false where the server closes.
    """

    def __init__(self, connection: socket.socket, ready: Callable[[socket.socket], bool]) -> None:
        self._connection = connection
        self._ready = ready
        self._data = b""

    def next(self) -> Request | None:
        """Read a request; ``None`` where no more come.

        Raises:
            MalformedRequestError: What came is none.
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
                raise MalformedRequestError(f"no request of HTTP/1.1: {start[:80]!r}, {error}") from error
        except _Ended:
            return None
        return Request(method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)

    def _body(self, headers: dict[str, str]) -> bytes:
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
        while end not in self._data:
            self._more()
        found, _, self._data = self._data.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            self._more()
        found, self._data = self._data[:size], self._data[size:]
        return found

    def _more(self) -> None:
        if not self._ready(self._connection) or not (more := self._connection.recv(_PIECE)):
            raise _Ended
        self._data += more
