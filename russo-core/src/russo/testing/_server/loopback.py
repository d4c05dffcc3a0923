"""A small HTTP/1.1 server on 127.0.0.1, which sends the replies and failures that a test defines.

    with LoopbackServer([Reply(status=503), Reply(body=wav(speech_pcm()))]) as server:
        ...                                    # a real SDK against server.url
        assert server.requests[0].json["voice"] == "alloy"
        assert server.wait_closed()            # the client has closed every connection

It uses real sockets and one thread per connection. A thread that waits (`delay`, ``hang``) watches its
connection, so the server notices at once if the client closes it. `close` ends every wait and every thread.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, Self

from .request import MalformedRequestError, Request, RequestReader

_PATIENCE = 10.0  # default limit of the waits, in seconds


@dataclass(frozen=True)
class Reply:
    """A reply of the server.

    Args:
        status: The status code; its standard phrase is sent with it.
        headers: More headers; they replace the server's own headers of the same name.
        body: The bytes.
        chunked: Send the body in chunks, instead of with ``Content-Length``.
        chunk_size: Bytes of a chunk.
        delay: Seconds before the first byte.
        keep_alive: False adds ``Connection: close`` and closes.
        fail_at: Where the reply breaks off: ``start`` (before the first byte), ``status`` (within the status
            line), ``headers`` (within the headers) or ``body``.
        fail_how: ``close`` (FIN), ``reset`` (RST), ``hang`` (nothing more is sent until one side closes) or
            ``drip`` (the rest is sent byte by byte, ten bytes per second).
        fail_after: How many bytes of the body are sent before it breaks off; ``None`` means half of them.
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
        """Return status line, headers and body as they are sent without a failure."""
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
        """Return the body, in chunks if the reply is chunked."""
        if not self.chunked:
            return self.body
        cuts = range(0, len(self.body), self.chunk_size)
        chunks = [self.body[at : at + self.chunk_size] for at in cuts]
        return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    def finish(self, connection: socket.socket, reader: RequestReader) -> bool:
        """Act after the reply was sent; return whether the connection stays open."""
        return True

    def wire(self) -> bytes:
        """Return the bytes to send: all of them, or those before the failure."""
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
    """Return a reply with a JSON body and content type; ``headers`` are added and may replace it."""
    kind = {"Content-Type": "application/json"}
    return Reply(status=status, headers=kind | dict(headers or {}), body=json.dumps(value).encode())


Replies = Reply | Sequence[Reply] | Callable[[Request], Reply]
# Opens another protocol, given the reply if it is known before the client's messages: returns the request
# with the messages, and the reply if it is sent instead of opening. None means that the client has left.
Upgrade = Callable[[socket.socket, Request, RequestReader, Reply | None], tuple[Request, Reply | None] | None]


