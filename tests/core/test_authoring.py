import array
import asyncio
import contextlib
import email.utils
import math
import re
import struct
import threading
import time
import traceback
import types
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import trio

from russo import (
    Audio,
    AuthenticationError,
    BackendConfigError,
    CachedSynthesizer,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    RussoError,
    ServiceError,
    SynthesisError,
    SynthesisFinish,
    SynthesisTimeoutError,
    TextRejectedError,
    authoring,
)
from russo._backends import attempts as attempts_module
from russo.authoring import (
    Attempts,
    Exchange,
    check_base_url,
    check_path,
    check_range,
    endpoint,
    join_wav,
    kind_of_status,
    looks_like_text,
    pcm_audio,
    read_api_key,
    redact,
    seconds_to_wait,
    shared_tls,
    wav_audio,
)
from russo.testing import speech_pcm, wav
from support.speakers import PROMPT, run, sound, synthesize

SAMPLES = speech_pcm(0.1)
WILL_PASS = (RateLimitError, ServiceError, SynthesisTimeoutError, NoAudioError)
WILL_NOT = (AuthenticationError, QuotaExceededError, TextRejectedError, RequestRejectedError)


class Service:
    """Answers attempts with outcomes in turn, the last one for ever, and remembers when each began."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.times = []

    async def __call__(self):
        self.times.append(time.monotonic())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @property
    def attempts(self):
        return len(self.times)

    @property
    def waits(self):
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


class Backend:
    """A backend as an author writes it: its attempts go through `Attempts`."""

    cache_key_extra = {"backend": "acme"}  # noqa: RUF012 - as an author may write it

    def __init__(self, attempt, **limits):
        self.attempt = attempt
        self.calls = Attempts("acme", model="m-1", **limits)

    async def synthesize(self, text):
        return await self.calls.run(text, self.attempt)


def failure(kind, **values):
    return kind("HTTP 500", backend="acme", prompt=PROMPT, **values)


def soon(kind=RateLimitError, **values):
    """Return a failure after which the service asks for very little patience."""
    return failure(kind, **{"retry_after": 0.001} | values)


def attempt_with(service, **limits):
    return run(Attempts("acme", **limits).run(PROMPT, service))


# -- one retry policy


@pytest.mark.parametrize("kind", WILL_PASS)
@pytest.mark.parametrize("most", [1, 2, 4])
def test_failure_that_can_pass_is_tried_again_up_to_the_limit(kind, most):
    service = Service(soon(kind))
    with pytest.raises(kind):
        attempt_with(service, max_attempts=most)
    assert service.attempts == most


@pytest.mark.parametrize("kind", WILL_NOT)
def test_failure_that_stays_is_not_tried_again(kind):
    service = Service(soon(kind))
    with pytest.raises(kind):
        attempt_with(service, max_attempts=5)
    assert service.attempts == 1


def test_three_attempts_are_made_by_default():
    service = Service(soon())
    with pytest.raises(RateLimitError):
        attempt_with(service)
    assert service.attempts == 3


@pytest.mark.parametrize("kind", [ServiceError, AuthenticationError])
@pytest.mark.parametrize(("retryable", "attempts"), [(True, 3), (False, 1)])
def test_error_itself_says_whether_it_can_pass(kind, retryable, attempts):
    service = Service(soon(kind, retryable=retryable))
    with pytest.raises(kind):
        attempt_with(service)
    assert service.attempts == attempts


def test_success_ends_the_attempts():
    service = Service(soon(), soon(ServiceError), "audio")
    assert attempt_with(service, max_attempts=9) == "audio"
    assert service.attempts == 3


def test_last_error_is_the_one_that_is_raised():
    last = soon(ServiceError)
    with pytest.raises(SynthesisError) as caught:
        attempt_with(Service(soon(), soon(NoAudioError), last))
    assert caught.value is last


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("raw"), KeyError("x"), RussoError("other")])
def test_what_the_backend_did_not_translate_is_not_tried_again(error):
    service = Service(error)
    with pytest.raises(type(error)) as caught:
        attempt_with(service)
    assert caught.value is error
    assert service.attempts == 1


def test_waits_grow_and_are_shortened_by_up_to_half():
    service = Service(failure(ServiceError))
    with pytest.raises(ServiceError):
        attempt_with(service, max_attempts=3)
    first, second = service.waits
    assert 0.25 <= first < 0.75
    assert 0.5 <= second < 1.25


def test_waits_differ_so_that_clients_do_not_come_back_together():
    async def main():
        services = [Service(failure(ServiceError)) for _ in range(20)]
        calls = Attempts("acme", max_attempts=2, max_concurrency=20)
        runs = (calls.run(PROMPT, service) for service in services)
        await asyncio.gather(*runs, return_exceptions=True)
        return [service.waits[0] for service in services]

    waits = run(main())
    assert max(waits) - min(waits) > 0.02


def test_waits_are_bounded(monkeypatch):
    monkeypatch.setattr(attempts_module, "_LONGEST_DELAY", 0.02)
    service = Service(failure(ServiceError))
    start = time.monotonic()
    with pytest.raises(ServiceError):
        attempt_with(service, max_attempts=12)
    assert service.attempts == 12
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("seconds", [0.05, 0.4])
def test_retry_after_is_honoured(seconds):
    service = Service(failure(RateLimitError, retry_after=seconds), "audio")
    attempt_with(service)
    assert seconds <= service.waits[0] < seconds + 0.25


@pytest.mark.parametrize("seconds", [0, -3.0])
def test_retry_after_of_nothing_means_at_once(seconds):
    service = Service(failure(RateLimitError, retry_after=seconds), "audio")
    attempt_with(service)
    assert service.waits[0] < 0.2


@pytest.mark.parametrize("seconds", [60.5, 3600, float("inf")])
def test_retry_after_that_is_too_long_is_not_waited_for(seconds):
    service = Service(failure(RateLimitError, retry_after=seconds))
    start = time.monotonic()
    with pytest.raises(RateLimitError):
        attempt_with(service)
    assert service.attempts == 1
    assert time.monotonic() - start < 5


# -- time


async def never():
    await asyncio.Event().wait()


def test_attempt_without_a_reply_in_time_is_a_timeout():
    with pytest.raises(SynthesisTimeoutError, match=r"no reply within 0\.01 s") as caught:
        attempt_with(never, timeout=0.01, max_attempts=1)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert caught.value.retryable


def test_timeout_bounds_each_attempt_and_not_the_whole_call(monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)
    begun = []

    async def attempt():
        begun.append(time.monotonic())
        await never()

    with pytest.raises(SynthesisTimeoutError):
        attempt_with(attempt, timeout=0.05, max_attempts=3)
    assert len(begun) == 3
    assert begun[2] - begun[0] >= 0.1


def test_waiting_for_a_turn_is_not_the_services_time():
    async def slow():
        await asyncio.sleep(0.06)
        return "audio"

    async def main():
        calls = Attempts("acme", timeout=0.15, max_attempts=1, max_concurrency=1)
        return await asyncio.gather(*(calls.run(PROMPT, slow) for _ in range(4)))

    assert run(main()) == ["audio"] * 4


def test_cancellation_passes_through_and_frees_the_turn():
    async def main():
        calls = Attempts("acme", max_concurrency=1)
        stuck = asyncio.create_task(calls.run(PROMPT, never))
        waiting = asyncio.create_task(calls.run(PROMPT, never))
        await asyncio.sleep(0)
        for task in (stuck, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return await calls.run(PROMPT, Service("audio"))

    assert run(main()) == "audio"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"timeout": 0}, "timeout is 0; it must be more than 0 seconds"),
        ({"timeout": -1.5}, "timeout is -1.5"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"max_attempts": 0}, "max_attempts is 0; it must be 1 or more"),
        ({"max_attempts": -1}, "max_attempts is -1"),
        ({"max_concurrency": 0}, "max_concurrency is 0; it must be 1 or more"),
    ],
)
def test_limit_that_is_none_is_refused(limits, message):
    with pytest.raises(ValueError, match="must be") as caught:
        Attempts("acme", **limits)
    assert message in str(caught.value)


# -- few at once


class Crowd:
    """Attempts that notice how many there are at once, over every loop and thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.active = self.most = self.total = 0

    async def __call__(self):
        with self.lock:
            self.active += 1
            self.total += 1
            self.most = max(self.most, self.active)
        await asyncio.sleep(0.01)
        with self.lock:
            self.active -= 1
        return sound(PROMPT)


