import asyncio
import contextlib
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
import trio

from russo import (
    Audio,
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    CacheHit,
    CacheMiss,
    CacheMissError,
    EntryDamaged,
    EntryStored,
    LayeredCache,
    Mode,
    NoAudioError,
    RussoError,
    StoreFailed,
    SynthesisFinish,
    SynthesisStart,
    TextRejectedError,
    cache_key,
    hookimpl,
)
from russo._flow.run import RunContext
from russo._statistics import Statistics
from russo.testing import FakeSynthesizer
from support.speakers import PROMPT, Speaker, registered, run, sound, synthesize

STORED, FRESH = sound("stored"), sound("fresh")
FAILURE = AuthenticationError("HTTP 401", backend="speaker", prompt=PROMPT)
STRANGE_PROMPTS = {
    "emoji": "🎉👩‍👩‍👧 party",
    "newlines": "one\ntwo\r\nthree\u2028four",
    "lone surrogate": "broken \ud83d here",
    "control characters": "\x00\x07\x1b[31m",
    "100,000 characters": "long " * 20_000,
    "path": "../../etc/passwd",
    "format": "{prompt} %s",
}


def key_of(synthesizer, prompt=PROMPT, given=None):
    return cache_key(prompt, synthesizer.cache_key_extra, given)


def entry_files(cache):
    return {p.name: p.read_bytes() for p in cache.directory.glob("*.*") if p.suffix in {".audio", ".meta"}}


# -- modes

MODES = [
    # mode, is it stored before, what is returned or raised, backend calls, what is stored then
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
def test_mode_decides_over_hit_and_miss(cache, row):
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
def test_prompt_asked_for_three_times_calls_the_backend_as_often_as_the_mode_says(cache, mode, calls):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    assert {synthesize(cached) for _ in range(3)} == {sound(PROMPT)}
    assert len(speaker.texts) == calls


@pytest.mark.parametrize("mode", ["", "AUTO", "record", "none", "replay "])
def test_mode_that_does_not_exist_is_refused(mode):
    message = f"{mode!r} is no cache mode; the modes are auto, replay, refresh, off"
    with pytest.raises(ValueError, match="cache mode") as caught:
        CachedSynthesizer(Speaker(), mode=mode)
    assert str(caught.value) == message


@pytest.mark.parametrize("mode", list(Mode))
def test_mode_may_be_given_as_word_or_member(mode):
    assert CachedSynthesizer(Speaker(), mode=mode).mode is mode
    assert CachedSynthesizer(Speaker(), mode=str(mode)).mode is mode


@pytest.mark.parametrize("mode", [None, *Mode])
def test_enabled_may_be_changed_at_any_time(cache, mode):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache))
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode, enabled=False)
    assert cached.mode is Mode.OFF
    before = entry_files(cache)
    for number in (2, 3):
        synthesize(cached)
        assert len(speaker.texts) == number
    cached.enabled = True
    assert cached.mode is Mode(mode or "auto")
    cached.enabled = False
    synthesize(cached, "something else")
    assert entry_files(cache) == before


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


def context_of(cache, mode):
    return RunContext(cache=cache, mode=Mode(mode), report=print)


RUNS = [
    # the run's mode, the given one, enabled, the mode in force
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
def test_replay_and_off_of_the_run_win_and_otherwise_what_was_given(cache, runs, given, enabled, expected):
    cached = CachedSynthesizer(Speaker(), mode=given, enabled=enabled)
    cached.bound_to(context_of(cache, runs))
    assert cached.mode is Mode(expected)


def test_given_cache_is_kept_and_a_missing_one_is_the_runs(cache, tmp_path):
    given = AudioCache(tmp_path / "given")
    one, other = CachedSynthesizer(Speaker(), cache=given), CachedSynthesizer(Speaker())
    for cached in (one, other):
        cached.bound_to(context_of(cache, "auto"))
    assert one.cache is given
    assert other.cache is cache


def test_replay_of_the_run_never_pays(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache, mode="off", enabled=False)
    cached.bound_to(context_of(cache, "replay"))
    with pytest.raises(CacheMissError):
        synthesize(cached)
    assert speaker.texts == []


# -- what may be wrapped


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (Speaker, "Speaker is a class, not a synthesizer: call it to make one"),
        (None, "None is no synthesizer: it needs a method"),
        ("google", "'google' is no synthesizer"),
        (object(), "is no synthesizer"),
        (lambda text: FRESH, "is no synthesizer"),
        (type("Half", (), {"synthesize": "not callable"})(), "is no synthesizer"),
    ],
)
def test_what_is_no_synthesizer_is_refused_at_once(candidate, message):
    with pytest.raises(TypeError, match="synthesizer") as caught:
        CachedSynthesizer(candidate)
    assert message in str(caught.value)


