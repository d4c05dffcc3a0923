import asyncio
import json
import sys
from unittest.mock import AsyncMock

import pytest

from russo import (
    Audio,
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    CacheHit,
    CacheMiss,
    CacheMissError,
    EntryDamaged,
    LayeredCache,
    Mode,
    NoAudioError,
    RussoError,
    SynthesisFinish,
    TextRejectedError,
)
from russo._statistics import Statistics
from russo._store.entry import encode_meta
from russo._store.pair import write_pair
from russo.testing import FakeSynthesizer
from support.flow import FAILURE, FRESH, STORED, Wrapper, key_of, run_context, stored_files
from support.speakers import PROMPT, Speaker, registered, run, sound, synthesize

STRANGE_PROMPTS = {
    "emoji": "🎉👩‍👩‍👧 party",
    "newlines": "one\ntwo\r\nthree\u2028four",
    "lone surrogate": "broken \ud83d here",
    "control characters": "\x00\x07\x1b[31m",
    "100,000 characters": "long " * 20_000,
    "path": "../../etc/passwd",
    "format": "{prompt} %s",
}


MODES = [
    # mode, is an entry stored before, returned audio or raised error, backend calls, entry stored after
    ("auto", True, STORED, 0, STORED),
    ("auto", False, FRESH, 1, FRESH),
    ("replay", True, STORED, 0, STORED),
    ("replay", False, CacheMissError, 0, None),
    ("refresh", True, FRESH, 1, FRESH),
    ("refresh", False, FRESH, 1, FRESH),
    ("off", True, FRESH, 1, STORED),
    ("off", False, FRESH, 1, None),
]


@pytest.mark.parametrize("row", MODES)
def test_mode_decides_whether_an_entry_is_replayed(cache, row):
    mode, is_stored, expected, calls, then = row
    speaker = Speaker(FRESH)
    if is_stored:
        cache.put(key_of(speaker), STORED)
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    if isinstance(expected, Audio):
        assert synthesize(cached) == expected
    else:
        with pytest.raises(expected):
            synthesize(cached)
    assert len(speaker.texts) == calls
    assert cache.get(key_of(speaker)) == then


@pytest.mark.parametrize(("mode", "calls"), [("auto", 1), ("refresh", 1), ("off", 3)])
def test_mode_decides_how_often_a_repeated_prompt_calls_the_backend(cache, mode, calls):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    assert {synthesize(cached) for _ in range(3)} == {sound(PROMPT)}
    assert len(speaker.texts) == calls


@pytest.mark.parametrize(
    ("mode", "meant"),
    [
        ("AUTO", "auto"),
        ("replay ", "replay"),
        ("reply", "replay"),
        ("refesh", "refresh"),
        ("record", "auto"),
        ("recordd", "auto"),
        ("record-once", "auto"),
        ("once", "auto"),
        ("new_episodes", "auto"),
        ("rewrite", "refresh"),
        ("all", "refresh"),
        ("none", "replay"),
        ("disable", "off"),
    ],
)
def test_mode_that_does_not_exist_suggests_the_mode_that_is_meant(mode, meant):
    with pytest.raises(ValueError, match="cache mode") as caught:
        CachedSynthesizer(Speaker(), mode=mode)
    others = ", ".join(each for each in Mode if each != meant)
    start, end = f"no cache mode is named {mode!r}; did you mean {meant!r}? {meant} ", f"modes are {others}"
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(f"; the other {end}")


@pytest.mark.parametrize("mode", ["", "sometimes", "no"])
def test_mode_that_is_not_like_any_other_lists_the_modes(mode):
    with pytest.raises(ValueError, match="cache mode") as caught:
        CachedSynthesizer(Speaker(), mode=mode)
    assert str(caught.value) == (f"no cache mode is named {mode!r}; the modes are auto, replay, refresh, off")


@pytest.mark.parametrize("mode", list(Mode))
def test_mode_may_be_a_string_or_an_enum_member(mode):
    assert CachedSynthesizer(Speaker(), mode=mode).mode is mode
    assert CachedSynthesizer(Speaker(), mode=str(mode)).mode is mode


@pytest.mark.parametrize("mode", [None, *Mode])
def test_enabled_may_be_changed_at_any_time(cache, mode):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache))
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode, enabled=False)
    assert cached.mode is Mode.OFF
    before = stored_files(cache)
    for number in (2, 3):
        synthesize(cached)
        assert len(speaker.texts) == number
    cached.enabled = True
    assert cached.mode is Mode(mode or "auto")
    cached.enabled = False
    synthesize(cached, "something else")
    assert stored_files(cache) == before


