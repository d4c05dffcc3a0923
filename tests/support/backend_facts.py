"""What holds for every backend, run once per backend from ``tests/<backend>/test_facts.py``.

    class TestAcme(ServiceFacts):
        subject = Service(backend="acme", ...)

`SpeechFacts` holds for all of them, `ServiceFacts` for those that call a service over HTTP. What is special
to one backend has its own test file.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from loopback import LoopbackServer, Reply, Request, speech_pcm
from russo import (
    Audio,
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    NoAudioError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
    load_synthesizer,
)
from russo.authoring import shared_tls
from untrusted import UntrustedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = "Book a flight from Berlin to Rome"
SAMPLES = speech_pcm()
PLANTED_KEY = "planted-0f7c1e9ab2d84c6d-key"
LIMITS = {"timeout": 7.5, "max_attempts": 2, "max_concurrency": 3}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A backend under test.

    Args:
        backend: Its name among the entry points.
        class_name: The name of its class in `russo.synthesizers`.
        sdk: Top-level or dotted modules that must stay unimported until the first miss.
        declared: Every option that shapes the sound, with a value that is not its default.
        undeclared: Every other option, with a value that is not its default.
        base: Options that every construction gets.
    """

    backend: str
    class_name: str
    sdk: tuple[str, ...]
    declared: Mapping[str, object]
    undeclared: Mapping[str, object]
    base: Mapping[str, object] = field(default_factory=dict)

    def make(self, **options: object) -> Any:
        return load_synthesizer(self.backend, **{**self.base, **options})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a service may answer, the error that it becomes, and whether the call is made again.

    ``retry_now`` is false where the reply cannot ask for a wait of 0 s: then the test makes one attempt.
    """

    reply: Reply
    error: type[SynthesisError]
    retried: bool
    retry_now: bool = True


@dataclass(frozen=True, kw_only=True)
class Service(Subject):
    """A backend that calls a service over HTTP.

    Args:
        key_variables: The environment variables that may hold the key, the first wins.
        good: Makes the reply that carries these samples (16-bit, mono, 24 kHz).
        sent_key: Reads the key from a request's headers.
        error_reply: Makes the service's error: status, message, and seconds of ``Retry-After`` or ``None``.
        failures: More failures of this service by name, besides `status_failures`.
        base_url: Makes the option ``base_url`` of the server's url.
    """

    key_variables: tuple[str, ...]
    good: Callable[[bytes], Reply]
    sent_key: Callable[[Mapping[str, str]], str]
    error_reply: Callable[[int, str, float | None], Reply]
    failures: Mapping[str, Failure]
    base_url: Callable[[str], str] = str

    def at(self, server: LoopbackServer, **options: object) -> Any:
        """Make a synthesizer that speaks through this server, with the planted key."""
        return self.make(**{"base_url": self.base_url(server.url), "api_key": PLANTED_KEY, **options})


def status_failures(error_reply: Callable[[int, str, float | None], Reply]) -> dict[str, Failure]:
    """Return the failures that every service tells by its status; the retried ones ask to wait 0 s."""
    kinds: dict[int, tuple[type[SynthesisError], bool]] = {
        401: (AuthenticationError, False),
        403: (AuthenticationError, False),
        404: (RequestRejectedError, False),
        429: (RateLimitError, True),
        500: (ServiceError, True),
        502: (ServiceError, True),
        503: (ServiceError, True),
    }
    return {
        f"status {status}": Failure(reply=error_reply(status, "no", 0.0), error=kind, retried=retried)
        for status, (kind, retried) in kinds.items()
    }


def speak(synthesizer: Any, text: str = PROMPT) -> Audio:
    """Speak in an event loop of its own."""
    audio = asyncio.run(synthesizer.synthesize(text))
    assert isinstance(audio, Audio)
    return audio


def failed(synthesizer: Any, text: str = PROMPT) -> SynthesisError:
    """Return the error with which speaking fails."""
    with pytest.raises(SynthesisError) as caught:
        speak(synthesizer, text)
    return caught.value


def samples_of(audio: Audio) -> bytes:
    """Return what a WAV reader of the standard library finds, after checking the header against it."""
    assert audio.format == "wav"
    with wave.open(io.BytesIO(audio.data)) as reader:
        samples: bytes = reader.readframes(reader.getnframes())
        found = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth())
        assert reader.getnframes() * reader.getnchannels() * reader.getsampwidth() == len(samples)
    assert found == (audio.sample_rate, audio.channels, audio.sample_width)
    assert int.from_bytes(audio.data[4:8], "little") + 8 == len(audio.data)
    return samples


def run_python(code: str, *arguments: str, **variables: str) -> str:
    """Run code in a fresh interpreter, warnings as errors, and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    environment = os.environ | variables
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