@pytest.mark.parametrize("cache", ["directory", 0, {}, object()])
def test_cache_that_is_none_of_ours_is_refused(cache):
    with pytest.raises(TypeError, match="not an AudioCache or a LayeredCache"):
        CachedSynthesizer(Speaker(), cache=cache)


@pytest.mark.parametrize("given", [["voice"], "voice", {1: 2}, {"voice": object()}])
def test_given_fields_that_are_no_json_are_refused_at_once(given):
    with pytest.raises(TypeError, match="cache_key_extra"):
        CachedSynthesizer(Speaker(), cache_key_extra=given)


@pytest.mark.parametrize("declared", [["voice"], "voice", 1])
def test_declared_fields_that_are_no_mapping_are_refused_before_the_call(cache, declared):
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


class Careless(Speaker):
    """Returns whatever it is told to."""

    def __init__(self, reply):
        super().__init__()
        self.reply = reply

    async def synthesize(self, text):
        await super().synthesize(text)
        return self.reply


@pytest.mark.parametrize("outcome", [None, b"RIFF", "audio", 1, {"data": b"x"}, [FRESH]])
@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_reply_that_is_no_audio_is_an_error_and_not_stored(cache, outcome, mode):
    speaker = Careless(outcome)
    with pytest.raises(NoAudioError, match=r"must return a russo\.Audio") as caught:
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode))
    assert f"Careless.synthesize returned {type(outcome).__name__}" in str(caught.value)
    assert not caught.value.retryable
    assert len(speaker.texts) == 1
    assert entry_files(cache) == {}


@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_empty_audio_is_an_error_and_not_stored(cache, mode):
    speaker = Speaker(Audio(b""))
    cache.put(key_of(speaker, "before"), STORED)
    with pytest.raises(NoAudioError, match="the audio is empty"):
        synthesize(CachedSynthesizer(speaker, cache=cache, mode=mode))
    assert cache.size() == 1


def test_audio_without_samples_is_no_reason_to_lose_bytes(cache):
    odd = Audio(b"\xff", "opus", 48000, 2, 4)
    cached = CachedSynthesizer(Speaker(odd), cache=cache)
    assert synthesize(cached) == synthesize(cached) == odd


# -- the key


def test_key_is_of_prompt_own_and_given_fields(cache, events):
    speaker = Speaker(voice="a")
    given = {"voice": "b", "model": "m"}
    synthesize(CachedSynthesizer(speaker, cache=cache, cache_key_extra=given))
    key = cache_key(PROMPT, speaker.cache_key_extra, given)
    assert list(cache.stored_keys()) == [key]
    assert cache.describe(key)["fields"] == {"own": speaker.cache_key_extra, "given": given}
    assert events.one(CacheMiss).key == key


def test_own_and_given_fields_are_never_merged(cache):
    pairs = [({"voice": "a"}, {"voice": "b"}), ({"voice": "b"}, {"voice": "a"}), ({"voice": "b"}, None)]
    for number, (own, given) in enumerate(pairs):
        speaker = Speaker(sound(str(number)))
        speaker.cache_key_extra = own
        assert synthesize(CachedSynthesizer(speaker, cache=cache, cache_key_extra=given)) == sound(
            str(number)
        )
    assert cache.size() == len(pairs)


BASE = {"backend": "speaker", "model": "m1", "voice": "anna", "speed": 1.0, "engine": "1.4"}


@pytest.mark.parametrize(
    "change",
    [
        {"voice": "bert"},
        {"model": "m2"},
        {"speed": 1.25},
        {"engine": "1.5"},
        {"backend": "other"},
        {"language": "de"},
        {"voice": None},
    ],
)
@pytest.mark.parametrize("how", ["declared", "changed under way", "given"])
def test_changed_setting_never_replays_old_audio(cache, change, how):
    speaker = Speaker(STORED, FRESH)
    given = BASE if how == "given" else None
    speaker.cache_key_extra = {} if given else BASE
    cached = CachedSynthesizer(speaker, cache=cache, cache_key_extra=given)
    assert synthesize(cached) == STORED
    if how == "given":
        cached = CachedSynthesizer(speaker, cache=cache, cache_key_extra=BASE | change)
    else:
        speaker.cache_key_extra = BASE | change
        if how == "declared":
            cached = CachedSynthesizer(speaker, cache=cache)
    assert synthesize(cached) == FRESH
    assert synthesize(cached) == FRESH
    assert len(speaker.texts) == 2


