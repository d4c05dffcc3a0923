"""Servers on 127.0.0.1 that replace Google Cloud Storage and a static web server."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from russo.testing import LoopbackServer, Reply, Request

# No process listens on it, so that a client without credentials asks no real metadata service.
CLOSED = "http://127.0.0.1:9"
NO_MACHINE = {
    "AWS_METADATA_ENDPOINT": CLOSED,
    "GCE_METADATA_HOST": CLOSED.removeprefix("http://"),
    "GCE_METADATA_IP": CLOSED.removeprefix("http://"),
    "AZURE_MSI_ENDPOINT": f"{CLOSED}/metadata/identity/oauth2/token",
}
_DATED = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-goog-generation": "1"}


class GoogleServer(LoopbackServer):
    """Keeps the objects of one bucket, and speaks as much of Google Cloud Storage's XML API as obstore uses.

    Attributes:
        objects: Names, with the prefix, to bytes.
        environment: The variables that lead obstore to this server.
    """

    def __init__(self, bucket: str = "team") -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        super().__init__(self._reply)
        self.environment = {"GOOGLE_BASE_URL": self.url, "GOOGLE_BEARER_TOKEN": "loopback"}

    def _reply(self, request: Request) -> Reply:
        bucket, _, name = unquote(request.path).removeprefix("/").partition("/")
        if bucket != self.bucket:
            return _xml(404, "<Error><Code>NoSuchBucket</Code></Error>")
        with self._lock:
            if request.method == "GET" and not name:
                return self._listed(request.query.get("prefix", ""))
            if request.method == "PUT":
                if request.headers.get("x-goog-if-generation-match") == "0" and name in self.objects:
                    return _xml(412, "<Error><Code>PreconditionFailed</Code></Error>")
                self.objects[name] = request.body
                return Reply(headers=_DATED)
            if name not in self.objects:
                return _xml(404, "<Error><Code>NoSuchKey</Code></Error>")
            if request.method == "DELETE":
                del self.objects[name]
                return Reply(status=204)
            return Reply(body=self.objects[name], headers=_DATED)

    def _listed(self, prefix: str) -> Reply:
        listed = "".join(
            f"<Contents><Key>{name}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for name, data in sorted(self.objects.items())
            if name.startswith(prefix)
        )
        return _xml(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>")


def _xml(status: int, text: str) -> Reply:
    return Reply(status=status, headers={"Content-Type": "application/xml"}, body=text.encode())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder as ``python -m http.server`` does; yield its URL."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