# Sockets are seen by an audit hook, and the environment by a mapping that notes who is asked for.
_WATCH = """
import json, os, sys
sockets, asked = [], []
sys.addaudithook(lambda name, values: sockets.append(name) if name.startswith("socket.") else None)
class Noting(type(os.environ)):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)
os.environ.__class__ = Noting
def loaded(names):
    return [name for name in names if name in sys.modules]
backend, sdk, options, directory, text = json.loads(sys.argv[1])
import russo
synthesizer = russo.load_synthesizer(backend, **options)
"""
_CONSTRUCT = (
    _WATCH
    + """
key = russo.cache_key(text, synthesizer.cache_key_extra, None)
print(json.dumps([repr(synthesizer), key, sockets, asked, loaded(sdk)]))
"""
)
_REPLAY = (
    _WATCH
    + """
cached = russo.CachedSynthesizer(synthesizer, cache=russo.AudioCache(directory), mode="replay")
try:
    cached.synthesize(text).send(None)  # a hit needs no event loop, whose own sockets would be seen here
except StopIteration as done:
    print(json.dumps([done.value.data.hex(), sockets, asked, loaded(sdk)]))
"""
)


class SpeechFacts:
    """What holds for all backends."""

    subject: ClassVar[Subject]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        subject = self.subject
        if "declared_option" in metafunc.fixturenames:
            metafunc.parametrize("declared_option", list(subject.declared))
        if "failure" in metafunc.fixturenames:
            assert isinstance(subject, Service)
            known = status_failures(subject.error_reply) | dict(subject.failures)
            metafunc.parametrize("failure", list(known.values()), ids=list(known))

    @pytest.fixture(autouse=True)
    def _nothing_left_open(self) -> Iterator[None]:
        """Let the collector tell of sockets that nobody closed, while warnings are this test's errors."""
        yield
        gc.collect()

    @pytest.fixture
    def synthesizer(self) -> Any:
        """A synthesizer that can speak."""
        return self.subject.make()

    def without_service(self, synthesizer: Any) -> dict[str, object]:
        """Take the service away; return the options that mean the same synthesizer, without its key."""
        return {}

    def arguments(self, directory: object = None, **options: object) -> str:
        """Return what the code that runs in another process reads from its command line."""
        subject = self.subject
        given = {**subject.base, **options}
        return json.dumps([subject.backend, subject.sdk, given, str(directory), PROMPT])

    def test_class_is_found_by_its_name(self) -> None:
        from russo import synthesizers

        kind = getattr(synthesizers, self.subject.class_name)
        assert type(self.subject.make()) is kind
        assert kind.russo_api == 1

    def test_options_are_keywords_and_all_of_them_are_tested_here(self) -> None:
        kind = type(self.subject.make())
        parameters = inspect.signature(kind).parameters
        assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
        assert set(parameters) == set(self.subject.declared) | set(self.subject.undeclared)

    def test_constructing_imports_no_sdk_reads_no_key_opens_no_socket(self) -> None:
        variables = getattr(self.subject, "key_variables", ())
        planted = dict.fromkeys(variables, PLANTED_KEY)
        described, _, sockets, asked, sdk = json.loads(run_python(_CONSTRUCT, self.arguments(), **planted))
        assert sdk == []
        assert sockets == []
        assert not set(asked) & set(variables)
        assert PLANTED_KEY not in described

    def test_key_is_the_same_in_every_process(self) -> None:
        keys = {
            json.loads(run_python(_CONSTRUCT, self.arguments(), PYTHONHASHSEED=seed))[1] for seed in "123"
        }
        assert len(keys) == 1

    def test_key_is_json_and_names_the_backend(self) -> None:
        fields = self.subject.make().cache_key_extra
        assert json.loads(json.dumps(fields, allow_nan=False)) == fields
        assert fields["backend"] == self.subject.backend

    def test_option_that_shapes_the_sound_changes_the_key(self, declared_option: str) -> None:
        other = {declared_option: self.subject.declared[declared_option]}
        assert self.subject.make(**other).cache_key_extra != self.subject.make().cache_key_extra

    def test_no_other_option_changes_the_key(self) -> None:
        other = self.subject.make(**self.subject.undeclared)
        assert other.cache_key_extra == self.subject.make().cache_key_extra

    def test_whole_number_and_float_make_one_key(self) -> None:
        for option, value in self.subject.declared.items():
            if isinstance(value, float):
                whole = self.subject.make(**{option: 1}).cache_key_extra
                assert json.dumps(whole) == json.dumps(self.subject.make(**{option: 1.0}).cache_key_extra)

    def test_repr_shows_the_settings(self, declared_option: str) -> None:
        value = self.subject.declared[declared_option]
        assert f"{declared_option}={value!r}" in repr(self.subject.make(**{declared_option: value}))

    def test_audio_is_wav_with_a_true_header(self, synthesizer: Any) -> None:
        audio = speak(synthesizer)
        assert (audio.format, audio.sample_width) == ("wav", 2)
        assert samples_of(audio) == audio.pcm()

    def test_four_event_loops_in_a_row(self, synthesizer: Any) -> None:
        spoken = [speak(synthesizer) for _ in range(4)]
        gc.collect()
        assert spoken == [spoken[0]] * 4

    def test_fifty_calls_at_once(self, synthesizer: Any) -> None:
        async def crowd() -> Any:
            return await asyncio.gather(*(synthesizer.synthesize("Hi.") for _ in range(50)))

        spoken = asyncio.run(crowd())
        assert spoken == [spoken[0]] * 50

    def test_text_without_a_utf8_form_is_refused_before_any_call(self, synthesizer: Any) -> None:
        error = failed(synthesizer, "broken \ud800 text")
        assert isinstance(error, TextRejectedError)
        assert not error.reached

    def test_replay_needs_no_key_no_service_no_sdk(self, synthesizer: Any, tmp_path: Path) -> None:
        cached = CachedSynthesizer(synthesizer, cache=AudioCache(tmp_path))
        audio = speak(cached)
        options = self.without_service(synthesizer)
        data, sockets, asked, modules = json.loads(run_python(_REPLAY, self.arguments(tmp_path, **options)))
        assert bytes.fromhex(data) == audio.data
        assert sockets == []
        assert modules == []
        assert not set(asked) & set(getattr(self.subject, "key_variables", ()))


