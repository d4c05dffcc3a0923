"""Local replacements for the vendors' services: a proxy on 127.0.0.1 that answers for their hosts only.

A page of the documentation calls a vendor as its reader does, with a key, through the real SDK. The usual
variables make its commands use this proxy and trust its certificate, so the requests arrive here.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from russo.testing import Frames, Reply, Request, speech_pcm, wav
from russo.testing._server.request import RequestReader
from russo.testing._server.websocket import Messages
from support import elevenlabs_api, gemini, openai_realtime
from support.certificates import serve_as

_SAMPLES = speech_pcm(2.0)
# For each host, the header with the key, and the reply with audio.
_SERVICES: dict[str, tuple[str, Callable[[], Reply]]] = {
    "generativelanguage.googleapis.com": ("x-goog-api-key", lambda: gemini.spoken(_SAMPLES)),
    "api.openai.com": (
        "authorization",
        lambda: Reply(body=wav(_SAMPLES), headers={"Content-Type": "audio/wav"}),
    ),
    "api.elevenlabs.io": ("xi-api-key", lambda: elevenlabs_api.spoken(_SAMPLES)),
}


class Vendors:
    """Answers requests from construction until `close`.

    Args:
        certificate: The file to write the certificate to; its key is written next to it.
    """

    def __init__(self, certificate: Path) -> None:
        self._context = serve_as(list(_SERVICES), certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.environment = {"HTTPS_PROXY": url, "https_proxy": url, "SSL_CERT_FILE": str(certificate)}
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the wait for the next client
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(10)
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            first, _, _ = _read(client)
            host = first.split()[1].partition(":")[0]
            if host not in _SERVICES:
                client.sendall(b"HTTP/1.1 502 There is no network here\r\nContent-Length: 0\r\n\r\n")
                return
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with self._context.wrap_socket(client, server_side=True) as tunnel:
                _, headers, _ = _read(tunnel)
                header, speak = _SERVICES[host]
                reply = speak() if header in headers else Reply(status=401)
                if "upgrade" in headers and reply.status == 200:
                    _read_aloud(tunnel, headers)
                    return
                tunnel.sendall(replace(reply, keep_alive=False).wire())


def _read_aloud(tunnel: socket.socket, headers: dict[str, str]) -> None:
    """Answer as the Realtime API: return a reading of the prompt."""
    request = Request("GET", "/v1/realtime", {}, headers, b"")
    tunnel.sendall(Frames().handshake(request).wire() + openai_realtime.GREETING.wire())
    messages = Messages(tunnel, RequestReader(tunnel, lambda _: True))
    asked = messages.until(openai_realtime.is_last)
    if asked is not None:
        prompt = openai_realtime.prompt_of(replace(request, body=json.dumps(asked).encode()))
        tunnel.sendall(openai_realtime.spoken(_SAMPLES, prompt).wire())
        messages.finish(answer=True)


def _read(stream: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Return the first line of a request, its headers by lower-case name, and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    while len(body) < int(headers.get("content-length", 0)):
        body += _receive(stream)
    return first, headers, body


def _receive(stream: socket.socket) -> bytes:
    data = stream.recv(65536)
    if not data:
        raise ConnectionResetError("the client is gone")
    return data