async def rush(calls, crowd, number):
    await asyncio.gather(*(calls.run(PROMPT, crowd) for _ in range(number)))


@pytest.mark.parametrize("cap", [1, 2, 5])
def test_cap_is_reached_and_never_passed(cap):
    crowd = Crowd()
    run(rush(Attempts("acme", max_concurrency=cap), crowd, 4 * cap))
    assert (crowd.most, crowd.total) == (cap, 4 * cap)


def test_cap_is_eight_by_default():
    crowd = Crowd()
    run(rush(Attempts("acme"), crowd, 20))
    assert crowd.most == 8


def test_cap_holds_over_two_loops_one_after_another():
    crowd, calls = Crowd(), Attempts("acme", max_concurrency=2)
    for _ in range(2):
        run(rush(calls, crowd, 6))
    assert (crowd.most, crowd.total) == (2, 12)


def test_cap_holds_over_two_loops_at_once():
    crowd, calls = Crowd(), Attempts("acme", max_concurrency=2)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(run, rush(calls, crowd, 10)) for _ in range(2)]:
            done.result()
    assert (crowd.most, crowd.total) == (2, 20)


def test_cap_holds_under_trio(cache):
    crowd = Crowd()
    cached = CachedSynthesizer(Backend(crowd, max_concurrency=2), cache=cache)

    async def main():
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(cached.synthesize, f"prompt {number}")

    trio.run(main)
    assert (crowd.most, crowd.total) == (2, 8)


