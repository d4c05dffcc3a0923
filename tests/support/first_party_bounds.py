"""Tests of first-party HTTP backends: replies that are too large, too slow or badly compressed."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import sys
import time
import zlib
from typing import Any

import pytest

from russo import AuthenticationError, RequestRejectedError, ServiceError, SynthesisTimeoutError
from russo.testing import LoopbackServer, Reply
from support.first_party import PLANTED_KEY, PROMPT, SAMPLES, failed, run_python, samples_of, speak
from support.raw_server import RawServer, Send, head, without_end

GZIP = {"content_encoding": "gzip"}
# Calls a server with a small refusal first, so that imports are not measured; then the server under test.
PEAK = """
import asyncio, json, sys, time
from pathlib import Path
from russo import SynthesisError, load_synthesizer

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

def fail(url):
    synthesizer = load_synthesizer(sys.argv[1], base_url=url, api_key="k" * 20, **json.loads(sys.argv[4]))
    try:
        asyncio.run(synthesizer.synthesize("Hello"))
    except SynthesisError as error:
        return error

fail(sys.argv[2])
before, start = peak(), time.process_time()
error = fail(sys.argv[3])
print(type(error).__name__, error.retryable, (peak() - before) >> 10, time.process_time() - start)
"""


@functools.cache
def zeros_as_gzip(mib: int, *, times: int = 1) -> bytes:
    """Return this many MiB of zeros as gzip, about a thousandth of the size."""
    machine, chunk = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16), bytes(1 << 20)
    data = b"".join(machine.compress(chunk) for _ in range(mib)) + machine.flush()
    for _ in range(times - 1):
        data = gzip.compress(data)
    return data


def whole(body: bytes, status: int = 200, **headers: str) -> bytes:
    return head(status, content_length=str(len(body)), **headers) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = head(content_type="audio/wav", transfer_encoding="chunked")


class BoundedHttp:
    """Tests for a class of `FirstPartyService` whose service is HTTP."""

    def at(self, make: Any, server: RawServer, **options: Any) -> Any:
        """Return a synthesizer that calls this server with a timeout of two seconds."""
        url = self.service.base_url(server.url)  # type: ignore[attr-defined]
        return make(base_url=url, api_key=PLANTED_KEY, **{"timeout": 2.0, **options})

    @pytest.mark.parametrize(
        "reply",
        [
            lambda: head(content_length=str((64 << 20) + 1)),
            lambda: whole(zeros_as_gzip(65), **GZIP),
            lambda: without_end(head(content_type="audio/wav"), bytes(1 << 16)),
            lambda: without_end(CHUNKED, chunk(bytes(1 << 16))),
        ],
        ids=["by its length", "decompressed", "without end", "chunks without end"],
    )
    def test_oversized_body_is_a_final_error(self, make: Any, reply: Any) -> None:
        with RawServer(reply()) as server:
            error = failed(self.at(make, server, timeout=30.0))
            assert server.connections == 1
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, True)
        assert "64 MiB" in str(error)
        assert error.__cause__ is not None

    @pytest.mark.parametrize(
        "encoding", ["gzip, gzip", "br", "zstd", "compress", "x" * 9000], ids=lambda name: name[:20]
    )
    def test_compression_that_was_not_requested_is_a_final_error(self, make: Any, encoding: str) -> None:
        with RawServer(whole(zeros_as_gzip(1, times=2), content_encoding=encoding)) as server:
            error = failed(self.at(make, server))
            assert server.connections == 1
        assert (type(error), error.retryable) == (ServiceError, False)
        assert f"it is compressed as {encoding[:20]}" in str(error)
        assert "any proxy or gateway between" in str(error)
        assert len(str(error)) < 600

    def test_part_of_a_body_is_a_final_error(self, make: Any) -> None:
        part = whole(SAMPLES[: len(SAMPLES) // 4 * 2], 206, content_range="bytes 0-1/4")
        with RawServer(part) as server:
            error = failed(self.at(make, server))
            assert server.connections == 1
        assert (type(error), error.retryable) == (ServiceError, False)
        assert "a part of a body (HTTP 206)" in str(error)
        assert "shorten the prompt" not in str(error)

    def test_key_that_is_repeated_as_a_compression_is_not_shown(self, make: Any) -> None:
        key = PLANTED_KEY.upper()
        with RawServer(whole(b"x", content_encoding=key)) as server:
            url = self.service.base_url(server.url)  # type: ignore[attr-defined]
            error = failed(make(base_url=url, api_key=key))
        assert PLANTED_KEY not in str(error).lower()

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (lambda: whole(zeros_as_gzip(256), **GZIP), "ServiceError"),
            (lambda: whole(zeros_as_gzip(256), 401, **GZIP), "AuthenticationError"),
            (lambda: without_end(head(content_type="audio/wav"), bytes(1 << 16)), "ServiceError"),
            (lambda: without_end(head(401), b"[" * (1 << 16)), "AuthenticationError"),
            # As Python objects, the JSON values would take 25 times as much memory as their text.
            (lambda: whole(b'{"x":[' + b"{}," * (5 << 20) + b"0]}"), "NoAudioError"),
        ],
        ids=["bomb", "bomb of a refusal", "endless", "endless refusal", "JSON"],
    )
    def test_body_takes_bounded_memory_and_time(self, make: Any, reply: Any, kind: str) -> None:
        options = json.dumps({"timeout": 30.0, "max_attempts": 1, **getattr(self, "options", {})})
        with RawServer(whole(b"", 401)) as first, RawServer(reply()) as server:
            urls = [self.service.base_url(each.url) for each in (first, server)]  # type: ignore[attr-defined]
            found = run_python(PEAK, self.backend, *urls, options).split()  # type: ignore[attr-defined]
        assert found[0] == kind
        assert int(found[2]) < 300  # MiB
        assert float(found[3]) < 5  # seconds of CPU time

    @pytest.mark.parametrize(
        "reply",
        [
            without_end(b"HTTP/1.1 200 OK\r\nx: ", b"a", 0.05),
            without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
            without_end(CHUNKED, chunk(b"a"), 0.05),
            without_end(CHUNKED, chunk(b"ab") * 1000),
            without_end(head(500, content_type="application/json"), b"[", 0.05),
            without_end(head(200, **GZIP) + gzip.compress(b"RIFF")[:-8], b"", 0.05),
        ],
        ids=["headers", "1xx", "body", "small chunks", "refusal", "gzip"],
    )
    def test_timeout_holds_while_a_reply_trickles_or_floods(self, make: Any, reply: Send) -> None:
        with RawServer(reply) as server:
            start = time.monotonic()
            error = failed(self.at(make, server, timeout=0.8, max_attempts=1))
            assert time.monotonic() - start < 4.0
        assert type(error) is SynthesisTimeoutError

    def test_decompression_does_not_block_the_event_loop(self, make: Any) -> None:
        async def beside() -> float:
            longest, last = 0.0, time.thread_time()
            speaking = asyncio.ensure_future(self.at(make, server, timeout=30.0).synthesize(PROMPT))
            while not speaking.done():
                await asyncio.sleep(0)
                now = time.thread_time()
                longest, last = max(longest, now - last), now
            assert isinstance(speaking.exception(), ServiceError)
            return longest

        with RawServer(whole(zeros_as_gzip(256), **GZIP)) as server:
            failed(self.at(make, server, timeout=30.0))  # imports the SDK
            assert asyncio.run(beside()) < 0.25

    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("gzip", gzip.compress),
            ("X-GZip", gzip.compress),
            ("gzip", lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:])),
            ("deflate", zlib.compress),
            ("deflate", lambda data: zlib.compress(data, wbits=-zlib.MAX_WBITS)),
            ("identity", bytes),
        ],
        ids=["gzip", "x-gzip", "two members", "deflate", "raw deflate", "identity"],
    )
    def test_compressed_reply_is_read(
        self, make: Any, loopback: LoopbackServer, encoding: str, pack: Any
    ) -> None:
        good = self.service.good(SAMPLES)  # type: ignore[attr-defined]
        headers = {**good.headers, "Content-Encoding": encoding}
        loopback.replies = Reply(body=pack(good.body), headers=headers, chunked=True, chunk_size=100)
        assert samples_of(speak(self.at(make, loopback))) == SAMPLES
        assert loopback.requests[0].headers["accept-encoding"] == "gzip, deflate"

    @pytest.mark.parametrize("cut", [1, 8, 200])
    def test_truncated_compressed_reply_is_never_audio(
        self, make: Any, loopback: LoopbackServer, cut: int
    ) -> None:
        good = self.service.good(SAMPLES)  # type: ignore[attr-defined]
        headers = {**good.headers, "Content-Encoding": "gzip"}
        loopback.replies = Reply(body=gzip.compress(good.body)[:-cut], headers=headers)
        error = failed(self.at(make, loopback, max_attempts=1))
        assert (type(error), error.retryable) == (ServiceError, True)
        assert "its gzip data is truncated" in str(error)

    @pytest.mark.parametrize(
        "body", [b"no gzip", gzip.compress(b"a" * 9000)[:20], b""], ids=["not", "cut", "none"]
    )
    @pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip"])
    def test_badly_compressed_refusal_is_classified_by_its_status(
        self, make: Any, loopback: LoopbackServer, body: bytes, encoding: str
    ) -> None:
        loopback.replies = Reply(status=401, body=body, headers={"Content-Encoding": encoding})
        assert type(failed(self.at(make, loopback))) is AuthenticationError

    @pytest.mark.parametrize(
        "charset",
        ["zip", "hex", "rot13", "utf-7", "punycode", "idna", "unicode_escape", "mbcs", "x" * 9000, '"', "é"],
    )
    @pytest.mark.parametrize("code", [200, 400])
    def test_odd_charset_is_read_as_utf_8(
        self, make: Any, loopback: LoopbackServer, charset: str, code: int
    ) -> None:
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        loopback.replies = Reply(status=code, headers=headers, body=b"xn--a-" + b"9" * 50_000)
        start = time.thread_time()
        error = failed(self.at(make, loopback, max_attempts=1))
        assert time.thread_time() - start < 2
        assert "unexpected" not in str(error)
        assert code == 200 or type(error) is RequestRejectedError

    @pytest.mark.parametrize("charset", ["ISO-8859-1", "utf-8", "windows-1252"])
    def test_refusal_is_read_in_its_charset(self, make: Any, loopback: LoopbackServer, charset: str) -> None:
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        loopback.replies = Reply(status=400, headers=headers, body="Gerät gestört".encode(charset))
        assert "Gerät gestört" in str(failed(self.at(make, loopback)))

    def test_refusal_that_is_not_utf_8_is_classified_by_its_status(
        self, make: Any, loopback: LoopbackServer
    ) -> None:
        loopback.replies = Reply(status=401, body=b"Ger\xe4t")
        assert type(failed(self.at(make, loopback))) is AuthenticationError
