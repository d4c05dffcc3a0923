"""Servers on 127.0.0.1: one sends any bytes, even without end or one by one; one accepts no connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

Send = Callable[[socket.socket], None]


class RawServer:
    """Reads the head of a request on each connection, then calls a function that sends the reply.

    Attributes:
        url: ``http://127.0.0.1:PORT``.
        connections: The number of requests.
    """

    def __init__(self, reply: bytes | Send) -> None:
        self._reply: bytes | Send = reply
        self.connections = 0
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the wait for the next client
        self._accepting.join()
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._clients.append(client)
            self._threads.append(threading.Thread(target=self._serve, args=[client]))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += client.recv(65536) or b"\r\n\r\n"
            if isinstance(self._reply, bytes):
                client.sendall(self._reply)
                client.shutdown(socket.SHUT_WR)
            else:
                self._reply(client)
            while client.recv(65536):
                pass


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """Yield the URL of a port that accepts no connection: the system drops the packets of new ones."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}"


def head(status: int = 200, **headers: str) -> bytes:
    """Return the head of a reply; ``content_type="a/b"`` is the header ``content-type``."""
    lines = [
        f"HTTP/1.1 {status} Any",
        *(f"{name.replace('_', '-')}: {each}" for name, each in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def without_end(start: bytes, piece: bytes, pause: float = 0.0) -> Send:
    """Return a reply that begins with ``start`` and repeats ``piece`` until the client leaves."""
    wait = threading.Event()

    def send(client: socket.socket) -> None:
        client.sendall(start)
        while not wait.wait(pause):
            client.sendall(piece)

    return send