def test_loop_that_ends_under_its_calls_gives_their_turns_back():
    calls = Attempts("acme", max_concurrency=1)

    async def leave():
        asyncio.ensure_future(calls.run(PROMPT, never))  # noqa: RUF006 - left behind on purpose
        await asyncio.sleep(0)

    run(leave())
    assert run(calls.run(PROMPT, Service("audio")), seconds=5) == "audio"


# -- what hooks are told


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [
        (["audio"], 1),
        ([soon(), "audio"], 2),
        ([soon(), soon(), soon()], 3),
        ([failure(AuthenticationError)], 1),
        ([failure(AuthenticationError, reached=False)], 0),
        ([soon(ServiceError, reached=False), "audio"], 1),
        ([soon(ServiceError, reached=False)], 0),
    ],
)
def test_attempts_that_reached_the_service_are_counted(cache, events, outcomes, attempts):
    service = Service(*(sound(PROMPT) if outcome == "audio" else outcome for outcome in outcomes))
    with contextlib.suppress(SynthesisError):
        synthesize(CachedSynthesizer(Backend(service), cache=cache))
    assert events.one(SynthesisFinish).backend_calls == attempts


def test_timed_out_attempts_are_counted_for_they_may_be_paid(cache, events, monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)
    with pytest.raises(SynthesisTimeoutError):
        synthesize(CachedSynthesizer(Backend(never, timeout=0.01, max_attempts=2), cache=cache))
    assert events.one(SynthesisFinish).backend_calls == 2


def test_attempts_of_concurrent_calls_are_counted_apart(cache, events):
    services = {"a": Service(soon(), sound("a")), "b": Service(sound("b"))}

    class Two(Backend):
        async def synthesize(self, text):
            return await self.calls.run(text, services[text])

    async def main():
        cached = CachedSynthesizer(Two(None), cache=cache)
        await asyncio.gather(cached.synthesize("a"), cached.synthesize("b"))

    run(main())
    assert {e.prompt: e.backend_calls for e in events.all(SynthesisFinish)} == {"a": 2, "b": 1}


def test_text_without_a_form_to_send_is_refused_before_any_attempt(cache, events):
    service = Service(sound(PROMPT))
    with pytest.raises(TextRejectedError, match="character 3 is a lone surrogate") as caught:
        synthesize(CachedSynthesizer(Backend(service), cache=cache), "abc\ud800")
    assert (caught.value.backend, caught.value.model, caught.value.reached) == ("acme", "m-1", False)
    assert service.attempts == 0
    assert events.one(SynthesisFinish).backend_calls == 0


def test_error_carries_backend_and_model():
    error = Attempts("acme", model="m-1").error(
        RateLimitError,
        "HTTP 429",
        prompt=PROMPT,
        advice="wait",
        retry_after=2.0,
        reached=False,
        retryable=False,
    )
    assert type(error) is RateLimitError
    assert str(error) == f"acme (m-1) could not speak {PROMPT!r}: HTTP 429; wait"
    assert (error.retry_after, error.reached, error.retryable) == (2.0, False, False)


# -- audio of a service's reply


def test_true_wav_is_kept_as_it_is():
    assert wav_audio(wav(SAMPLES)) == Audio(wav(SAMPLES))