def test_given_fields_are_copied(cache):
    given = {"styles": ["calm"]}
    cached = CachedSynthesizer(Speaker(), cache=cache, cache_key_extra=given)
    given["styles"].append("loud")
    synthesize(cached)
    assert list(cache.stored_keys()) == [key_of(Speaker(), given={"styles": ["calm"]})]


def test_class_that_declares_nothing_is_keyed_by_its_module_and_name(cache, events):
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    assert list(cache.stored_keys()) == [cache_key(PROMPT, {"class": "russo.testing.FakeSynthesizer"}, None)]
    assert not events.one(CacheMiss).declares_settings
    assert not events.one(CacheHit).declares_settings


def test_two_classes_of_one_name_share_no_audio(cache):
    twin = type("FakeSynthesizer", (FakeSynthesizer,), {"__module__": "elsewhere"})()
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    synthesize(CachedSynthesizer(twin, cache=cache))
    assert twin.texts == [PROMPT]


def test_empty_mapping_states_that_there_is_nothing_to_declare(cache, events):
    speaker = Speaker()
    speaker.cache_key_extra = {}
    synthesize(CachedSynthesizer(speaker, cache=cache))
    assert events.one(CacheMiss).declares_settings
    assert list(cache.stored_keys()) == [cache_key(PROMPT, {}, None)]


class Wrapper:
    """Forwards the mapping of what it wraps, as wrappers are asked to."""

    def __init__(self, inner):
        self.inner = inner

    @property
    def cache_key_extra(self):
        return self.inner.cache_key_extra

    async def synthesize(self, text):
        return await self.inner.synthesize(text)


def test_wrapper_that_forwards_shares_the_key_of_what_it_wraps(cache):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache))
    assert synthesize(CachedSynthesizer(Wrapper(speaker), cache=cache)) == sound(PROMPT)
    assert len(speaker.texts) == 1


def test_cached_synthesizer_forwards_what_it_wraps_and_was_given():
    speaker = Speaker()
    assert CachedSynthesizer(speaker).cache_key_extra == speaker.cache_key_extra
    given = CachedSynthesizer(speaker, cache_key_extra={"a": 1})
    assert given.cache_key_extra == {"own": speaker.cache_key_extra, "given": {"a": 1}}


# -- prompts


@pytest.mark.parametrize("prompt", STRANGE_PROMPTS.values(), ids=STRANGE_PROMPTS)
def test_strange_prompt_is_spoken_stored_and_replayed(cache, prompt):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    assert synthesize(cached, prompt) == sound(prompt)
    assert synthesize(CachedSynthesizer(speaker, cache=AudioCache(cache.directory)), prompt) == sound(prompt)
    assert speaker.texts == [prompt]
    (meta,) = cache.directory.glob("*.meta")
    assert json.loads(meta.read_text("utf-8"))["prompt"] == prompt[:65536]


@pytest.mark.parametrize("prompt", STRANGE_PROMPTS.values(), ids=STRANGE_PROMPTS)
def test_strange_prompt_that_is_missing_is_told_in_few_words(cache, prompt):
    with pytest.raises(CacheMissError) as caught:
        synthesize(CachedSynthesizer(Speaker(), cache=cache, mode="replay"), prompt)
    assert caught.value.prompt == prompt
    assert len(str(caught.value)) < 600


def test_prompt_is_exact(cache):
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
def test_prompt_that_is_no_text_is_refused(cache, prompt):
    with pytest.raises(TypeError, match=f"a prompt is text, not {type(prompt).__name__}"):
        synthesize(CachedSynthesizer(Speaker(), cache=cache), prompt)


# -- errors


@pytest.mark.parametrize("error", [FAILURE, OSError("gone"), KeyError("x"), ZeroDivisionError()])
@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_error_passes_through_and_nothing_is_stored(cache, events, error, mode):
    speaker = Speaker(error, FRESH)
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    with pytest.raises(type(error)) as caught:
        synthesize(cached)
    assert caught.value is error
    assert events.one(SynthesisFinish).error is error
    assert entry_files(cache) == {}
    assert synthesize(cached) == FRESH


