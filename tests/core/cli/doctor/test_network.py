"""``russo doctor --online``: it opens one connection, sends nothing, and ends in time."""

import contextlib
import json
import socket
import threading
import time

import pytest

from russo._cli.doctor import network
from support.certificates import serve_as
from support.command import russo, start

KEY = "sk-planted-secret-0123456789"


class Listener:
    """Accepts connections on 127.0.0.1 and keeps what arrives on them; with a context it speaks TLS."""

    def __init__(self, context=None, *, answers=True):
        self.received, self.connections = b"", 0
        self._context, self._answers = context, answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open = []
        self._last = None
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The connections before this one are accepted first, so each of them is counted.
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.connect(("127.0.0.1", self.port))
            self._thread.join()
        for each in self._open:
            each.close()
        self._socket.close()

    def _accept(self):
        while True:
            client, address = self._socket.accept()
            if address == self._last:
                client.close()
                return
            self.connections += 1
            self._open.append(client)
            if not self._answers:
                continue
            with contextlib.suppress(OSError):
                if self._context is not None:
                    client = self._context.wrap_socket(client, server_side=True)
                client.settimeout(5.0)
                while piece := client.recv(4096):
                    self.received += piece
            client.close()


@pytest.fixture
def openai(monkeypatch, folder):
    """Choose the backend `openai` with a key, and an endpoint."""
    monkeypatch.setenv("RUSSO_SYNTH", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def choose(url):
        (folder / "pytest.ini").write_text(f"[pytest]\nrusso_synth_options = openai.base_url={url}\n")

    return choose


def examine(*arguments):
    done = russo("doctor", "--json", *arguments)
    assert done.code == bool(done.json["problems"])
    return done.json["network"], [each["problem"] for each in done.json["problems"]]


def test_reachable_host_is_named_and_nothing_is_sent(openai):
    with Listener() as server:
        openai(f"http://127.0.0.1:{server.port}/v1")
        found, problems = examine("--online")
        out = russo("doctor", "--online").out
    assert (found["host"], found["reachable"], problems) == (f"127.0.0.1:{server.port}", True, [])
    assert f"  127.0.0.1:{server.port}: reachable" in out.splitlines()
    assert (server.received, server.connections) == (b"", 2)


def test_without_the_option_no_connection_is_opened(openai):
    with Listener() as server:
        openai(f"http://127.0.0.1:{server.port}/v1")
        found, problems = examine()
    assert (found["host"], found["reachable"], problems) == (None, None, [])
    assert server.connections == 0


def test_host_that_refuses_is_a_problem(openai):
    with Listener() as server:
        pass
    openai(f"http://127.0.0.1:{server.port}/v1")
    found, problems = examine("--online")
    assert found["reachable"] is False
    assert problems == [f"no connection to 127.0.0.1:{server.port}: Connection refused"]


def test_host_that_does_not_exist_is_a_problem(openai, monkeypatch):
    openai("https://nowhere.invalid/v1")
    monkeypatch.setenv("NO_PROXY", "*")
    found, [problem] = examine("--online")
    assert found["host"] == "nowhere.invalid:443"
    assert problem.startswith("no connection to nowhere.invalid:443: ")


def test_certificate_is_checked(openai, tmp_path, monkeypatch):
    certificate = tmp_path / "certificate.pem"
    with Listener(serve_as(["localhost"], certificate)) as server:
        openai(f"https://localhost:{server.port}/v1")
        monkeypatch.setenv("NO_PROXY", "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert examine("--online")[0]["reachable"] is True
        monkeypatch.delenv("SSL_CERT_FILE")
        found, [problem] = examine("--online")
    assert found["reachable"] is False
    assert "its certificate is not trusted (self" in problem
    assert server.received == b""


def test_server_that_never_answers_is_not_waited_for(openai, monkeypatch):
    monkeypatch.setattr(network, "SECONDS", 0.3)
    with Listener(answers=False) as server:
        openai(f"https://127.0.0.1:{server.port}/v1")
        began = time.monotonic()
        _, problems = examine("--online")
    assert problems == [f"no connection to 127.0.0.1:{server.port}: no answer within 0.3 s"]
    assert time.monotonic() - began < 20.0


def test_look_up_that_never_ends_is_not_waited_for(openai, monkeypatch):
    monkeypatch.setattr(network, "SECONDS", 0.3)
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60) and [])
    openai("https://127.0.0.1:1/v1")
    found, problems = examine("--online")
    ended.set()
    assert found["reachable"] is False
    assert problems == ["no connection to 127.0.0.1:1: no answer within 0.3 s"]


def test_proxy_is_tried_instead_of_the_host(openai, monkeypatch):
    openai("https://service.invalid/v1")
    with Listener() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{KEY}@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY")
        found, problems = examine("--online")
    assert (proxy.connections, proxy.received, problems) == (1, b"", [])
    assert found["host"] == "the proxy for service.invalid (the host behind the proxy is not tried)"
    found, [problem] = examine("--online")
    assert "Connection refused" in problem
    assert KEY not in json.dumps(found) + problem


@pytest.mark.parametrize("proxy", ["::", "http://[", "http://:3", "//x:y:z"])
def test_malformed_proxy_opens_no_connection(openai, monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY")
    openai("https://service.invalid/v1")
    found, problems = examine("--online")
    assert found["host"] is None
    assert problems == ["the proxy for service.invalid is not a valid URL"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("local", "no connection was opened: backend local names no endpoint and needs no key"),
        ("", "no connection was opened: no backend is chosen"),
        ("support.speakers:Speaker", "no connection was opened: the backend is a factory of this folder"),
    ],
)
def test_reason_without_a_connection_is_named(monkeypatch, name, words):
    monkeypatch.setenv("RUSSO_SYNTH", name)
    assert words in " ".join(russo("doctor", "--online").out.split())


def test_host_is_that_of_the_backend(monkeypatch):
    targets = []
    monkeypatch.setattr(network, "connect", targets.append)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("elevenlabs", "google", "openai", "openai-speech"):
        monkeypatch.setenv("RUSSO_SYNTH", name)
        russo("doctor", "--online")
    assert [(each.host, each.port, each.secure) for each in targets] == [
        ("api.elevenlabs.io", 443, True),
        ("generativelanguage.googleapis.com", 443, True),
        ("api.openai.com", 443, True),
        ("api.openai.com", 443, True),
    ]


def test_process_ends_in_time():
    with Listener(answers=False) as server:
        environment = {
            "RUSSO_SYNTH": "openai",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"https://127.0.0.1:{server.port}/v1",
        }
        process = start("doctor", "--online", env=environment)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")
    assert f"no connection to 127.0.0.1:{server.port}: no answer within 5 s" in out.decode()