@pytest.mark.parametrize("sizes", ["streamed", "zero"])
def test_streamed_wav_gets_a_true_header(sizes):
    assert wav_audio(wav(SAMPLES, sizes=sizes)) == Audio(wav(SAMPLES))


def test_fields_of_wav_audio_come_from_its_header():
    audio = wav_audio(wav(SAMPLES, 8000, channels=2))
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", 8000, 2, 2)


@pytest.mark.parametrize(("tag", "width"), [(1, 1), (1, 3), (1, 4), (3, 4), (7, 1), (6, 1)])
def test_wav_of_another_encoding_becomes_16_bit(tag, width):
    samples = (
        struct.pack("<300f", *(math.sin(at) for at in range(300))) if tag == 3 else SAMPLES[: 300 * width]
    )
    audio = wav_audio(authoring.write_wav(samples, 8000, sample_width=width, tag=tag))
    assert (audio.sample_width, audio.duration) == (2, 300 / 8000)
    assert len(audio.data) == 44 + 600


def test_raw_samples_get_a_header():
    assert pcm_audio(SAMPLES, 24000) == Audio(wav(SAMPLES))
    assert pcm_audio(SAMPLES, 8000, channels=2) == Audio(wav(SAMPLES, 8000, channels=2), "wav", 8000, 2)


def test_parts_are_joined_sample_by_sample():
    cuts = [SAMPLES[:1000], SAMPLES[1000:1002], SAMPLES[1002:]]
    parts = [
        Audio(wav(cut, sizes=sizes)) for cut, sizes in zip(cuts, ("true", "streamed", "zero"), strict=True)
    ]
    assert join_wav(iter(parts)) == Audio(wav(SAMPLES))


def test_part_of_silence_or_nothing_may_be_joined():
    joined = join_wav([pcm_audio(SAMPLES, 24000), Audio(wav(bytes(4800))), Audio(wav(b""))])
    assert joined.pcm() == SAMPLES + bytes(4800)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wav_audio(b""), "not a WAV file"),
        (lambda: wav_audio(b'{"error": {"code": 500}}'), "not a WAV file"),
        (lambda: wav_audio(b"ID3\x04" + SAMPLES), "not a WAV file"),
        (lambda: wav_audio(wav(SAMPLES)[:-10]), "truncated"),
        (lambda: wav_audio(wav(b"")), "without samples"),
        (lambda: wav_audio(wav(b"", sizes="streamed")), "without samples"),
        (lambda: wav_audio(wav(bytes(4800))), "silence from end to end"),
        (lambda: wav_audio(authoring.write_wav(b"\x80" * 800, 8000, sample_width=1)), "silence"),
        (lambda: wav_audio(authoring.write_wav(b"\xff" * 800, 8000, sample_width=1, tag=7)), "silence"),
        (lambda: wav_audio(authoring.write_wav(SAMPLES, 8000, sample_width=8)), "64 bits"),
        (lambda: pcm_audio(b"", 24000), "no samples"),
        (lambda: pcm_audio(bytes(4800), 24000), "silence from end to end"),
        (lambda: pcm_audio(SAMPLES + b"x", 24000), "bytes are not whole 16-bit samples"),
        (lambda: pcm_audio(SAMPLES[:-2], 24000, channels=2), "bytes are not whole 16-bit samples"),
        (lambda: pcm_audio(b'{"error": "no such voice"}', 24000), "text instead of samples"),
        (lambda: pcm_audio(b"<!doctype html><html></html>", 24000), "text instead of samples"),
        (lambda: join_wav([]), "cannot join 0 parts"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES, 8000))]), "2 parts of 2 formats"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES, channels=2))]), "2 parts of 2 formats"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(SAMPLES, "pcm")]), "not a WAV file"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES)[:-2])]), "truncated"),
        (lambda: join_wav([Audio(wav(bytes(480)))] * 2), "silence from end to end"),
    ],
)
def test_reply_without_usable_audio_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"error": 1}', True),
        (b' \r\n[{"a": 1}]', True),
        (b"<?xml version='1.0'?>", True),
        (b"<html>", True),
        (b"", False),
        (SAMPLES, False),
        (wav(SAMPLES), False),
        (b"{" + bytes(300), False),
        (b"<\xff\x7b\x00", False),
        (b"<\xff\x7b\x01" * 9, False),
        (b"ID3\x04", False),
        (array.array("h", [123, 60, 91]).tobytes(), False),
    ],
)
def test_documents_are_told_from_sound(data, expected):
    assert looks_like_text(data) is expected


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (("sk-123",), "key [redacted] of [redacted] is wrong"),
        (("sk-123", None, ""), "key [redacted] of [redacted] is wrong"),
        (("other",), "key sk-123 of sk-123 is wrong"),
        ((), "key sk-123 of sk-123 is wrong"),
        (("sk-123", "wrong"), "key [redacted] of [redacted] is [redacted]"),
    ],
)
def test_credentials_are_removed_from_messages(secrets, expected):
    assert redact("key sk-123 of sk-123 is wrong", *secrets) == expected