def test_disabled_synthesizer_touches_no_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    synthesize(CachedSynthesizer(Speaker(), enabled=False))
    assert list(tmp_path.iterdir()) == []


def test_defaults_are_auto_and_a_cache_in_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cached = CachedSynthesizer(Speaker())
    assert (cached.mode, cached.enabled) == (Mode.AUTO, True)
    assert cached.cache.directory == tmp_path / ".russo_cache"
    assert list(tmp_path.iterdir()) == []
    synthesize(cached)
    assert AudioCache().size() == 1


RUNS = [
    # the run's mode, the argument `mode`, `enabled`, the resulting mode
    ("replay", "auto", True, "replay"),
    ("replay", "refresh", True, "replay"),
    ("replay", "off", True, "replay"),
    ("replay", None, False, "replay"),
    ("off", "replay", True, "off"),
    ("off", "auto", True, "off"),
    ("auto", "replay", True, "replay"),
    ("auto", "refresh", True, "refresh"),
    ("auto", None, True, "auto"),
    ("auto", None, False, "off"),
    ("refresh", "auto", True, "auto"),
    ("refresh", None, True, "refresh"),
    ("refresh", None, False, "off"),
]


@pytest.mark.parametrize(("runs", "given", "enabled", "expected"), RUNS)
def test_replay_and_off_of_the_run_override_the_given_mode(cache, runs, given, enabled, expected):
    cached = CachedSynthesizer(Speaker(), mode=given, enabled=enabled)
    cached.bound_to(run_context(cache, runs))
    assert cached.mode is Mode(expected)


def test_given_cache_is_kept_and_the_default_is_the_cache_of_the_run(cache, tmp_path):
    given = AudioCache(tmp_path / "given")
    one, other = CachedSynthesizer(Speaker(), cache=given), CachedSynthesizer(Speaker())
    for cached in (one, other):
        cached.bound_to(run_context(cache, "auto"))
    assert one.cache is given
    assert other.cache is cache


def test_replay_of_the_run_never_calls_the_backend(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache, mode="off", enabled=False)
    cached.bound_to(run_context(cache, "replay"))
    with pytest.raises(CacheMissError):
        synthesize(cached)
    assert speaker.texts == []


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (Speaker, "Speaker is a class, not a synthesizer: call it to make one"),
        (None, "None is not a synthesizer: it needs a method"),
        ("google", "'google' is not a synthesizer"),
        (object(), "is not a synthesizer"),
        (lambda text: FRESH, "is not a synthesizer"),
        (type("Half", (), {"synthesize": "not callable"})(), "is not a synthesizer"),
    ],
)
def test_object_that_is_not_a_synthesizer_is_refused_at_once(candidate, message):
    with pytest.raises(TypeError, match="synthesizer") as caught:
        CachedSynthesizer(candidate)
    assert message in str(caught.value)


@pytest.mark.parametrize("cache", ["directory", 0, {}, object()])
def test_cache_of_another_class_is_refused(cache):
    with pytest.raises(TypeError, match="not an AudioCache or a LayeredCache"):
        CachedSynthesizer(Speaker(), cache=cache)


@pytest.mark.parametrize("given", [["voice"], "voice", {1: 2}, {"voice": object()}])
def test_given_fields_that_are_not_json_are_refused_at_once(given):
    with pytest.raises(TypeError, match="cache_key_extra"):
        CachedSynthesizer(Speaker(), cache_key_extra=given)


@pytest.mark.parametrize("declared", [["voice"], "voice", 1])
def test_declared_fields_that_are_not_a_mapping_are_refused_before_the_call(cache, declared):
    speaker = Speaker()
    speaker.cache_key_extra = declared
    with pytest.raises(TypeError, match=r"Speaker\.cache_key_extra is .*, not a mapping"):
        synthesize(CachedSynthesizer(speaker, cache=cache))
    assert speaker.texts == []


class Blocking(FakeSynthesizer):
    def synthesize(self, text):
        return FRESH


def test_synthesizer_that_is_not_async_is_an_error(cache):
    with pytest.raises(TypeError, match=r"Blocking\.synthesize is not async: write `async def`"):
        synthesize(CachedSynthesizer(Blocking(), cache=cache))
    assert cache.size() == 0


