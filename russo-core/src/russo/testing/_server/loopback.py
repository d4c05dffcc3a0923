"""A small HTTP/1.1 server on 127.0.0.1 whose every reply, and failure, a test writes down.

    with LoopbackServer([Reply(status=503), Reply(body=wav(speech_pcm()))]) as server:
        ...                                    # a real SDK against server.url
        assert server.requests[0].json["voice"] == "alloy"
        assert server.wait_closed()            # the client has let go of every connection

It speaks over real sockets, one thread per connection. A thread that waits (`delay`, ``hang``) watches its
client, so that a client which goes away is noticed at once; `close` ends every wait and leaves no thread.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Self

from .request import MalformedRequestError, Request, RequestReader

_PATIENCE = 10.0  # seconds that a test waits for what must come


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Args:
        status: The status code; its usual phrase goes with it.
        headers: More headers; one given here replaces the server's own.
        body: The bytes.
        chunked: Send them in chunks; else with their ``Content-Length``.
        chunk_size: Bytes of a chunk.
        delay: Seconds before the first byte.
        keep_alive: False adds ``Connection: close`` and closes.
        fail_at: Where the reply breaks off: ``start`` (not a byte is sent), ``status`` (within the status
            line), ``headers`` (within the headers), ``body``.
        fail_how: ``close`` (FIN), ``reset`` (RST), ``hang`` (nothing more comes until one side closes) or
            ``drip`` (the rest comes byte by byte, ten in a second).
        fail_after: How many bytes of the body are sent before it breaks off; ``None`` is half of them.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunked: bool = False
    chunk_size: int = 1024
    delay: float = 0.0
    keep_alive: bool = True
    fail_at: Literal["start", "status", "headers", "body"] | None = None
    fail_how: Literal["close", "reset", "hang", "drip"] = "close"
    fail_after: int | None = None

    def pieces(self) -> tuple[bytes, bytes, bytes]:
        """Return status line, headers and body as they go over the wire."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = {"Content-Type": "application/octet-stream"}
        if self.chunked:
            lines["Transfer-Encoding"] = "chunked"
        else:
            lines["Content-Length"] = str(len(self.body))
        if not self.keep_alive:
            lines["Connection"] = "close"
        given = {name.lower() for name in self.headers}
        lines = {name: value for name, value in lines.items() if name.lower() not in given} | dict(
            self.headers
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        return f"HTTP/1.1 {self.status} {phrase}\r\n".encode(), head.encode("latin-1"), self._wire_body()

    def _wire_body(self) -> bytes:
        if not self.chunked:
            return self.body
        cuts = range(0, len(self.body), self.chunk_size)
        chunks = [self.body[at : at + self.chunk_size] for at in cuts]
        return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    def wire(self) -> bytes:
        """Return the bytes that are sent: all of them, or those before the failure."""
        status, headers, body = self.pieces()
        match self.fail_at:
            case None:
                return status + headers + body
            case "start":
                return b""
            case "status":
                return status[:9]
            case "headers":
                return status + headers[: len(headers) - 8]
            case "body":
                after = len(body) // 2 if self.fail_after is None else self.fail_after
                return status + headers + body[:after]


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Make a reply of JSON; ``headers`` come on top of its content type."""
    kind = {"Content-Type": "application/json"}
    return Reply(status=status, headers=kind | dict(headers or {}), body=json.dumps(value).encode())


Replies = Reply | Sequence[Reply] | Callable[[Request], Reply]


class LoopbackServer:
    """Answers on 127.0.0.1 from construction until `close`.

    Args:
        replies: One reply for every request, or a reply for each in turn (those beyond get status 418), or
            a function of the request, which is called in the connection's thread and may block; what it
            raises is told by status 418.

    Attributes:
        url: ``http://127.0.0.1:PORT``, without a path.
        requests: Complete requests in the order of their arrival.
        replies: May be replaced at any time; starts a sequence anew.
        most_active: The most requests that were being answered at once.
    """

    def __init__(self, replies: Replies = ()) -> None:
        self._changed = threading.Condition()
        self._given = 0
        self._active = 0
        self._closing = False
        self._threads: dict[socket.socket, threading.Thread] = {}
        self.requests: list[Request] = []
        self.most_active = 0
        self.replies = replies
        self._waker, self._wakened = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, name="loopback", daemon=True)
        self._accepting.start()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "replies":
            self._given = 0
        super().__setattr__(name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """Connections open now, as far as the server has noticed; see `wait_closed`."""
        with self._changed:
            return len(self._threads)

    def wait_requests(self, number: int, timeout: float = _PATIENCE) -> bool:
        """Wait until that many requests have come; from a coroutine, by ``asyncio.to_thread``."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= number, timeout)

    def wait_closed(self, timeout: float = _PATIENCE) -> bool:
        """Wait until no connection is open; tell whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def close(self) -> None:
        """Stop, end every wait, close every socket and join every thread."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
        self._waker.close()
        self._accepting.join()
        while self._threads:
            for thread in list(self._threads.values()):
                thread.join()
        self._wakened.close()

    def _accept(self) -> None:
        with self._listener:
            while True:
                ready, _, _ = select.select([self._listener, self._wakened], [], [])
                if self._wakened in ready:
                    return
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                with self._changed:
                    self._threads[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        reader = RequestReader(connection, self._is_readable)
        try:
            with contextlib.suppress(OSError):
                while (request := reader.next()) is not None and self._answer(connection, request):
                    pass
        except MalformedRequestError as error:
            self._refuse(connection, error)
        finally:
            connection.close()
            with self._changed:
                del self._threads[connection]
                self._changed.notify_all()

    def _refuse(self, connection: socket.socket, error: MalformedRequestError) -> None:
        """Answer what is no request by status 400, which says what it is."""
        with contextlib.suppress(OSError):
            connection.sendall(Reply(status=400, body=str(error).encode(), keep_alive=False).wire())

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Send a reply; tell whether the connection stays open."""
        with self._changed:
            number, self._given = self._given, self._given + 1
            self.requests.append(request)
            self._active += 1
            self.most_active = max(self.most_active, self._active)
            self._changed.notify_all()
        try:
            reply = self._choose(request, number)
            if reply.delay and not self._wait(connection, reply.delay):
                return False
        finally:
            with self._changed:
                self._active -= 1
        connection.sendall(reply.wire())
        if reply.fail_at is None:
            return reply.keep_alive and request.headers.get("connection", "").lower() != "close"
        if reply.fail_how == "hang":
            self._wait(connection, None)
        elif reply.fail_how == "drip":
            sent = len(reply.wire())
            for byte in b"".join(reply.pieces())[sent:]:
                if not self._wait(connection, 0.1):
                    break
                connection.sendall(bytes([byte]))
        elif reply.fail_how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _choose(self, request: Request, number: int) -> Reply:
        if isinstance(self.replies, Reply):
            return self.replies
        if callable(self.replies):
            return self._made(self.replies, request)
        if number < len(self.replies):
            return self.replies[number]
        return Reply(status=418, body=b"the test has no reply for request number %d" % (number + 1))

    def _made(self, make: Callable[[Request], Reply], request: Request) -> Reply:
        """Call the test's function; what it raises is the reply, for nobody looks into this thread."""
        try:
            return make(request)
        except Exception:  # noqa: BLE001 - whatever the test's function raises
            said = f"the test's reply function raised:\n{traceback.format_exc()}"
            return Reply(status=418, body=said.encode(), headers={"Content-Type": "text/plain"})

    def _is_readable(self, connection: socket.socket, timeout: float | None = None) -> bool:
        """Wait for the client; false where the server closes or the time is over."""
        ready, _, _ = select.select([connection, self._wakened], [], [], timeout)
        return connection in ready and self._wakened not in ready

    def _wait(self, connection: socket.socket, seconds: float | None) -> bool:
        """Let time pass; false where the client leaves or the server closes first."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select([connection, self._wakened], [], [], left)
            if self._wakened in ready or (connection in ready and not connection.recv(1, socket.MSG_PEEK)):
                return False
        return True