def test_credential_that_holds_another_is_removed_whole():
    assert redact("key sk-123-456", "sk-123", "sk-123-456") == "key [redacted]"


# -- an exchange over HTTP


class RequestError(Exception):
    """The root of an HTTP client's exceptions; those of one family carry these names."""

    def __init__(self, said="", url="http://127.0.0.1:9/v1/speech"):
        super().__init__(said)
        self._url = url

    @property
    def request(self):
        if self._url is None:
            raise RuntimeError("The request instance has not been set on this exception.")
        return types.SimpleNamespace(url=types.SimpleNamespace(netloc=urlsplit(self._url).netloc.encode()))


class TransportError(RequestError):
    pass


class TimeoutException(TransportError):
    pass


def client_error(name, base=TransportError):
    return type(name, (base,), {})


class SdkError(Exception):
    """What an SDK raises from its client's exception, or by itself; shows its attributes."""

    def __init__(self, message="Connection error.", **values):
        super().__init__(message)
        self.__dict__.update(values)

    def __str__(self):
        return f"{self.args[0]} { ({k: v for k, v in vars(self).items() if not k.startswith('__')}) }"


SECRET = "sk-123-secret"


def exchange(secret=SECRET, **limits):
    return Exchange(Attempts("acme", model="m-1", **limits), PROMPT, secret)


def shown(error):
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def raised(make, cause=None):
    """Return the exception as it is after ``raise ... from cause``."""
    try:
        raise make from cause
    except BaseException as error:  # noqa: BLE001 - to be returned
        return error


def test_exchange_s_error_is_one_short_line_without_the_secret():
    error = exchange().error(ServiceError, f"a\n\tb {SECRET} " + "x" * 400, reached=False, retryable=False)
    assert str(error).startswith(f"acme (m-1) could not speak {PROMPT!r}: a b [redacted] xxx")
    assert "x…; try again later" in str(error)
    assert len(error.args[0].split(": ", 1)[1].split(";")[0]) == 300
    assert (error.reached, error.retryable) == (False, False)


@pytest.mark.parametrize("padding", range(190, 205))
def test_secret_is_found_before_a_long_text_is_cut(padding):
    error = exchange().refusal_error(SdkError(), ServiceError, 500, "x" * padding + SECRET + "y" * 300)
    assert SECRET[:4] not in str(error)


def test_exchange_does_not_show_its_secret():
    assert SECRET not in repr(exchange())


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("too many", "slow_down", "HTTP 429 (slow_down), 'too many'; "),
        ("too\nmany", None, "HTTP 429, 'too many'; "),
        ("", "slow_down", "HTTP 429 (slow_down); "),
        ("", "", "HTTP 429; "),
        ("x" * 500, {"odd": 1}, "HTTP 429, '" + "x" * 199 + "…'; "),
        ("", "c" * 500, f"HTTP 429 ({'c' * 79}…); "),
        ("", "c" * 75 + SECRET, f"HTTP 429 ({'c' * 75}[red…); "),
        (f"key {SECRET}", f"no_{SECRET}", "HTTP 429 (no_[redacted]), 'key [redacted]'; "),
    ],
)
def test_refusal_says_status_code_and_what_the_service_said(said, code, expected):
    error = exchange().refusal_error(SdkError(), RateLimitError, 429, said, code=code)
    assert type(error) is RateLimitError
    assert f": {expected}wait, or lower max_concurrency" in str(error)
    assert error.reached


def test_refusal_carries_the_wait_that_is_asked_for():
    made = exchange()
    headers = {"Retry-After": "7"}
    assert made.refusal_error(SdkError(), RateLimitError, 429, "", headers=headers).retry_after == 7.0
    own = made.refusal_error(SdkError(), RateLimitError, 429, "", headers=headers, retry_after=0.0)
    assert own.retry_after == 0.0
    assert made.refusal_error(SdkError(), RateLimitError, 429, "").retry_after is None


