"""A websocket server on 127.0.0.1 whose replies and failures a test defines (RFC 6455).

It is a `LoopbackServer` whose replies may be `Frames`. A connection makes one request: its body is a JSON
list of the client's messages, which the server reads before it replies.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from .loopback import LoopbackServer, Replies, Reply
from .request import Request, RequestReader

_SEED: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_NEVER_OPEN: Final = ("start", "status", "headers")


@dataclass(frozen=True)
class Frames(Reply):
    """Frames that the server sends after it has read the client's messages; make them by `frames`.

    ``fail_at`` "start", "status" and "headers" break off the handshake, "body" breaks off the frames.

    Args:
        answer_close: False leaves the client's close frame unanswered.
    """

    answer_close: bool = True

    def pieces(self) -> tuple[bytes, bytes, bytes]:
        """Return the bytes after the handshake: a body only."""
        return b"", b"", self.body

    def handshake(self, request: Request) -> Reply:
        """Return the reply that opens the connection, which fails if these frames fail before their body."""
        key = request.headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _SEED, usedforsecurity=False).digest()).decode()
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
        opening = Reply(status=101, headers=headers)
        if self.fail_at not in _NEVER_OPEN:
            return opening
        return replace(opening, fail_at=self.fail_at, fail_how=self.fail_how)

    def finish(self, connection: socket.socket, reader: RequestReader) -> bool:
        """Wait until the client closes the websocket."""
        Messages(connection, reader).finish(answer=self.answer_close)
        return False


def frames(events: Iterable[Any], *, close: tuple[int, str] | None = None) -> Frames:
    """Make a reply of events, each a text frame of JSON; bytes are a text frame as they are.

    Args:
        events: JSON values, or bytes.
        close: Code and reason of a close frame after them.
    """
    texts = (each if isinstance(each, bytes) else json.dumps(each).encode() for each in events)
    body = b"".join(frame(_TEXT, text) for text in texts)
    if close is not None:
        body += frame(_CLOSE, struct.pack("!H", close[0]) + close[1].encode())
    return Frames(body=body)


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one frame of a server, unmasked."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = struct.pack("!BH", 126, size)
    else:
        length = struct.pack("!BQ", 127, size)
    return bytes([0x80 | opcode]) + length + payload


class WebSocketServer(LoopbackServer):
    """Answers websockets on 127.0.0.1 from construction until `close`; see `LoopbackServer`.

    A `Reply` that is not `Frames` refuses the handshake.

    Args:
        replies: As `LoopbackServer` takes them. A function is called with all messages of the client, after
            the handshake, so it must return `Frames`.
        greeting: What the server sends when the connection is open.
        is_last: Returns whether a message of the client, parsed from JSON, is the last before the reply.
    """

    def __init__(self, replies: Replies = (), *, greeting: Frames, is_last: Callable[[Any], bool]) -> None:
        self._greeting = greeting
        self._is_last = is_last
        super().__init__(replies, upgrade=self._open)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "replies" and callable(value):
            value = functools.partial(_frames_of, value)
        super().__setattr__(name, value)

    def _open(
        self, connection: socket.socket, request: Request, reader: RequestReader, known: Reply | None
    ) -> tuple[Request, Reply | None] | None:
        """Open a websocket and read the client's messages, unless the known reply prevents it."""
        planned = Frames() if known is None else known
        opening = planned.handshake(request) if isinstance(planned, Frames) else planned
        if opening.status != 101 or opening.fail_at is not None:
            return request, opening
        connection.sendall(opening.wire() + self._greeting.wire())
        asked = Messages(connection, reader).until(self._is_last)
        return None if asked is None else (replace(request, body=json.dumps(asked).encode()), None)


def _frames_of(make: Callable[[Request], Reply], request: Request) -> Frames:
    """Return the frames of the test's function; if it fails, a close frame with the reason."""
    try:
        reply = make(request)
    except Exception as error:  # noqa: BLE001 - the test's function may raise anything
        return frames([], close=(1011, f"the test's reply function raised {error!r:.80}"))
    return reply if isinstance(reply, Frames) else frames([], close=(1011, f"not Frames: {reply!r:.80}"))


class Messages:
    """The client's messages on an open websocket."""

    def __init__(self, connection: socket.socket, reader: RequestReader) -> None:
        self._connection = connection
        self._reader = reader

    def until(self, is_last: Callable[[Any], bool]) -> list[Any] | None:
        """Return the messages up to the last one; None if the client leaves before."""
        found: list[Any] = []
        while (received := self._next()) is not None and received[0] != _CLOSE:
            if received[0] == _TEXT:
                found.append(json.loads(received[1]))
                if is_last(found[-1]):
                    return found
            elif received[0] == _PING:
                self._connection.sendall(frame(_PONG, received[1]))
        return None

    def finish(self, *, answer: bool) -> None:
        """Wait until the client closes; answer its close frame, unless ``answer_close`` is false."""
        while (received := self._next()) is not None:
            if received[0] == _CLOSE and answer:
                self._connection.sendall(frame(_CLOSE, received[1]))
                return

    def _next(self) -> tuple[int, bytes] | None:
        """Return opcode and payload of the client's next frame, which is masked and not fragmented."""
        head = self._reader.take(2)
        if head is None:
            return None
        size, extended = head[1] & 0x7F, {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
        if extended:
            size = int.from_bytes(self._reader.take(extended) or b"", "big")
        mask = self._reader.take(4)
        payload = self._reader.take(size)
        if mask is None or payload is None:
            return None
        return head[0] & 0x0F, bytes(each ^ mask[at % 4] for at, each in enumerate(payload))
