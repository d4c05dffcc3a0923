"""Servers that are processes: moto, rclone and azurite. A test is skipped if its server is not installed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

KEY = ("AKLOOPBACK", "loopback-secret")
ACCOUNT = "devstoreaccount1"
# The published key of the account that each azurite has.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_STARTED = 60.0
# The folders of the servers; tools/test_servers.sh sets it, so that no other version of a server is tested.
_PATH = "TEST_SERVERS_PATH"


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Run moto with the bucket ``team``; yield its URL. It knows conditional puts, and no credentials."""
    with _running("moto_server", lambda port: ["-H", "127.0.0.1", "-p", str(port)]) as port:
        _put(port, "/team", {})
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """Run rclone's server of S3 with the bucket ``team``; yield its URL. It checks signatures and the clock."""
    (folder / "team").mkdir(parents=True)
    options = ["serve", "s3", "--config", "/dev/null", "--auth-key", ",".join(KEY)]
    with _running("rclone", lambda port: [*options, "--addr", f"127.0.0.1:{port}", str(folder)]) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Run azurite with the container ``team``; yield the URL of its account. It checks signatures."""
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location", str(folder)]
    options += ["--blobHost", "127.0.0.1", "--blobPort"]
    with _running("azurite-blob", lambda port: [*options, str(port)]) as port:
        path = f"/{ACCOUNT}/team?restype=container"
        _put(port, path, _signed(path))
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"


@contextlib.contextmanager
def _running(program, options) -> Iterator[int]:
    """Start a program on a free port and wait until it accepts connections; stop it at the end."""
    if (found := shutil.which(program, path=os.environ.get(_PATH, ""))) is None:
        pytest.skip(f"{program} is not installed; `make test-servers` installs it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    silent = subprocess.DEVNULL
    with subprocess.Popen([found, *options(port)], stdin=silent, stdout=silent, stderr=silent) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTED
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} accepts no connection (exit code {process.poll()})")


def _put(port: int, path: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_STARTED)
    connection.request("PUT", path, headers={"Content-Length": "0"} | headers)
    status = connection.getresponse().status
    connection.close()
    assert status in (200, 201), status


def _signed(path: str) -> dict[str, str]:
    """Return the headers that sign a PUT without a body with the account's key."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    resource, _, query = path.partition("?")
    lines = [f"{name}:{value}" for name, value in sorted(headers.items())]
    text = "\n".join(["PUT", *[""] * 11, *lines, f"/{ACCOUNT}{resource}", query.replace("=", ":")])
    signature = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)
    return headers | {"Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"}