@pytest.mark.parametrize("status", [301, 307])
def test_redirect_is_a_matter_of_the_base_url(status):
    error = exchange().refusal_error(SdkError(), kind_of_status(status), status, "")
    assert type(error) is RequestRejectedError
    assert "correct base_url" in str(error)


@pytest.mark.parametrize("place", ["message", "attribute", "cause", "context"])
def test_secret_is_taken_out_of_the_exception_that_is_chained(place):
    said = f"bad key {SECRET}"
    if place == "context":
        try:
            try:
                raise ValueError(said)
            finally:
                raise SdkError
        except SdkError as caught:
            error = caught
    elif place == "cause":
        error = raised(SdkError(), ValueError(said))
    else:
        error = SdkError(said) if place == "message" else SdkError(body={"error": said}, status=401)
    assert SECRET in shown(error)
    made = raised(exchange().refusal_error(error, AuthenticationError, 401, said), error)
    assert SECRET not in shown(made)
    assert SECRET not in repr(vars(error))
    assert getattr(error, "status", 401) == 401  # what shows no secret stays as it is


def test_causes_in_a_circle_end():
    one, other = SdkError(SECRET), SdkError(SECRET)
    one.__cause__, other.__cause__ = other, one
    exchange().refusal_error(one, ServiceError, 500, "")
    assert SECRET not in str(one) + str(other)


@pytest.mark.parametrize(
    ("error", "kind", "what", "reached", "retryable"),
    [
        (
            client_error("ConnectError")("refused"),
            ServiceError,
            "no connection to 127.0.0.1:9: refused",
            0,
            1,
        ),
        (client_error("ProxyError")("407"), ServiceError, "no connection to 127.0.0.1:9: 407", 0, 1),
        (
            client_error("ConnectTimeout", TimeoutException)(),
            ServiceError,
            "no connection to 127.0.0.1:9: ConnectTimeout",
            0,
            1,
        ),
        (
            client_error("ReadTimeout", TimeoutException)(),
            SynthesisTimeoutError,
            "no reply within 2.5 s",
            1,
            1,
        ),
        (
            client_error("ReadError")(),
            ServiceError,
            "the connection to 127.0.0.1:9 was lost: ReadError",
            1,
            1,
        ),
        (
            client_error("RemoteProtocolError")("peer closed", None),
            ServiceError,
            "the connection to the service was lost: peer closed",
            1,
            1,
        ),
        (
            client_error("DecodingError", RequestError)("no gzip"),
            ServiceError,
            "the reply of 127.0.0.1:9 cannot be read: no gzip",
            1,
            1,
        ),
        (
            client_error("UnsupportedProtocol")("no scheme", "//"),
            RequestRejectedError,
            "nothing can be sent to this endpoint: no scheme",
            0,
            0,
        ),
        (
            client_error("LocalProtocolError")(f"Illegal header value b'{SECRET}\\n'"),
            RequestRejectedError,
            "nothing can be sent to 127.0.0.1:9: Illegal header value b'[redacted]\\n'",
            0,
            0,
        ),
        (
            client_error("ConnectError")("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
            ServiceError,
            "the certificate of 127.0.0.1:9 is not trusted: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed; check",
            0,
            0,
        ),
        (
            ValueError(f"odd {SECRET}"),
            ServiceError,
            "the exchange with the service failed: ValueError('odd [redacted]')",
            1,
            1,
        ),
    ],
)
def test_exchange_that_breaks_off_is_told_by_the_client_s_exception(error, kind, what, reached, retryable):
    for each in (error, raised(SdkError(), error)):  # as it is, and behind an SDK's own
        if isinstance(each, SdkError) and not isinstance(error, RequestError):
            continue
        made = exchange(timeout=2.5).connection_error(each)
        assert type(made) is kind
        assert f": {what}" in str(made)
        assert (made.reached, made.retryable) == (bool(reached), bool(retryable))


def test_untrusted_certificate_is_told_from_every_other_failure():
    made = exchange()
    assert made.certificate_error(OSError("refused")) is None
    error = made.certificate_error(OSError("Caused by [SSL: CERTIFICATE_VERIFY_FAILED] expired"))
    assert (error.retryable, error.reached) == (False, False)
    assert "SSL_CERT_FILE" in str(error)


def test_client_that_cannot_be_made_says_where_to_look():
    cause = ValueError(f"unknown proxy http://{SECRET}@proxy")
    error = raised(exchange().client_error(cause), cause)
    assert type(error) is ServiceError
    assert "there is no way to the network: unknown proxy http://[redacted]@proxy; check base_url" in str(
        error
    )
    assert (error.retryable, error.reached) == (False, False)
    assert SECRET not in shown(error)


def test_reply_that_is_no_audio_is_described():
    error = exchange().no_audio_error(ValueError("silence"), b"1234", {"content-type": "audio/wav"})
    assert type(error) is NoAudioError
    assert ": the reply (audio/wav, 4 bytes) holds no audio: silence; try again" in str(error)
    assert "(no type, 0 bytes)" in str(exchange().no_audio_error(ValueError("none"), b"", {}))


def test_reply_that_repeats_the_secret_is_not_quoted_in_part():
    body = b"sorry, " + SECRET.encode()
    cause = ValueError(f"it starts with {body[:12]!r}")
    assert SECRET[:4] in str(cause)
    error = raised(exchange().no_audio_error(cause, body, {"content-type": f"text/{SECRET}"}), cause)
    assert SECRET[:4] not in shown(error)
    assert "it repeats the API key" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (201, ServiceError),
        (302, RequestRejectedError),
        (400, RequestRejectedError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
        (403, AuthenticationError),
        (404, RequestRejectedError),
        (408, SynthesisTimeoutError),
        (409, ServiceError),
        (410, RequestRejectedError),
        (413, TextRejectedError),
        (422, RequestRejectedError),
        (425, ServiceError),
        (429, RateLimitError),
        (500, ServiceError),
        (503, ServiceError),
        (599, ServiceError),
    ],
)
def test_status_tells_the_kind_of_failure(status, kind):
    assert kind_of_status(status) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "90"}, 90.0),
        ({"retry-after": " 90.5 "}, 90.5),
        ({"Retry-After-Ms": "90500", "Retry-After": "1"}, 90.5),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_wait_that_a_service_asks_for_is_read(headers, seconds):
    assert seconds_to_wait(headers) == seconds


