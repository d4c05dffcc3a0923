import array
import asyncio
import contextlib
import math
import re
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from loopback import speech_pcm, wav
from russo import (
    Audio,
    AuthenticationError,
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
from russo.authoring import Calls, join_wav, looks_like_text, pcm_audio, redact, wav_audio
from speakers import PROMPT, run, say, sound

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
    """A backend as an author writes it: its attempts go through `Calls`."""

    cache_key_extra = {"backend": "acme"}  # noqa: RUF012 - as an author may write it

    def __init__(self, attempt, **limits):
        self.attempt = attempt
        self.calls = Calls("acme", model="m-1", **limits)

    async def synthesize(self, text):
        return await self.calls.run(text, self.attempt)


def failure(kind, **values):
    return kind("HTTP 500", backend="acme", prompt=PROMPT, **values)


def soon(kind=RateLimitError, **values):
    """Return a failure after which the service asks for very little patience."""
    return failure(kind, **{"retry_after": 0.001} | values)


def attempt_with(service, **limits):
    return run(Calls("acme", **limits).run(PROMPT, service))


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
        calls = Calls("acme", max_attempts=2, max_concurrency=20)
        runs = (calls.run(PROMPT, service) for service in services)
        await asyncio.gather(*runs, return_exceptions=True)
        return [service.waits[0] for service in services]

    waits = run(main())
    assert max(waits) - min(waits) > 0.02


def test_waits_are_bounded(monkeypatch):
    monkeypatch.setattr(authoring, "_LONGEST_DELAY", 0.02)
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
    monkeypatch.setattr(authoring, "_FIRST_DELAY", 0.001)
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
        calls = Calls("acme", timeout=0.15, max_attempts=1, max_concurrency=1)
        return await asyncio.gather(*(calls.run(PROMPT, slow) for _ in range(4)))

    assert run(main()) == ["audio"] * 4


def test_cancellation_passes_through_and_frees_the_turn():
    async def main():
        calls = Calls("acme", max_concurrency=1)
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
        Calls("acme", **limits)
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
    run(rush(Calls("acme", max_concurrency=cap), crowd, 4 * cap))
    assert (crowd.most, crowd.total) == (cap, 4 * cap)


def test_cap_is_eight_by_default():
    crowd = Crowd()
    run(rush(Calls("acme"), crowd, 20))
    assert crowd.most == 8


def test_cap_holds_over_two_loops_one_after_another():
    crowd, calls = Crowd(), Calls("acme", max_concurrency=2)
    for _ in range(2):
        run(rush(calls, crowd, 6))
    assert (crowd.most, crowd.total) == (2, 12)


def test_cap_holds_over_two_loops_at_once():
    crowd, calls = Crowd(), Calls("acme", max_concurrency=2)
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
    calls = Calls("acme", max_concurrency=1)

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
def test_attempts_that_reached_the_service_are_counted(cache, heard, outcomes, attempts):
    service = Service(*(sound(PROMPT) if outcome == "audio" else outcome for outcome in outcomes))
    with contextlib.suppress(SynthesisError):
        say(CachedSynthesizer(Backend(service), cache=cache))
    assert heard.one(SynthesisFinish).attempts == attempts


def test_timed_out_attempts_are_counted_for_they_may_be_paid(cache, heard, monkeypatch):
    monkeypatch.setattr(authoring, "_FIRST_DELAY", 0.001)
    with pytest.raises(SynthesisTimeoutError):
        say(CachedSynthesizer(Backend(never, timeout=0.01, max_attempts=2), cache=cache))
    assert heard.one(SynthesisFinish).attempts == 2


def test_attempts_of_concurrent_calls_are_counted_apart(cache, heard):
    services = {"a": Service(soon(), sound("a")), "b": Service(sound("b"))}

    class Two(Backend):
        async def synthesize(self, text):
            return await self.calls.run(text, services[text])

    async def main():
        cached = CachedSynthesizer(Two(None), cache=cache)
        await asyncio.gather(cached.synthesize("a"), cached.synthesize("b"))

    run(main())
    assert {e.prompt: e.attempts for e in heard.all(SynthesisFinish)} == {"a": 2, "b": 1}


def test_text_without_a_form_to_send_is_refused_before_any_attempt(cache, heard):
    service = Service(sound(PROMPT))
    with pytest.raises(TextRejectedError, match="character 3 is a lone surrogate") as caught:
        say(CachedSynthesizer(Backend(service), cache=cache), "abc\ud800")
    assert (caught.value.backend, caught.value.model, caught.value.reached) == ("acme", "m-1", False)
    assert service.attempts == 0
    assert heard.one(SynthesisFinish).attempts == 0


def test_error_carries_backend_and_model():
    error = Calls("acme", model="m-1").error(
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
        (lambda: pcm_audio(b"", 24000), "without samples"),
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