def test_failed_refresh_keeps_the_old_entry(cache):
    speaker = Speaker(FAILURE, FRESH)
    cache.put(key_of(speaker), STORED)
    cached = CachedSynthesizer(speaker, cache=cache, mode="refresh")
    with pytest.raises(AuthenticationError):
        synthesize(cached)
    assert cache.get(key_of(speaker)) == STORED
    assert synthesize(cached) == FRESH


def test_cancellation_that_a_backend_raises_by_itself_ends_the_call(cache):
    speaker = Speaker(asyncio.CancelledError("an SDK's own task was cancelled"), FRESH)
    cached = CachedSynthesizer(speaker, cache=cache)
    with pytest.raises((RussoError, asyncio.CancelledError)):
        synthesize(cached)
    assert len(speaker.texts) == 1


# -- hits


def test_hit_needs_no_event_loop_and_no_synthesizer(cache):
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


def test_damaged_entry_is_counted_spoken_again_and_healed(cache, events):
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


def test_hit_names_the_directory_that_answered(cache, events, tmp_path):
    recordings = AudioCache(tmp_path / "recordings")
    recordings.put(key_of(Speaker()), STORED)
    synthesize(CachedSynthesizer(Speaker(), cache=LayeredCache(cache, [recordings])))
    assert events.one(CacheHit).directory == recordings.directory


# -- equal requests in flight


async def until_called(speaker):
    """Let the other tasks of the loop run until the speaker has been called."""
    while not speaker.texts:  # noqa: ASYNC110 - the speaker is to know nothing of its test
        await asyncio.sleep(0)


async def many(cached, gate, number=50, prompts=(PROMPT,)):
    """Ask often at once, and let the call return when everybody has asked."""
    tasks = [asyncio.create_task(cached.synthesize(prompts[at % len(prompts)])) for at in range(number)]
    await until_called(cached.synthesizer)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("mode", ["auto", "refresh"])
def test_fifty_equal_requests_of_one_loop_make_one_call(cache, events, mode):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
        assert await many(cached, speaker.gate) == [sound(PROMPT)] * 50
        return speaker.texts

    assert run(main()) == [PROMPT]
    assert len(events.all(SynthesisStart)) == len(events.all(CacheMiss)) == len(events.all(EntryStored)) == 1
    assert len(events.all(CacheHit)) == 49
    assert {hit.directory for hit in events.all(CacheHit)} == {None}