def test_date_to_wait_for_is_so_many_seconds_away():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 95 < seconds_to_wait({"retry-after": date}) <= 100


def test_tls_context_is_made_once_per_client():
    made = []
    first, second = (lambda: made.append("a") or "a"), (lambda: made.append("b") or "b")
    assert [shared_tls(first), shared_tls(second), shared_tls(first)] == ["a", "b", "a"]
    assert made == ["a", "b"]


# -- keys


@pytest.mark.parametrize(
    ("given", "first", "second", "key"),
    [
        ("mine", "a", "b", "mine"),
        (None, "a", "b", "a"),
        ("", "", "b", "b"),
        (" \n", "  ", " b\n", "b"),
    ],
)
def test_key_is_the_option_or_the_first_variable_that_holds_one(monkeypatch, given, first, second, key):
    monkeypatch.setenv("ACME_KEY", first)
    monkeypatch.setenv("OLD_ACME_KEY", second)
    assert read_api_key(Attempts("acme"), PROMPT, given, "ACME_KEY", "OLD_ACME_KEY") == key


def test_missing_key_names_the_variables(monkeypatch):
    monkeypatch.delenv("ACME_KEY", raising=False)
    with pytest.raises(AuthenticationError) as caught:
        read_api_key(Attempts("acme"), PROMPT, None, "ACME_KEY", "OLD_ACME_KEY")
    assert str(caught.value).endswith(": there is no API key; set ACME_KEY or OLD_ACME_KEY, or give api_key")
    assert not caught.value.reached


@pytest.mark.parametrize("key", ["two words", "line\nend", "nul\0", "café"])
@pytest.mark.parametrize("source", ["api_key", "OLD_ACME_KEY"])
def test_key_that_no_header_carries_is_named_by_its_source_and_not_shown(monkeypatch, key, source):
    given = key if source == "api_key" else None
    monkeypatch.setattr("os.environ", {source: key})  # one with a NUL cannot be set for real
    with pytest.raises(AuthenticationError) as caught:
        read_api_key(Attempts("acme"), PROMPT, given, "ACME_KEY", "OLD_ACME_KEY")
    assert str(caught.value).endswith(f"no HTTP header carries; correct {source}")
    assert key not in str(caught.value)
    assert not caught.value.reached


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Incorrect key: sk-1****c0de. See", "Incorrect key: [redacted] See"),
        ("{'key': 'sk-1**de'}", "{'key': '[redacted]'}"),
        ("2 * 3", "2 * 3"),
        ("two\nlines  stay", "two\nlines  stay"),
    ],
)
def test_key_that_the_service_masked_is_removed_too(text, expected):
    assert redact(text) == expected