class ServiceFacts(SpeechFacts):
    """What holds for backends that call a service."""

    subject: ClassVar[Service]
    running: LoopbackServer

    @pytest.fixture
    def server(self) -> Iterator[LoopbackServer]:
        """The service, which speaks."""
        with LoopbackServer(self.subject.good(SAMPLES)) as server:
            yield server

    @pytest.fixture
    def synthesizer(self, server: LoopbackServer) -> Iterator[Any]:
        self.running = server
        yield self.subject.at(server)
        assert server.wait_closed()

    def without_service(self, synthesizer: Any) -> dict[str, object]:
        self.running.close()
        return {"base_url": self.subject.base_url(self.running.url)}

    # Success.

    def test_samples_arrive_untouched(self, synthesizer: Any) -> None:
        audio = speak(synthesizer)
        assert samples_of(audio) == SAMPLES
        assert (audio.sample_rate, audio.channels) == (24000, 1)

    def test_no_more_calls_at_once_than_max_concurrency(self, server: LoopbackServer) -> None:
        gate = threading.Event()

        def reply(_: Request) -> Reply:
            assert gate.wait(10)
            return self.subject.good(SAMPLES)

        server.replies = reply
        synthesizer = self.subject.at(server, max_concurrency=5)

        async def crowd() -> None:
            calls = [asyncio.create_task(synthesizer.synthesize(f"{PROMPT} {n}")) for n in range(50)]
            assert await asyncio.to_thread(server.wait_requests, 5)
            gate.set()
            await asyncio.gather(*calls)

        asyncio.run(crowd())
        assert server.most_active == 5
        assert len(server.requests) == 50
        assert server.wait_closed()

    def test_cancelled_call_leaves_no_open_connection(self, server: LoopbackServer) -> None:
        server.replies = Reply(fail_at="start", fail_how="hang")
        synthesizer = self.subject.at(server)

        async def cancel() -> None:
            call = asyncio.create_task(synthesizer.synthesize(PROMPT))
            assert await asyncio.to_thread(server.wait_requests, 1)
            assert server.connections == 1
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.wait_closed)

        asyncio.run(cancel())
        assert len(server.requests) == 1

    # Credentials.

    def test_missing_key_is_an_error_that_names_the_variables(
        self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(self.subject.key_variables[0], "")  # empty is missing
        error = failed(self.subject.at(server, api_key=None))
        assert isinstance(error, AuthenticationError)
        assert all(name in str(error) for name in self.subject.key_variables)
        assert (error.retryable, error.reached) == (False, False)
        assert server.requests == []

    def test_each_variable_is_read_at_the_first_miss(
        self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in reversed(self.subject.key_variables):  # an earlier one wins over those set already
            synthesizer = self.subject.at(server, api_key=None)
            monkeypatch.setenv(name, f"{PLANTED_KEY}-{name}")
            speak(synthesizer)
            assert self.subject.sent_key(server.requests[-1].headers) == f"{PLANTED_KEY}-{name}"

    @pytest.mark.parametrize("flaw", ["two words", "line\nend", "caf\u00e9"])
    def test_key_that_no_header_carries_is_named_without_being_shown(
        self, server: LoopbackServer, flaw: str
    ) -> None:
        error = failed(self.subject.at(server, api_key=f"{PLANTED_KEY} {flaw}"))
        assert isinstance(error, AuthenticationError)
        assert not error.reached
        assert PLANTED_KEY not in "".join(traceback.format_exception(error))
        assert server.requests == []

    def test_given_key_wins_over_the_variables(
        self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(self.subject.key_variables[0], "another-key")
        speak(self.subject.at(server))
        assert self.subject.sent_key(server.requests[0].headers) == PLANTED_KEY

    def test_key_is_in_no_message_repr_or_log_record(
        self, server: LoopbackServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        synthesizer = self.subject.at(server, max_attempts=1)
        said = [repr(synthesizer), json.dumps(synthesizer.cache_key_extra)]
        with caplog.at_level(logging.DEBUG):
            speak(synthesizer)
            for status in (400, 401, 403, 404, 422, 429, 500):
                server.replies = self.subject.error_reply(status, f"bad key {PLANTED_KEY}!", None)
                error = failed(synthesizer)
                said += [repr(error), repr(vars(error)), *traceback.format_exception(error)]
        formatter = logging.Formatter("%(name)s %(message)s %(args)s")
        said += [formatter.format(record) for record in caplog.records]
        assert len(server.requests) == 8
        assert caplog.records
        assert [text for text in said if PLANTED_KEY in text] == []

    def test_key_is_not_kept_with_the_audio(self, synthesizer: Any, tmp_path: Path) -> None:
        speak(CachedSynthesizer(synthesizer, cache=AudioCache(tmp_path)))
        kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert any(PROMPT.encode() in content for content in kept)
        assert not any(PLANTED_KEY.encode() in content for content in kept)

    # Failures.

    def test_failure_is_typed_chained_and_retried_only_if_it_can_pass(
        self, server: LoopbackServer, failure: Failure
    ) -> None:
        server.replies = failure.reply
        error = failed(self.subject.at(server, max_attempts=3 if failure.retry_now else 1))
        assert type(error) is failure.error
        assert error.retryable is failure.retried
        assert len(server.requests) == (3 if failure.retry_now and failure.retried else 1)
        assert error.reached
        assert str(error).startswith(f"{self.subject.backend} ")
        assert PROMPT in str(error)
        assert error.__cause__ is not None
        assert server.wait_closed()

    def test_call_succeeds_after_a_failure_that_passed(self, server: LoopbackServer) -> None:
        server.replies = [self.subject.error_reply(503, "busy", 0.0), self.subject.good(SAMPLES)]
        assert samples_of(speak(self.subject.at(server))) == SAMPLES
        assert len(server.requests) == 2

    def test_service_that_asks_to_wait_is_waited_for(self, server: LoopbackServer) -> None:
        server.replies = [self.subject.error_reply(429, "slow down", 1.0), self.subject.good(SAMPLES)]
        synthesizer = self.subject.at(server)
        start = time.monotonic()
        speak(synthesizer)
        assert time.monotonic() - start >= 1.0  # by itself it would wait half a second at most

    def test_service_that_asks_to_wait_an_hour_is_not_waited_for(self, server: LoopbackServer) -> None:
        server.replies = self.subject.error_reply(429, "slow down", 3600.0)
        error = failed(self.subject.at(server))
        assert isinstance(error, RateLimitError)
        assert error.retry_after == 3600.0
        assert len(server.requests) == 1

    @pytest.mark.parametrize("place", ["start", "status", "headers", "body"])
    @pytest.mark.parametrize("how", ["close", "reset"])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_connection_lost_is_a_service_error(
        self, server: LoopbackServer, place: Any, how: Any, chunked: bool
    ) -> None:
        good = replace(self.subject.good(SAMPLES), chunked=chunked)
        server.replies = replace(good, fail_at=place, fail_how=how)
        error = failed(self.subject.at(server, max_attempts=1))
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (True, True)
        assert error.__cause__ is not None
        assert server.wait_closed()

    def test_connection_lost_is_retried(self, server: LoopbackServer) -> None:
        good = self.subject.good(SAMPLES)
        server.replies = [replace(good, fail_at="body"), good]
        assert samples_of(speak(self.subject.at(server))) == SAMPLES
        assert len(server.requests) == 2

    @pytest.mark.parametrize("place", ["start", "headers", "body"])
    def test_service_that_falls_silent_is_a_timeout(self, server: LoopbackServer, place: Any) -> None:
        speak(self.subject.at(server))  # the SDK is imported now, so the seconds below are the call's
        server.replies = replace(self.subject.good(SAMPLES), fail_at=place, fail_how="hang")
        error = failed(self.subject.at(server, timeout=0.3, max_attempts=1))
        assert type(error) is SynthesisTimeoutError
        assert (error.retryable, error.reached) == (True, True)
        assert server.wait_closed()

    def test_unreachable_service_is_a_service_error(self, server: LoopbackServer) -> None:
        synthesizer = self.subject.at(server, max_attempts=1)
        server.close()
        error = failed(synthesizer)
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (True, False)

    def test_certificate_that_nobody_trusts_is_said_at_once(self) -> None:
        with UntrustedServer() as server:
            error = failed(self.subject.make(base_url=self.subject.base_url(server.url), api_key=PLANTED_KEY))
            assert server.connections == 1
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, False)
        assert f"the certificate of {server.url.removeprefix('https://')} is not trusted" in str(error)
        assert "SSL_CERT_FILE" in str(error)
        assert error.__cause__ is not None

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("SSL_CERT_FILE", "/no/such/file"),
            ("HTTPS_PROXY", "gopher://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:port"),
            ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
        ],
    )
    def test_variable_that_leads_nowhere_is_said_at_once(
        self, server: LoopbackServer, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shared_tls.cache_clear()
        monkeypatch.setenv(variable, value)
        error = failed(self.subject.at(server))
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, False)
        assert "check base_url, and the variables for proxies and certificates" in str(error)
        assert error.__cause__ is not None
        assert server.requests == []

    @pytest.mark.parametrize("body", [b"", b'{"detail": "ok"}', b"[]", b"<!DOCTYPE html><p>Sign in</p>"])
    @pytest.mark.parametrize("kind", ["application/json", "text/html", "audio/wav"])
    def test_reply_that_is_no_audio_is_refused_although_the_status_is_200(
        self, server: LoopbackServer, body: bytes, kind: str
    ) -> None:
        server.replies = Reply(body=body, headers={"Content-Type": kind})
        error = failed(self.subject.at(server, max_attempts=1))
        assert isinstance(error, NoAudioError | ServiceError)
        assert (error.retryable, error.reached) == (True, True)

    @pytest.mark.parametrize("samples", [b"", b"\0" * 4800], ids=["none", "silence"])
    def test_reply_without_sound_is_no_audio(self, server: LoopbackServer, samples: bytes) -> None:
        server.replies = self.subject.good(samples)
        assert type(failed(self.subject.at(server, max_attempts=1))) is NoAudioError