class ReturningSpeaker(Speaker):
    """Returns the test's reply, which may be anything."""

    def __init__(self, reply):
        super().__init__()
        self.reply = reply

    async def synthesize(self, text):
        await super().synthesize(text)
        return self.reply


@pytest.mark.parametrize("outcome", [None, b"RIFF", "audio", 1, {"data": b"x"}, [FRESH]])
@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_reply_that_is_not_audio_is_an_error_and_not_stored(cache, outcome, mode):
    speaker = ReturningSpeaker(outcome)
    with pytest.raises(NoAudioError, match=r"must return a russo\.Audio") as caught:
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode))
    assert f"ReturningSpeaker.synthesize returned {type(outcome).__name__}" in str(caught.value)
    assert not caught.value.retryable
    assert len(speaker.texts) == 1
    assert stored_files(cache) == {}


@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_empty_audio_is_an_error_and_not_stored(cache, mode):
    speaker = Speaker(Audio(b""))
    cache.put(key_of(speaker, "before"), STORED)
    with pytest.raises(NoAudioError, match="the audio is empty"):
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode))
    assert cache.size() == 1


@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_raw_samples_declared_as_wav_are_an_error_with_advice_and_not_stored(cache, mode):
    speaker = Speaker(Audio(b"\1\2" * 100))
    cache.put(key_of(speaker, "before"), STORED)
    with pytest.raises(
        NoAudioError, match=r"Speaker\.synthesize returned audio that no player opens"
    ) as caught:
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode))
    assert 'Audio(samples, format="pcm", sample_rate=...)' in str(caught.value)
    assert not caught.value.retryable
    assert len(speaker.texts) == 1
    assert cache.size() == 1


def test_stored_raw_samples_declared_as_wav_are_replayed(cache):
    speaker, audio = Speaker(), Audio(b"\1\2" * 100)
    key = key_of(speaker)
    write_pair(cache.directory, key, audio.data, encode_meta(key, audio, prompt=None, fields=None))
    assert synthesize(CachedSynthesizer(speaker, cache=cache)) == audio
    assert speaker.texts == []


def test_audio_whose_samples_cannot_be_read_is_stored(cache):
    odd = Audio(b"\xff", "opus", 48000, 2, 4)
    cached = CachedSynthesizer(Speaker(odd), cache=cache)
    assert synthesize(cached) == synthesize(cached) == odd


@pytest.mark.parametrize("prompt", STRANGE_PROMPTS.values(), ids=STRANGE_PROMPTS)
def test_unusual_prompt_is_synthesized_stored_and_replayed(cache, prompt):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    assert synthesize(cached, prompt) == sound(prompt)
    assert synthesize(CachedSynthesizer(speaker, cache=AudioCache(cache.directory)), prompt) == sound(prompt)
    assert speaker.texts == [prompt]
    (meta,) = cache.directory.glob("*.meta")
    assert json.loads(meta.read_text("utf-8"))["prompt"] == prompt[:65536]


@pytest.mark.parametrize("prompt", STRANGE_PROMPTS.values(), ids=STRANGE_PROMPTS)
def test_miss_of_an_unusual_prompt_has_a_short_message(cache, prompt):
    with pytest.raises(CacheMissError) as caught:
        synthesize(CachedSynthesizer(Speaker(), cache=cache, mode="replay"), prompt)
    assert caught.value.prompt == prompt
    assert len(str(caught.value)) < 600


def test_prompts_that_differ_in_one_character_are_synthesized_separately(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    prompts = ["Hello", "hello", "hello ", " hello", "hello\n", "he\u0301llo", "h\u00e9llo"]
    for prompt in prompts:
        synthesize(cached, prompt)
    assert speaker.texts == prompts


@pytest.mark.parametrize("prompt", ["", " ", "\n\t\u2003"])
@pytest.mark.parametrize("mode", list(Mode))
def test_empty_prompt_is_refused_before_any_call(cache, events, prompt, mode):
    speaker = Speaker()
    with pytest.raises(TextRejectedError, match="the prompt is empty") as caught:
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode), prompt)
    assert not caught.value.reached
    assert caught.value.backend == "speaker"
    assert speaker.texts == []
    assert events.recorded == []