def test_long_text_without_blanks_is_redacted_in_no_time():
    text = "x" * 2_000_000
    start = time.monotonic()
    assert redact(text, SECRET) == text
    assert time.monotonic() - start < 2


# -- options


@pytest.mark.parametrize(
    ("url", "who"),
    [
        ("http://127.0.0.1:8880/v1", "http://127.0.0.1:8880/v1"),
        ("HTTPS://API.Acme.example.:443/v1//", "https://api.acme.example/v1"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://me:secret@acme.example/v1?key=secret#secret", "https://acme.example/v1"),
        ("http://[::1]:8880/v1", "http://[::1]:8880/v1"),
    ],
)
def test_endpoint_has_one_spelling_and_no_credentials(url, who):
    assert endpoint(url) == who


NO_URLS = ["", "acme.example/v1", "ftp://secret@acme.example", "http://", "http://[::1", "http://a:b/"]
NO_PORTS = ["http://127.0.0.1:99999", "http://127.0.0.1:0"]


@pytest.mark.parametrize("check", [endpoint, check_base_url])
@pytest.mark.parametrize("url", [*NO_URLS, *NO_PORTS])
def test_what_is_no_url_is_refused_under_its_name_and_not_shown(check, url):
    with pytest.raises(BackendConfigError) as caught:
        check(url, "ACME_URL")
    assert str(caught.value) == "ACME_URL is no http:// or https:// URL; write it as https://HOST/PATH"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://user:secret@127.0.0.1", "a user, a query or a fragment"),
        ("http://127.0.0.1?key=secret", "a user, a query or a fragment"),
        ("http://127.0.0.1#secret", "a user, a query or a fragment"),
        ("http://127.0.0.1/secret place", "write it escaped"),
        ("http://secret-ä.example", "write it escaped"),
    ],
)
def test_base_url_is_a_plain_url(url, message):
    with pytest.raises(BackendConfigError, match=f"^base_url .*{message}") as caught:
        check_base_url(url)
    assert "secret" not in str(caught.value)


def test_base_url_goes_out_as_it_is_given():
    assert check_base_url("https://Acme.example:443/speech/") == "https://Acme.example:443/speech/"


@pytest.mark.parametrize("value", ["a", "JBF_qn-9", "a" * 300])
def test_value_for_a_path_is_taken(value):
    assert check_path("voice", value) == value


@pytest.mark.parametrize(
    "value", ["", ".", "../a", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\n", "ä", "٣", "a.b"]
)
def test_value_that_would_change_the_path_is_refused(value):
    with pytest.raises(ValueError, match=r"it may hold letters, digits, _ and -$") as caught:
        check_path("voice", value)
    assert str(caught.value).startswith(f"voice is {value!r}; ")


@pytest.mark.parametrize("value", ["models/acme-3.8", "a@1", "a/b/c.d"])
def test_value_for_a_path_may_hold_what_the_backend_allows_inside(value):
    assert check_path("model", value, inside="./@") == value


@pytest.mark.parametrize("value", ["..", "a//b", "a/../b", "/a", "a/", "a:b", "a./b"])
def test_what_is_allowed_inside_stands_alone_between_others(value):
    with pytest.raises(ValueError, match=r"and single \. / @ inside"):
        check_path("model", value, inside="./@")


@pytest.mark.parametrize(("value", "taken"), [(0.5, 0.5), (2, 2.0), ("1.5", 1.5)])
def test_number_in_its_range_is_taken_as_a_float(value, taken):
    found = check_range("speed", value, 0.5, 2)
    assert (found, type(found)) == (taken, float)


@pytest.mark.parametrize("value", [0.49, 2.01, float("nan"), float("inf"), -1])
def test_number_outside_its_range_is_refused(value):
    with pytest.raises(ValueError, match=re.escape(f"speed is {value!r}; it must be from 0.5 to 2")):
        check_range("speed", value, 0.5, 2)