def test_different_requests_do_not_wait_for_each_other(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        tasks = [asyncio.create_task(cached.synthesize(f"prompt {at}")) for at in range(8)]
        while len(speaker.texts) < 8:  # noqa: ASYNC110 - all are in progress before any has returned
            await asyncio.sleep(0.001)
        speaker.gate.set()
        assert await asyncio.gather(*tasks) == [sound(f"prompt {at}") for at in range(8)]

    run(main())


def test_requests_of_different_voices_do_not_share_a_call(cache):
    async def main():
        speakers = [Speaker(voice=voice) for voice in "ab"]
        both = (CachedSynthesizer(each, cache=cache).synthesize(PROMPT) for each in speakers)
        assert await asyncio.gather(*both) == [sound(PROMPT, "a"), sound(PROMPT, "b")]

    run(main())


def test_mode_off_shares_nothing(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        await many(CachedSynthesizer(speaker, cache=cache, mode="off"), speaker.gate, 5)
        return len(speaker.texts)

    assert run(main()) == 5


def test_two_synthesizers_over_one_cache_share_the_call(cache):
    async def main():
        gate = asyncio.Event()
        speakers = [Speaker(gate=gate), Speaker(gate=gate)]
        tasks = [
            asyncio.create_task(CachedSynthesizer(each, cache=cache).synthesize(PROMPT)) for each in speakers
        ]
        await until_called(speakers[0])
        gate.set()
        await asyncio.gather(*tasks)
        return [len(each.texts) for each in speakers]

    assert run(main()) == [1, 0]


@pytest.mark.parametrize("is_shared", [True, False], ids=["one cache object", "one directory"])
def test_fifty_equal_requests_of_many_threads_make_one_call(cache, is_shared):
    speaker, start = Speaker(), threading.Barrier(50)

    def ask(_):
        own = cache if is_shared else AudioCache(cache.directory)
        cached = CachedSynthesizer(speaker, cache=own)
        start.wait()
        return synthesize(cached)

    with ThreadPoolExecutor(50) as threads:
        assert set(threads.map(ask, range(50))) == {sound(PROMPT)}
    assert speaker.texts == [PROMPT]


class Elsewhere(Speaker):
    """Speaks when told to, from any thread; a call that is to hang is left waiting in its loop."""

    def __init__(self, hanging=0):
        super().__init__()
        self.hanging = hanging
        self.called, self.may_return = threading.Event(), threading.Event()

    async def synthesize(self, text):
        self.texts.append(text)
        self.called.set()
        if len(self.texts) <= self.hanging:
            await asyncio.Event().wait()
        await asyncio.to_thread(self.may_return.wait)
        return sound(text)


async def ask_while(cached, aboard):
    """Ask, and tell when the request is on its way: its first step runs up to the wait."""
    task = asyncio.create_task(cached.synthesize(PROMPT))
    await asyncio.sleep(0)
    aboard.set()
    return await task


def test_waiter_in_another_event_loop_hears_the_same_audio(cache):
    speaker = Elsewhere()
    cached = CachedSynthesizer(speaker, cache=cache)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(synthesize, cached)
        assert speaker.called.wait(10)
        second = run(ask_while(cached, speaker.may_return))
        assert second == first.result(10) == sound(PROMPT)
    assert speaker.texts == [PROMPT]


def test_waiters_pay_again_when_the_loop_of_the_payer_ends(cache):
    speaker, aboard = Elsewhere(hanging=1), threading.Event()
    speaker.may_return.set()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def leave():
        asyncio.ensure_future(cached.synthesize(PROMPT))  # noqa: RUF006 - left behind on purpose
        await asyncio.to_thread(aboard.wait, 10)

    with ThreadPoolExecutor(1) as thread:
        payer = thread.submit(run, leave())
        assert speaker.called.wait(10)
        assert run(ask_while(cached, aboard)) == sound(PROMPT)
        payer.result(10)
    assert len(speaker.texts) == 2


def test_cancelled_waiters_leave_the_call_to_the_others(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        tasks = [asyncio.create_task(cached.synthesize(PROMPT)) for _ in range(5)]
        await until_called(speaker)
        for task in (tasks[0], tasks[3]):  # the first is who started it
            task.cancel()
        for task in (tasks[0], tasks[3]):
            with pytest.raises(asyncio.CancelledError):
                await task
        speaker.gate.set()
        assert await asyncio.gather(tasks[1], tasks[2], tasks[4]) == [sound(PROMPT)] * 3
        return speaker.texts

    assert run(main()) == [PROMPT]


def test_call_outlives_all_of_its_waiters_and_is_stored(cache, events):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        task = asyncio.create_task(cached.synthesize(PROMPT))
        await until_called(speaker)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        speaker.gate.set()
        assert await cached.synthesize(PROMPT) == sound(PROMPT)
        return speaker.texts

    assert run(main()) == [PROMPT]
    assert cache.size() == 1
    assert events.one(SynthesisFinish).error is None


def test_timeout_of_a_waiter_is_his_alone(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        patient = asyncio.create_task(cached.synthesize(PROMPT))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cached.synthesize(PROMPT), 0.01)
        speaker.gate.set()
        assert await patient == sound(PROMPT)

    run(main())


def test_failure_reaches_every_waiter_and_is_never_stored(cache, events):
    async def main():
        speaker = Speaker(FAILURE, FRESH, gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        outcomes = await many(cached, speaker.gate, 20)
        assert all(outcome is FAILURE for outcome in outcomes)
        assert len(speaker.texts) == 1
        assert entry_files(cache) == {}
        assert await cached.synthesize(PROMPT) == FRESH

    run(main())
    assert not events.all(CacheHit)


def test_failure_reaches_waiters_of_another_loop(cache):
    speaker = Elsewhere()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def fail(text):
        await Elsewhere.synthesize(speaker, text)
        raise FAILURE

    speaker.synthesize = fail
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(synthesize, cached)
        assert speaker.called.wait(10)
        with pytest.raises(AuthenticationError):
            run(ask_while(cached, speaker.may_return))
        assert first.exception(10) is FAILURE
    assert len(speaker.texts) == 1


def test_one_synthesizer_serves_many_loops_one_after_another(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    for number in range(3):
        assert synthesize(cached, f"prompt {number}") == sound(f"prompt {number}")
    assert len(speaker.texts) == 3


def test_no_lock_is_left_behind(cache):
    synthesize(CachedSynthesizer(Speaker(), cache=cache))
    with contextlib.suppress(AuthenticationError):
        synthesize(CachedSynthesizer(Speaker(FAILURE), cache=cache), "fails")
    assert not list(cache.directory.rglob("*.lock"))
    assert not list(cache.directory.rglob("*.russo-tmp"))


# -- refresh


def test_refresh_pays_once_per_key_and_run(cache):
    speaker = Speaker(STORED, FRESH, sound("third"))
    synthesize(CachedSynthesizer(speaker, cache=cache))
    cached = CachedSynthesizer(speaker, cache=cache, mode="refresh")
    assert [synthesize(cached) for _ in range(3)] == [FRESH] * 3
    assert synthesize(cached, "another prompt") == sound("third")
    assert len(speaker.texts) == 3
    assert synthesize(CachedSynthesizer(speaker, cache=cache, mode="refresh")) == sound("third")
    assert len(speaker.texts) == 4


def test_refresh_is_once_per_run_for_all_of_its_synthesizers(cache):
    speakers = [Speaker(), Speaker()]
    shared = context_of(cache, "refresh")
    for speaker in speakers:
        cached = CachedSynthesizer(speaker)
        cached.bound_to(shared)
        synthesize(cached)
    assert [len(speaker.texts) for speaker in speakers] == [1, 0]


@pytest.mark.parametrize("prompt", ["recorded", PROMPT])
def test_refresh_of_recordings_is_refused_before_any_call(cache, tmp_path, prompt):
    speaker = Speaker()
    recordings = AudioCache(tmp_path / "recordings")
    recordings.put(key_of(speaker, "recorded"), STORED)
    layered = LayeredCache(cache, [AudioCache(recordings.directory, read_only=True)])
    with pytest.raises(ValueError, match="mode 'refresh' cannot replace recordings") as caught:
        synthesize(CachedSynthesizer(speaker, cache=layered, mode="refresh"), prompt)
    assert str(recordings.directory) in str(caught.value)
    assert speaker.texts == []
    assert recordings.get(key_of(speaker, "recorded")) == STORED


# -- stores that fail


def test_store_that_fails_costs_only_the_cache(tmp_path, events):
    (tmp_path / "cache").write_bytes(b"a file")
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=AudioCache(tmp_path / "cache"))
    assert synthesize(cached) == synthesize(cached) == sound(PROMPT)
    assert len(speaker.texts) == 2
    assert [event.reason for event in events.all(StoreFailed)] == ["Not a directory"] * 2
    assert events.all(StoreFailed)[0].directory == tmp_path / "cache"
    assert not events.all(EntryStored)


def test_read_only_cache_replays_and_is_never_written(cache, events):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache), "recorded")
    before = {path: path.stat().st_mtime_ns for path in cache.directory.rglob("*")}
    cached = CachedSynthesizer(speaker, cache=AudioCache(cache.directory, read_only=True))
    assert synthesize(cached, "recorded") == sound("recorded")
    assert synthesize(cached) == sound(PROMPT)
    assert events.one(StoreFailed).reason == "this cache is read-only"
    assert {path: path.stat().st_mtime_ns for path in cache.directory.rglob("*")} == before


def test_read_only_cache_that_does_not_exist_is_not_made(tmp_path):
    cached = CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path / "none", read_only=True))
    assert synthesize(cached) == sound(PROMPT)
    assert not (tmp_path / "none").exists()