@pytest.mark.parametrize("prompt", [None, b"hello", 5, ["hello"], Speaker()])
def test_prompt_that_is_not_text_is_refused(cache, prompt):
    with pytest.raises(TypeError, match=f"a prompt is text, not {type(prompt).__name__}"):
        synthesize(CachedSynthesizer(Speaker(), cache=cache), prompt)


@pytest.mark.parametrize("error", [FAILURE, OSError("gone"), KeyError("x"), ZeroDivisionError()])
@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_backend_error_is_raised_and_nothing_is_stored(cache, events, error, mode):
    speaker = Speaker(error, FRESH)
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    with pytest.raises(type(error)) as caught:
        synthesize(cached)
    assert caught.value is error
    assert events.one(SynthesisFinish).error is error
    assert stored_files(cache) == {}
    assert synthesize(cached) == FRESH


def test_failed_refresh_keeps_the_old_entry(cache):
    speaker = Speaker(FAILURE, FRESH)
    cache.put(key_of(speaker), STORED)
    cached = CachedSynthesizer(speaker, cache=cache, mode="refresh")
    with pytest.raises(AuthenticationError):
        synthesize(cached)
    assert cache.get(key_of(speaker)) == STORED
    assert synthesize(cached) == FRESH


def test_cancellation_raised_by_the_backend_ends_the_call(cache):
    speaker = Speaker(asyncio.CancelledError("an SDK's own task was cancelled"), FRESH)
    cached = CachedSynthesizer(speaker, cache=cache)
    with pytest.raises((RussoError, asyncio.CancelledError)):
        synthesize(cached)
    assert len(speaker.texts) == 1


def test_hit_uses_no_event_loop_and_no_synthesizer(cache):
    speaker = Speaker(FAILURE)
    cache.put(key_of(speaker), STORED)
    with pytest.raises(StopIteration) as caught:
        CachedSynthesizer(speaker, cache=cache).synthesize(PROMPT).send(None)
    assert caught.value.value == STORED
    assert speaker.texts == []


def test_miss_outside_of_any_event_loop_is_a_clear_error(cache, monkeypatch):
    call = CachedSynthesizer(Speaker(), cache=cache).synthesize(PROMPT)
    monkeypatch.delitem(sys.modules, "trio")
    with pytest.raises(RuntimeError, match="needs a running asyncio or trio event loop"):
        call.send(None)


def test_damaged_entry_is_counted_synthesized_again_and_overwritten(cache, events):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    synthesize(cached)
    (cache.directory / f"{key_of(speaker)}.audio").write_bytes(b"bits rot")
    events.recorded.clear()
    assert synthesize(cached) == sound(PROMPT)
    assert "its audio has 8 bytes" in events.one(EntryDamaged).reason
    assert events.one(EntryDamaged).directory == cache.directory
    assert events.one(CacheMiss).reason == events.one(EntryDamaged).reason
    assert cache.get(key_of(speaker)) == sound(PROMPT)


def test_hit_event_names_the_directory_of_the_entry(cache, events, tmp_path):
    recordings = AudioCache(tmp_path / "recordings")
    recordings.put(key_of(Speaker()), STORED)
    synthesize(CachedSynthesizer(Speaker(), cache=LayeredCache(cache, [recordings])))
    assert events.one(CacheHit).directory == recordings.directory


def nest(kind, cache, other, speaker):
    """Put one cached synthesizer into another, as users do."""
    if kind == "two caches":
        return CachedSynthesizer(CachedSynthesizer(speaker, cache=other), cache=cache)
    if kind == "one cache":
        return CachedSynthesizer(CachedSynthesizer(speaker, cache=cache), cache=cache)
    if kind == "one directory":
        inner = CachedSynthesizer(speaker, cache=AudioCache(cache.directory))
        return CachedSynthesizer(inner, cache=cache)
    if kind == "through a wrapper":
        return CachedSynthesizer(Wrapper(CachedSynthesizer(speaker, cache=cache)), cache=cache)
    return CachedSynthesizer(nest("one cache", cache, other, speaker), cache=cache)


NESTED = ["two caches", "one cache", "one directory", "through a wrapper", "three deep"]


