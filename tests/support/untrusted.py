"""A TLS server on 127.0.0.1 with an untrusted, self-signed certificate."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from typing import Self

from support.certificates import serve_as


class UntrustedServer:
    """Offers its certificate to every client until `close`, and closes the connection of a client that accepts."""

    def __init__(self) -> None:
        self.connections = 0
        with tempfile.TemporaryDirectory() as directory:
            self._context = serve_as(["localhost"], Path(directory) / "certificate.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the wait for the next client
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            client.settimeout(10)
            with client, contextlib.suppress(OSError):
                self._context.wrap_socket(client, server_side=True).close()