def test_fields_too_large_to_describe_lose_no_audio(cache, events):
    speaker = Speaker(style="x" * (1 << 20))
    assert synthesize(CachedSynthesizer(speaker, cache=cache)) == speaker.sound(PROMPT)
    assert "1048576 is the most" in events.one(StoreFailed).reason


# -- other event loops than asyncio's


@pytest.mark.parametrize(
    "host",
    [trio.run, lambda call, *args: anyio.run(call, *args, backend="trio"), anyio.run],
    ids=["trio", "anyio on trio", "anyio on asyncio"],
)
def test_other_loops_work_for_miss_and_hit(cache, events, host):
    class Asyncio(Speaker):
        async def synthesize(self, text):
            await asyncio.sleep(0)  # a backend is an asyncio program, whatever the host
            return await super().synthesize(text)

    speaker = Asyncio()
    cached = CachedSynthesizer(speaker, cache=cache)
    assert host(cached.synthesize, PROMPT) == sound(PROMPT)
    assert host(cached.synthesize, PROMPT) == sound(PROMPT)
    assert speaker.texts == [PROMPT]
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish", "entry_stored", "cache_hit"]


def test_equal_requests_of_trio_make_one_call(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(cached.synthesize, PROMPT)

    trio.run(main)
    assert speaker.texts == [PROMPT]


def test_error_passes_through_trio(cache):
    with pytest.raises(AuthenticationError) as caught:
        trio.run(CachedSynthesizer(Speaker(FAILURE), cache=cache).synthesize, PROMPT)
    assert caught.value is FAILURE


# -- one inside another


def nested(kind, cache, other, speaker):
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
    return CachedSynthesizer(nested("one cache", cache, other, speaker), cache=cache)


NESTED = ["two caches", "one cache", "one directory", "through a wrapper", "three deep"]


@pytest.mark.parametrize("kind", NESTED)
def test_nested_synthesizers_speak_once_and_count_once(cache, tmp_path, kind):
    speaker = Speaker()
    cached = nested(kind, cache, AudioCache(tmp_path / "other"), speaker)
    with registered(Statistics()) as statistics:
        assert synthesize(cached) == sound(PROMPT)
        counts = statistics.take()
        assert (counts.hits, counts.misses, counts.backend_calls) == (0, 1, 1)
        assert counts.backend_characters == len(PROMPT)
        assert synthesize(cached) == sound(PROMPT)
        counts = statistics.take()
        assert (counts.hits, counts.misses, counts.backend_calls) == (1, 0, 0)
    assert speaker.texts == [PROMPT]


def test_inner_synthesizer_with_a_cache_of_its_own_stores_there_too(cache, tmp_path):
    other = AudioCache(tmp_path / "other")
    synthesize(nested("two caches", cache, other, Speaker()))
    assert cache.get(key_of(Speaker())) == other.get(key_of(Speaker())) == sound(PROMPT)


def test_hit_of_the_inner_one_is_no_paid_call(cache, tmp_path):
    speaker = Speaker()
    inner = CachedSynthesizer(speaker, cache=AudioCache(tmp_path / "other"))
    synthesize(inner)
    with registered(Statistics()) as statistics:
        assert synthesize(CachedSynthesizer(inner, cache=cache)) == sound(PROMPT)
        counts = statistics.take()
    assert (counts.hits, counts.misses, counts.backend_calls) == (0, 1, 0)
    assert len(speaker.texts) == 1


# -- the rest of a synthesizer


def test_aclose_reaches_what_is_wrapped():
    speaker = Speaker()
    run(CachedSynthesizer(CachedSynthesizer(speaker)).aclose())
    assert speaker.closed


def test_aclose_of_what_has_none_does_nothing():
    run(CachedSynthesizer(FakeSynthesizer()).aclose())


def test_repr_shows_what_is_wrapped_where_and_how(cache):
    cached = CachedSynthesizer(Speaker(), cache=cache, mode="replay")
    assert repr(cached) == f"CachedSynthesizer({cached.synthesizer!r}, cache={cache!r}, mode='replay')"


def test_flight_cancelled_before_its_first_step_is_flown_again(cache):
    async def main():
        cached = CachedSynthesizer(Speaker(), cache=cache)
        others = asyncio.all_tasks()
        first = asyncio.create_task(cached.synthesize(PROMPT))
        await asyncio.sleep(0)  # the flight's task exists, and has not begun
        for task in asyncio.all_tasks() - others:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await cached.synthesize(PROMPT)

    assert run(main()).data


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_paid_audio_is_kept_where_a_listener_is_interrupted(cache, interruption):
    class Interrupted:
        @hookimpl
        def russo_synthesis_finish(self, event):
            raise interruption

    async def main():
        # Caught here: what leaves a task for good is told by the garbage collector, in whichever test it runs.
        with pytest.raises(interruption):
            await CachedSynthesizer(Speaker(), cache=cache).synthesize(PROMPT)

    with registered(Interrupted()):
        asyncio.run(main())
    assert cache.size() == 1