@pytest.mark.parametrize("kind", NESTED)
def test_nested_synthesizers_make_and_count_one_call(cache, tmp_path, kind):
    speaker = Speaker()
    cached = nest(kind, cache, AudioCache(tmp_path / "other"), speaker)
    with registered(Statistics()) as statistics:
        assert synthesize(cached) == sound(PROMPT)
        counts = statistics.take()
        assert (counts.hits, counts.misses, counts.backend_calls) == (0, 1, 1)
        assert counts.backend_characters == len(PROMPT)
        assert synthesize(cached) == sound(PROMPT)
        counts = statistics.take()
        assert (counts.hits, counts.misses, counts.backend_calls) == (1, 0, 0)
    assert speaker.texts == [PROMPT]


def test_inner_synthesizer_stores_in_its_own_cache_too(cache, tmp_path):
    other = AudioCache(tmp_path / "other")
    synthesize(nest("two caches", cache, other, Speaker()))
    assert cache.get(key_of(Speaker())) == other.get(key_of(Speaker())) == sound(PROMPT)


def test_hit_of_an_inner_synthesizer_is_not_a_backend_call(cache, tmp_path):
    speaker = Speaker()
    inner = CachedSynthesizer(speaker, cache=AudioCache(tmp_path / "other"))
    synthesize(inner)
    with registered(Statistics()) as statistics:
        assert synthesize(CachedSynthesizer(inner, cache=cache)) == sound(PROMPT)
        counts = statistics.take()
    assert (counts.hits, counts.misses, counts.backend_calls) == (0, 1, 0)
    assert len(speaker.texts) == 1


def test_aclose_closes_the_wrapped_synthesizer():
    speaker = Speaker()
    run(CachedSynthesizer(CachedSynthesizer(speaker)).aclose())
    assert speaker.closed


def test_aclose_does_nothing_if_the_wrapped_synthesizer_has_no_aclose():
    run(CachedSynthesizer(FakeSynthesizer()).aclose())


def test_repr_shows_synthesizer_cache_and_mode(cache):
    cached = CachedSynthesizer(Speaker(), cache=cache, mode="replay")
    assert repr(cached) == f"CachedSynthesizer({cached.synthesizer!r}, cache={cache!r}, mode='replay')"


def test_blocking_caller_gets_the_same_audio(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    assert cached.synthesize_sync(PROMPT) == cached.synthesize_sync(PROMPT) == sound(PROMPT)
    assert speaker.texts == [PROMPT]


def test_only_a_miss_needs_an_event_loop(cache):
    cached = CachedSynthesizer(Speaker(), cache=cache)
    calls = []

    def wait_for(call):
        calls.append(call)
        return asyncio.run(call)

    assert cached.synthesize_sync(PROMPT, wait_for=wait_for) == sound(PROMPT)
    assert cached.synthesize_sync(PROMPT, wait_for=wait_for) == sound(PROMPT)
    assert len(calls) == 1


def test_blocking_call_inside_a_running_loop_returns_only_hits(cache):
    cached = CachedSynthesizer(Speaker(), cache=cache)

    async def inside():
        with pytest.raises(RuntimeError, match="an event loop runs here: await synthesize"):
            cached.synthesize_sync(PROMPT)
        await cached.synthesize(PROMPT)
        return cached.synthesize_sync(PROMPT)

    assert run(inside()) == sound(PROMPT)


def test_binding_changes_every_nested_synthesizer_in_place(cache, tmp_path):
    given = AudioCache(tmp_path / "given")
    inner = CachedSynthesizer(Speaker())
    middle = CachedSynthesizer(inner, cache=given)
    outer = CachedSynthesizer(middle)
    assert outer.bound_to(run_context(cache, "replay")) is outer
    assert [layer.cache for layer in (outer, middle, inner)] == [cache, given, cache]
    assert {layer.mode for layer in (outer, middle, inner)} == {Mode.REPLAY}


def test_mock_that_declares_its_settings_is_a_synthesizer(tmp_path):
    mock = AsyncMock(cache_key_extra={})
    mock.synthesize.return_value = sound("hi")
    cached = CachedSynthesizer(mock, cache=AudioCache(tmp_path))
    assert [cached.synthesize_sync("hi") for _ in range(2)] == [sound("hi")] * 2
    assert mock.synthesize.await_count == 1


def test_mock_whose_settings_are_a_mock_is_refused(tmp_path):
    cached = CachedSynthesizer(AsyncMock(), cache=AudioCache(tmp_path))
    with pytest.raises(TypeError, match=r"AsyncMock\.cache_key_extra is AsyncMock, not a mapping"):
        cached.synthesize_sync("hi")