class LoopbackServer:
    """Answers on 127.0.0.1 from construction until `close`.

    Args:
        replies: One reply for every request; or a sequence with the reply of each request in order, after
            which requests get status 418; or a function of the request, which runs in the connection's
            thread and may block. If the function raises, the reply is status 418 with the traceback.
        upgrade: Opens another protocol on a connection; `WebSocketServer` gives one.

    Attributes:
        url: ``http://127.0.0.1:PORT``, without a path.
        requests: Complete requests in the order of arrival.
        replies: May be replaced at any time; a new sequence starts at its first reply.
        most_active: The highest number of requests that were being answered at the same time.
    """

    def __init__(self, replies: Replies = (), *, upgrade: Upgrade | None = None) -> None:
        self._upgrade = upgrade
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
        """The number of connections that the server considers open; see `wait_closed`."""
        with self._changed:
            return len(self._threads)

    def wait_requests(self, number: int, timeout: float = _PATIENCE) -> bool:
        """Wait until that many requests have arrived; return whether they arrived in time.

        It blocks: use ``asyncio.to_thread`` in a coroutine.
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= number, timeout)

    def wait_closed(self, timeout: float = _PATIENCE) -> bool:
        """Wait until no connection is open; return whether all were closed in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def close(self) -> None:
        """Stop the server: end every wait, close every socket and join every thread."""
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
        """Accept connections, each in a new thread, until the server closes."""
        with self._listener:
            while True:
                ready = _readable(self._listener, self._wakened)
                if self._wakened in ready:
                    return
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                with self._changed:
                    self._threads[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer the requests of a connection until one side closes it."""
        reader = RequestReader(connection, self._is_readable)
        try:
            with contextlib.suppress(OSError):
                while (request := reader.next()) is not None and self._answer(connection, request, reader):
                    pass
        except MalformedRequestError as error:
            self._refuse(connection, error)
        finally:
            connection.close()
            with self._changed:
                del self._threads[connection]
                self._changed.notify_all()

    def _refuse(self, connection: socket.socket, error: MalformedRequestError) -> None:
        """Answer a malformed request with status 400 and the reason."""
        with contextlib.suppress(OSError):
            connection.sendall(Reply(status=400, body=str(error).encode(), keep_alive=False).wire())

    def _answer(self, connection: socket.socket, request: Request, reader: RequestReader) -> bool:
        """Send a reply; return whether the connection stays open."""
        planned = None
        if self._upgrade is not None:
            known = None if callable(self.replies) else self._choose(request, self._given)
            opened = self._upgrade(connection, request, reader, known)
            if opened is None:
                return False
            request, planned = opened
        reply = self._reply_to(connection, request, planned)
        stays = reply is not None and self._send(connection, request, reply)
        return reply is not None and stays and reply.finish(connection, reader)

    def _reply_to(
        self, connection: socket.socket, request: Request, planned: Reply | None = None
    ) -> Reply | None:
        """Record a request and return its reply, or None if the client leaves during the reply's delay."""
        with self._changed:
            number, self._given = self._given, self._given + 1
            self.requests.append(request)
            self._active += 1
            self.most_active = max(self.most_active, self._active)
            self._changed.notify_all()
        try:
            reply = planned or self._choose(request, number)
            if reply.delay and not self._wait(connection, reply.delay):
                return None
        finally:
            with self._changed:
                self._active -= 1
        return reply

    def _send(self, connection: socket.socket, request: Request, reply: Reply) -> bool:
        """Send a reply, up to its failure if it has one; return whether the connection stays open."""
        connection.sendall(reply.wire())
        if reply.fail_at is None:
            return reply.keep_alive and request.headers.get("connection", "").lower() != "close"
        self._fail(connection, reply)
        return False

    def _fail(self, connection: socket.socket, reply: Reply) -> None:
        """Fail as ``fail_how`` says after the last byte was sent; the caller closes the connection."""
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

    def _choose(self, request: Request, number: int) -> Reply:
        """Return the reply to a request, which is the ``number``-th since ``replies`` was set."""
        if isinstance(self.replies, Reply):
            return self.replies
        if callable(self.replies):
            return self._reply_of_function(self.replies, request)
        if number < len(self.replies):
            return self.replies[number]
        return Reply(status=418, body=b"the test has no reply for request number %d" % (number + 1))

    def _reply_of_function(self, make: Callable[[Request], Reply], request: Request) -> Reply:
        """Return the reply of the test's function; if it raises, a reply with the traceback.

        Otherwise nothing would show the exception, because it is raised in the connection's thread.
        """
        try:
            return make(request)
        except Exception:  # noqa: BLE001 - the test's function may raise anything
            message = f"the test's reply function raised:\n{traceback.format_exc()}"
            return Reply(status=418, body=message.encode(), headers={"Content-Type": "text/plain"})

    def _is_readable(self, connection: socket.socket, timeout: float | None = None) -> bool:
        """Wait for data of the client; return false if the server closes or the time is over."""
        ready = _readable(connection, self._wakened, timeout=timeout)
        return connection in ready and self._wakened not in ready

    def _wait(self, connection: socket.socket, seconds: float | None) -> bool:
        """Wait for ``seconds``; return false if the client or the server closes first."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = _readable(connection, self._wakened, timeout=remaining)
            if self._wakened in ready or (connection in ready and not connection.recv(1, socket.MSG_PEEK)):
                return False
        return True


def _readable(*sockets: socket.socket, timeout: float | None = None) -> list[Any]:
    """Return the sockets that can be read. `select.select` fails for file descriptors above 1,023."""
    with getattr(selectors, "PollSelector", selectors.SelectSelector)() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(timeout)]
